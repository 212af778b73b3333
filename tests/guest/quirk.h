/* SPDX-License-Identifier: GPL-2.0 */
/* What the lab's functions do not have by themselves: see tests/drivers/pci_quirk.c. */
#ifndef QUIRK_H
#define QUIRK_H

/*
 * The function has the quirk until the descriptor is closed, at the end of the test's process
 * if not before. Returns it, or -errno.
 */
int quirk_begin(const char *quirk, const char *id);

#endif /* QUIRK_H */
