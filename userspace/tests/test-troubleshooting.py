#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Documentation/troubleshooting.rst has an entry for each message, as it is printed.

Usage: test-troubleshooting.py LIBPEERBUF

Reasons are read from the library; the command's messages are searched in its source, where
strings may span several lines. A key of the page that nothing prints is a failure as well."""

import ctypes
import re
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "Documentation/troubleshooting.rst"
REASONS = 256


def sentences(library):
    """Returns the library's text of every reason for which it has advice."""
    library = ctypes.CDLL(library)
    for call in (library.peerbuf_reason_text, library.peerbuf_reason_advice):
        call.restype = ctypes.c_char_p
        call.argtypes = [ctypes.c_uint32]
    unknown = library.peerbuf_reason_text(REASONS * 1000)
    texts = {library.peerbuf_reason_text(n).decode() for n in range(REASONS)
             if library.peerbuf_reason_advice(n)}
    return texts - {unknown.decode()}


def source():
    """Returns the command's source with every string in one piece."""
    text = "\n".join(path.read_text() for path in (CHECKOUT / "userspace/tool").glob("*.c"))
    return re.sub(r'"\s*\n\s*"', "", text)


def main():
    keys = re.findall(r"^``(.*)``$", PAGE.read_text(), re.M)
    reasons, printed = sentences(sys.argv[1]), source()
    faults = [f"no entry for: {text}" for text in sorted(reasons - set(keys))]
    faults += [f"nobody prints: {key}" for key in keys
               if key not in reasons and key.replace("hint: ", "") not in printed]
    faults += [f"twice: {key}" for key in sorted(set(keys)) if keys.count(key) > 1]
    print("\n".join(faults))
    return 1 if faults or len(keys) < 60 else 0


if __name__ == "__main__":
    sys.exit(main())
