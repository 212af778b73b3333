// SPDX-License-Identifier: GPL-2.0
/* Unit tests of the drivers' pure logic, under ASan and UBSan. */

#include "tap.h"

int main(void)
{
	test_vecs();
	test_overlaps();
	test_segments();
	test_paths();
	test_hosts();
	test_overrides();
	test_texts();
	test_steps();
	return tap_done();
}
