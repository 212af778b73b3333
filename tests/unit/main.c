// SPDX-License-Identifier: GPL-2.0
/* Unit tests of the pure logic of drivers/pci/p2p, under ASan and UBSan. */

#include "tap.h"

int main(void)
{
	test_vecs();
	test_segments();
	test_paths();
	test_hosts();
	test_overrides();
	test_texts();
	return tap_done();
}
