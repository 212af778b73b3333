/* SPDX-License-Identifier: GPL-2.0 */
#define SZ_64K	0x10000
#define SZ_1M	0x100000
#define SZ_1G	0x40000000
