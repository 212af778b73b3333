/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A page of commands, as a person would type them in one shell, and of what each prints. A line
 * that is indented by four and begins with "$ " is a command; other lines with such an indent are
 * what it prints. "..." stands for any text, and as a line for any lines.
 */
#ifndef PAGE_H
#define PAGE_H

/* A file beside the test's program; the test fails if a command prints something else. */
void page_check(const char *name);

#endif /* PAGE_H */
