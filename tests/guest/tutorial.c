// SPDX-License-Identifier: GPL-2.0
/* Documentation/tutorial.rst says what happens. */
#include "harness.h"
#include "lab.h"
#include "page.h"

TEST(tutorial_says_what_happens)
{
	device_unbind("rp-mem");
	device_unbind("rp-edu");
	page_check("tutorial.rst");
}
