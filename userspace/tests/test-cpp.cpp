// SPDX-License-Identifier: GPL-2.0-only
/*
 * The C++ header without a device: owners release their descriptor or mapping exactly once,
 * and calls that fail throw with the library's text.
 */
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <type_traits>
#include <unistd.h>

#include <peerbuf.hpp>

#include "check.h"

/* A domain that no machine has. */
#define NOWHERE	"fffffff0:ff:1f.7"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

template <typename Call> static int thrown(Call call, const char *reason = "NONE")
{
	try {
		call();
	} catch (const peerbuf::error &error) {
		CHECK_TEXT(error.reason(), reason);
		CHECK_INT(error.detail().error, -error.code().value());
		CHECK(strlen(error.what()) > 0);
		return error.code().value();
	}
	return 0;
}

static void descriptors_are_closed_once()
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), other;

	{
		peerbuf::descriptor first(fd), second(-1);

		second = std::move(first);
		CHECK_INT(first.get(), -1);
		CHECK_INT(second.get(), fd);
		peerbuf::descriptor third(std::move(second));

		CHECK(is_open(fd));
		CHECK_INT(third.get(), fd);
	}
	CHECK(!is_open(fd));

	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	other = dup(fd);
	{
		peerbuf::buffer buffer(fd, 7);

		CHECK_INT(buffer.id(), 7);
		buffer = peerbuf::buffer(other, 8);
		CHECK(!is_open(fd));
		CHECK_INT(buffer.id(), 8);
		CHECK_INT(buffer.release(), other);
	}
	CHECK(is_open(other));
	close(other);
}

static void mappings_end_with_their_owner()
{
	peerbuf::buffer memory(memfd_create("buffer", MFD_CLOEXEC));
	void *address;

	CHECK_INT(ftruncate(memory.get(), 8192), 0);
	{
		peerbuf::mapping map(memory, 4096, 4096);

		address = map.data();
		static_cast<char *>(address)[0] = 'x';
		peerbuf::mapping moved(std::move(map));

		CHECK(!map.data());
		CHECK_INT(map.size(), 0);
		CHECK_INT(moved.size(), 4096);
		CHECK_INT(msync(address, 4096, MS_ASYNC), 0);
	}
	CHECK_INT(msync(address, 4096, MS_ASYNC), -1);

	char byte = 0;

	CHECK_INT(pread(memory.get(), &byte, 1, 4096), 1);
	CHECK_INT(byte, 'x');
	CHECK_INT(thrown([&] { peerbuf::mapping(memory, 4096, 1); }), EINVAL);
}

static void failures_throw_with_a_reason()
{
	CHECK_INT(thrown([] { peerbuf::node node("no address"); }), EINVAL);
	CHECK_INT(thrown([] { peerbuf::node node(NOWHERE); }), ENOENT);
	CHECK_INT(thrown([] { peerbuf::parse_address("0000:00:20.0"); }), ERANGE);
	CHECK_TEXT(peerbuf::format_address(peerbuf::parse_address("1:2.3")).c_str(),
		   "0000:01:02.3");

	peerbuf_error detail = {};

	detail.error = -EINVAL;
	detail.reason = PEERBUF_REASON_UNALIGNED;
	peerbuf::error error(-EINVAL, detail);

	CHECK_TEXT(error.reason(), "UNALIGNED");
	CHECK(strstr(error.what(), "EINVAL"));
	CHECK(error.code() == std::errc::invalid_argument);
}

static void ranges_are_complete()
{
	peerbuf_range range = peerbuf::system_range(4096);

	CHECK_INT(range.flags, PEERBUF_RANGE_F_SYSTEM);
	CHECK_INT(range.length, 4096);
	range = peerbuf::bar_range(2, 65536, 4096);
	CHECK_INT(range.bar, 2);
	CHECK_INT(range.offset, 65536);
	CHECK_INT(range.flags, 0);
}

/* What was looked up is closed with the list of it. */
static void pieces_own_what_they_name()
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	{
		std::vector<peerbuf::piece> pieces;

		pieces.push_back({ {}, peerbuf::buffer(fd, 7) });
		pieces.push_back({ {}, peerbuf::buffer(-1) });
		CHECK_INT(pieces[0].dmabuf.id(), 7);
		CHECK(is_open(fd));
	}
	CHECK(!is_open(fd));
}

static_assert(!std::is_copy_constructible_v<peerbuf::node>);
static_assert(!std::is_copy_assignable_v<peerbuf::buffer>);
static_assert(!std::is_copy_constructible_v<peerbuf::mapping>);
static_assert(!std::is_copy_constructible_v<peerbuf::piece>);
static_assert(std::is_nothrow_move_constructible_v<peerbuf::piece>);
static_assert(std::is_nothrow_move_constructible_v<peerbuf::node>);

int main()
{
	descriptors_are_closed_once();
	mappings_end_with_their_owner();
	failures_throw_with_a_reason();
	ranges_are_complete();
	pieces_own_what_they_name();
	return check_result();
}
