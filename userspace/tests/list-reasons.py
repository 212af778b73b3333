#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints X(NAME) for each member of the uAPI header's enum peerbuf_reason."""

import re
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as header:
        body = re.search(r"^enum peerbuf_reason \{(.*?)^\};", header.read(), re.S | re.M)
    names = re.findall(r"^\s*PEERBUF_REASON_(\w+)", body.group(1), re.M)
    if len(names) < 50:
        sys.exit("only %d reasons found: has the header's style changed?" % len(names))
    for name in names:
        print("X(%s)" % name)


main()
