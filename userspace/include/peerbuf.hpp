/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libpeerbuf for C++17, as a header alone: objects release what they own, and calls that fail
 * throw peerbuf::error. Link with libpeerbuf, and see <peerbuf.h> for what each call does.
 *
 *	peerbuf::node node("0000:01:00.0");
 *	peerbuf::buffer buffer = node.export_bar(2);
 *	peerbuf::mapping bytes(buffer, 65536);
 *	node.revoke(buffer.id());
 *
 * Objects can be moved, not copied. One object must not be used by two threads at a time;
 * different objects may be.
 */
#ifndef LIBPEERBUF_HPP
#define LIBPEERBUF_HPP

#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <system_error>
#include <utility>
#include <vector>

#include <peerbuf.h>

namespace peerbuf
{

/** Why a call failed: errno as code(), and which check failed. */
class error : public std::system_error
{
public:
	explicit error(int result) : error(result, none(result))
	{
	}

	error(int result, const peerbuf_error &detail)
		: std::system_error(-result, std::generic_category(), text(detail)),
		  detail_(detail)
	{
	}

	/** All details; detail().error is the negative errno. */
	const peerbuf_error &detail() const noexcept
	{
		return detail_;
	}

	/** The reason's name, like "UNALIGNED". */
	const char *reason() const noexcept
	{
		return peerbuf_reason_name(detail_.reason);
	}

	/** What a person can do about it, or "". */
	const char *advice() const noexcept
	{
		return peerbuf_reason_advice(detail_.reason);
	}

private:
	static peerbuf_error none(int result)
	{
		peerbuf_error detail = {};

		detail.error = result;
		detail.range = PEERBUF_NO_RANGE;
		detail.blocker = PEERBUF_PCI_NONE;
		detail.missing = PEERBUF_PCI_NONE;
		return detail;
	}

	static std::string text(const peerbuf_error &detail)
	{
		char line[256];

		peerbuf_error_format(&detail, line, sizeof(line));
		return line;
	}

	peerbuf_error detail_;
};

/** Returns a call's result, or throws if it is a negative errno. */
template <typename Result> Result check(Result result)
{
	if (result < 0)
		throw error(static_cast<int>(result));
	return result;
}

/** Owns a descriptor, and closes it. */
class descriptor
{
public:
	explicit descriptor(int fd) noexcept : fd_(fd)
	{
	}

	descriptor(descriptor &&other) noexcept : fd_(other.release())
	{
	}

	descriptor &operator=(descriptor &&other) noexcept
	{
		if (this != &other)
			reset(other.release());
		return *this;
	}

	descriptor(const descriptor &) = delete;
	descriptor &operator=(const descriptor &) = delete;

	~descriptor()
	{
		reset();
	}

	/** The object still owns it; -1 after release() and after it was moved from. */
	int get() const noexcept
	{
		return fd_;
	}

	/** Returns the descriptor, which the caller now owns. */
	int release() noexcept
	{
		return std::exchange(fd_, -1);
	}

	/** Closes the descriptor, and owns @fd instead. */
	void reset(int fd = -1) noexcept
	{
		int before = std::exchange(fd_, fd);

		if (before >= 0)
			peerbuf_close(before);
	}

private:
	int fd_;
};

/** A dma-buf: an export made by this program, or one that came from elsewhere, with id 0. */
class buffer : public descriptor
{
public:
	explicit buffer(int fd, std::uint64_t id = 0) noexcept : descriptor(fd), id_(id)
	{
	}

	std::uint64_t id() const noexcept
	{
		return id_;
	}

private:
	std::uint64_t id_;
};

/** A mapping of bytes of a dma-buf. Access to them after a revoke raises SIGBUS. */
class mapping
{
public:
	mapping(const descriptor &dmabuf, std::size_t length, std::uint64_t offset = 0,
		int prot = PROT_READ | PROT_WRITE)
		: length_(length)
	{
		check(peerbuf_mmap(dmabuf.get(), offset, length, prot, &address_));
	}

	mapping(mapping &&other) noexcept
		: address_(std::exchange(other.address_, nullptr)),
		  length_(std::exchange(other.length_, 0))
	{
	}

	mapping &operator=(mapping &&other) noexcept
	{
		std::swap(address_, other.address_);
		std::swap(length_, other.length_);
		return *this;
	}

	mapping(const mapping &) = delete;
	mapping &operator=(const mapping &) = delete;

	~mapping()
	{
		if (address_)
			peerbuf_munmap(address_, length_);
	}

	void *data() const noexcept
	{
		return address_;
	}

	std::size_t size() const noexcept
	{
		return length_;
	}

private:
	void *address_ = nullptr;
	std::size_t length_;
};

/** A range of a BAR, for node::export_ranges() and move(). */
inline peerbuf_range bar_range(unsigned int bar, std::uint64_t offset, std::uint64_t length)
{
	peerbuf_range range = {};

	range.bar = bar;
	range.offset = offset;
	range.length = length;
	return range;
}

/** A range of system memory. */
inline peerbuf_range system_range(std::uint64_t length)
{
	peerbuf_range range = {};

	range.length = length;
	range.flags = PEERBUF_RANGE_F_SYSTEM;
	return range;
}

/** What some addresses are, and the dma-buf made of them, whose get() is -1 where there is none. */
struct piece {
	peerbuf_piece info;
	buffer dmabuf;
};

/** One dma-buf of a range of addresses, and where in it the first is. */
struct part {
	buffer dmabuf;
	std::uint64_t offset;
};

/** What nodes and control have in common. */
class file : public descriptor
{
public:
	/** On return nothing reaches the memory any more. Throws EINPROGRESS after the time. */
	void revoke(std::uint64_t id, std::uint32_t timeout_ms = PEERBUF_WAIT_FOREVER) const
	{
		ask(peerbuf_revoke, id, timeout_ms);
	}

	void restore(std::uint64_t id, const std::vector<int> &rights = {}) const
	{
		ask(peerbuf_restore_with, id, rights.data(), rights.size());
	}

	peerbuf_ioc_probe probe() const
	{
		peerbuf_ioc_probe probe = {};

		ask(peerbuf_probe, &probe);
		return probe;
	}

	peerbuf_export_info query(std::uint64_t id) const
	{
		peerbuf_export_info info = {};

		ask(peerbuf_query, id, &info);
		return info;
	}

	peerbuf_export_info query(const descriptor &dmabuf) const
	{
		peerbuf_export_info info = {};

		ask(peerbuf_query_fd, dmabuf.get(), &info);
		return info;
	}

	std::vector<peerbuf_export_info> exports() const
	{
		peerbuf_export_info *entries = nullptr;
		std::size_t count = 0;

		ask(peerbuf_list, &entries, &count);
		return taken(entries, count);
	}

	std::vector<peerbuf_attachment_info> importers(std::uint64_t id) const
	{
		peerbuf_attachment_info *entries = nullptr;
		std::size_t count = 0;

		ask(peerbuf_attachments, id, &entries, &count);
		return taken(entries, count);
	}

	/* The structure and this function have the same name. */
	struct peerbuf_route route(std::uint64_t provider, std::uint64_t client,
				   std::uint32_t bar = PEERBUF_ANY_BAR) const
	{
		struct peerbuf_route route = {};

		ask(&::peerbuf_route, provider, client, bar, &route);
		return route;
	}

protected:
	using descriptor::descriptor;

	/** Makes a call that fills a struct peerbuf_error. */
	template <typename Result = int, typename Call, typename... Arguments>
	Result ask(Call call, Arguments... arguments) const
	{
		peerbuf_error detail;
		Result result = call(get(), arguments..., &detail);

		if (result < 0)
			throw error(static_cast<int>(result), detail);
		return result;
	}

	template <typename Entry>
	static std::vector<Entry> taken(Entry *entries, std::size_t count)
	{
		std::unique_ptr<Entry, void (*)(void *)> owned(entries, std::free);

		return std::vector<Entry>(entries, entries + count);
	}
};

/** The node of a PCI function. Closing it revokes for good what was exported through it. */
class node : public file
{
public:
	explicit node(const char *bdf, int flags = O_RDWR) : file(check(peerbuf_open(bdf, flags)))
	{
	}

	explicit node(std::uint64_t addr, int flags = O_RDWR)
		: file(check(peerbuf_open_addr(addr, flags)))
	{
	}

	peerbuf_ioc_info info() const
	{
		peerbuf_ioc_info info = {};

		ask(peerbuf_info, &info);
		return info;
	}

	buffer export_ranges(const std::vector<peerbuf_range> &ranges, std::uint32_t flags = 0,
			     int open_flags = O_RDWR | O_CLOEXEC) const
	{
		std::uint64_t id = 0;
		int fd = ask(peerbuf_export, ranges.data(), ranges.size(), flags, open_flags, &id);

		return buffer(fd, id);
	}

	/** With more to choose; the size of @options is filled in here. */
	buffer export_ranges(const std::vector<peerbuf_range> &ranges,
			     peerbuf_export_options options) const
	{
		std::uint64_t id = 0;

		options.size = sizeof(options);

		int fd = ask(peerbuf_export_with, ranges.data(), ranges.size(), &options, &id);

		return buffer(fd, id);
	}

	buffer export_bar(unsigned int bar, std::uint32_t flags = 0,
			  int open_flags = O_RDWR | O_CLOEXEC) const
	{
		std::uint64_t id = 0;
		int fd = ask(peerbuf_export_bar, bar, flags, open_flags, &id);

		return buffer(fd, id);
	}

	void move(std::uint64_t id, const std::vector<peerbuf_range> &ranges,
		  std::uint32_t flags = 0, const std::vector<int> &rights = {}) const
	{
		ask(peerbuf_move_with, id, ranges.data(), ranges.size(), flags, rights.data(),
		    rights.size());
	}

	/** Bit PEERBUF_EVENT_x for each type that events() is to report. */
	void select_events(std::uint64_t types) const
	{
		ask(peerbuf_events_select, types);
	}

	/** Waits for an event unless opened with O_NONBLOCK. Empty when the device is gone. */
	std::vector<peerbuf_event> events(std::size_t most = 64) const
	{
		std::vector<peerbuf_event> found(most);

		found.resize(check(peerbuf_events(get(), found.data(), found.size())));
		return found;
	}
};

/** /dev/peerbuf/control. */
class control : public file
{
public:
	explicit control(int flags = O_RDONLY) : file(check(peerbuf_open_control(flags)))
	{
	}

	std::vector<std::uint64_t> devices() const
	{
		std::uint64_t *addrs = nullptr;
		std::size_t count = 0;

		ask(peerbuf_devices, &addrs, &count);
		return taken(addrs, count);
	}

	peerbuf_ioc_stats stats() const
	{
		peerbuf_ioc_stats stats = {};

		ask(peerbuf_stats, &stats);
		return stats;
	}

	/** The dma-bufs behind addresses of this process. */
	std::vector<piece> lookup(const void *address, std::size_t length,
				  std::uint32_t flags = 0) const
	{
		std::vector<peerbuf_piece> found(PEERBUF_MAX_PIECES);
		std::vector<piece> pieces;

		/* From here to the end nothing throws that would lose a descriptor. */
		pieces.reserve(found.size());
		found.resize(ask(peerbuf_lookup, address, length, flags, found.data(),
				 found.size()));
		for (const peerbuf_piece &each : found)
			pieces.push_back(piece{ each, buffer(each.fd, each.id) });
		return pieces;
	}

	/** One dma-buf of all of them; @bad tells, on failure, which address can be no part. */
	part lookup_one(const void *address, std::size_t length, const void **bad = nullptr) const
	{
		std::uint64_t offset = 0;
		int fd = ask(peerbuf_lookup_one, address, length, &offset, bad);

		return part{ buffer(fd), offset };
	}

	void lend(std::uint64_t addr, std::uint32_t bar_mask) const
	{
		ask(peerbuf_lend, addr, bar_mask);
	}

	/** Lends whole BARs, and parts of others. */
	void lend(std::uint64_t addr, std::uint32_t bar_mask,
		  const std::vector<peerbuf_range> &ranges) const
	{
		ask(peerbuf_lend_ranges, addr, bar_mask, ranges.data(), ranges.size());
	}

	void unlend(std::uint64_t addr, std::uint32_t bar_mask) const
	{
		ask(peerbuf_unlend, addr, bar_mask);
	}

	/** A drive reads a file into a buffer. Returns bytes moved; @io has the details. */
	std::size_t file_read(peerbuf_ioc_file &io) const
	{
		return static_cast<std::size_t>(ask<ssize_t>(peerbuf_file_read, &io));
	}

	/** A drive writes a buffer to a file. Returns bytes moved; @io has the details. */
	std::size_t file_write(peerbuf_ioc_file &io) const
	{
		return static_cast<std::size_t>(ask<ssize_t>(peerbuf_file_write, &io));
	}

	/** Switches PEERBUF_POLICY_F_* on and off. Returns those that are on afterwards. */
	std::uint32_t policy(std::uint64_t addr, std::uint32_t set = 0,
			     std::uint32_t clear = 0) const
	{
		std::uint32_t on = 0;

		ask(peerbuf_policy, addr, set, clear, &on);
		return on;
	}
};

/** Parses a PCI address, "0000:01:00.0". */
inline std::uint64_t parse_address(const std::string &text)
{
	std::uint64_t addr = 0;

	check(peerbuf_addr_parse(text.c_str(), &addr));
	return addr;
}

/** Formats a PCI address. */
inline std::string format_address(std::uint64_t addr)
{
	char text[PEERBUF_ADDR_LEN];

	check(peerbuf_addr_format(addr, text, sizeof(text)));
	return text;
}

} /* namespace peerbuf */

#endif /* LIBPEERBUF_HPP */
