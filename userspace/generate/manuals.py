#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Writes the manual pages of the library's calls, section 3, from the headers' comments.

    manuals.py --list HEADER...                      names of the pages, one a line
    manuals.py DIRECTORY DATE UAPI... -- HEADER...   write them

UAPI are the kernel's headers, whose comments have the errno values of each ioctl.
"""

import os
import re
import sys

import header

# Words with a font of their own, and the mdoc macro for it.
MARKS = [
    (r"@(\w+)", "Fa"),
    (r"(-?E[A-Z]{2,}[0-9A-Z]*)", "Er"),
    (r"<([\w/]+\.h)>", "In"),
    (r"((?:PEERBUF|VFIO|PCI|PROT|POLL|O|CAP)_[A-Z0-9_]+[*…]?|NULL|POLL[A-Z]+)", "Dv"),
]
IOCTL = re.compile(r"PEERBUF_(?:VFIO_)?IOC_\w+")
WORD = re.compile(r"(\(?)(.*?)([,.;:?!)]*)")
ERRORS = re.compile(r"((?:E[A-Z0-9]+, )*E[A-Z][A-Z0-9]+):? (.*)")


class Page:
    """Lines of mdoc."""

    def __init__(self, calls):
        self._calls = calls
        self._lines = []

    def macro(self, *words):
        """Adds a macro line."""
        self._lines.append("." + " ".join(words))

    def text(self, text):
        """Adds a paragraph, with names and numbers marked up."""
        words = []
        for word in text.split():
            # A new sentence is a new line.
            if words and words[-1].endswith(".") and word[0].isupper():
                self._plain(words)
            macro = self._macro(word)
            if macro:
                self._plain(words)
                self._lines.append("." + macro)
            else:
                words.append(word)
        self._plain(words)

    def _plain(self, words):
        if words:
            line = escape(" ".join(words))
            self._lines.append("\\&" + line if line[0] in ".'" else line)
            words.clear()

    def _macro(self, word):
        # name() and name(3) end with a parenthesis of their own.
        called = re.fullmatch(r"(\(?)([a-z_]\w*)\((\d?)\)([,.;:?!)]*)", word)
        if called:
            before, name, section, after = called.groups()
            core = f"{name} {section or 3}"
            if not section and name not in self._calls:
                return None
            macro = "Xr"
        else:
            before, core, after = WORD.fullmatch(word).groups()
            for pattern, macro in MARKS:
                found = re.fullmatch(pattern, core)
                if found:
                    core = escape(found.group(1))
                    break
            else:
                return None
        return " ".join([macro, *before, core, *after])

    def __str__(self):
        return "\n".join(self._lines) + "\n"


def escape(text):
    """Escapes characters that are special to troff."""
    return text.replace("\\", "\\e").replace("…", "...")


def sentence(text):
    """Adds a capital and a full stop."""
    text = text[:1].upper() + text[1:] if re.match(r"[a-z]+\b(?![_(])", text) else text
    return text if text.endswith((".", ":")) else text + "."


def page(call, include, calls, date, ioctls):
    """Returns the page of one call."""
    out = Page(calls)
    out.macro('\\" SPDX-License-Identifier: LGPL-2.1-or-later')
    out.macro(f'\\" Made of the comments in <{include}>.')
    out.macro("Dd", date)
    out.macro("Dt", call.name.upper(), "3")
    out.macro("Os")
    out.macro("Sh NAME")
    out.macro("Nm", call.name)
    out.macro("Nd", escape(call.doc.summary))
    out.macro("Sh LIBRARY")
    out.text("peerbuf library")
    out.macro("Pq libpeerbuf , \\-lpeerbuf")
    synopsis(out, call, include)
    description(out, call)
    if call.doc.result:
        out.macro("Sh RETURN VALUES")
        out.text(sentence(call.doc.result))
        out.macro("Pp")
        out.text("errno is left alone.")
    errors(out, call, calls, ioctls)
    out.macro("Sh SEE ALSO")
    out.macro("Xr libpeerbuf 3 ,")
    out.macro("Xr peerbuf 4" if include == "peerbuf.h" else "Xr peerbuf-vfio-pci 4")
    return str(out)


def synopsis(out, call, include):
    """Writes the declaration."""
    out.macro("Sh SYNOPSIS")
    out.macro("In", include)
    out.macro("Ft", f'"{call.type}"')
    if not call.arguments:
        out.macro("Fn", call.name, "void")
        return
    out.macro("Fo", call.name)
    for kind, name in call.arguments:
        space = "" if kind.endswith("*") else " "
        out.macro("Fa", f'"{kind}{space}{name}"')
    out.macro("Fc")


def description(out, call):
    """Writes what the call does, and its arguments."""
    out.macro("Sh DESCRIPTION")
    out.text(sentence(call.doc.summary))
    for paragraph in call.doc.paragraphs:
        out.macro("Pp")
        out.text(paragraph)
    if call.doc.parameters:
        out.macro("Pp")
        out.text("Its arguments are:")
        out.macro("Bl -tag -width Ds")
        for name, text in call.doc.parameters.items():
            out.macro("It Fa", name)
            out.text(text)
        out.macro("El")


def errors(out, call, calls, ioctls):
    """Writes the errno values of the ioctls to which the call's comment refers, directly or
    through another call's comment."""
    results = [call.doc.result] + [calls[name].doc.result for name in
                                   re.findall(r"(\w+)\(\)", call.doc.result)
                                   if name in calls]
    names = [name for text in results for name in IOCTL.findall(text) if name in ioctls]
    if not names:
        return
    out.macro("Sh ERRORS")
    for name in names:
        out.text("The kernel's errno values for")
        out.macro("Dv", name)
        out.text("are negative here:")
        out.macro("Bl -tag -width Er")
        for numbers, text in ioctls[name]:
            out.macro("It Bq Er", numbers.replace(", ", " , "))
            out.text(sentence(text))
        out.macro("El")
    out.text("Those that all ioctls share are in")
    out.macro("In linux/peerbuf.h .")


def ioctl_errors(docs):
    """Returns ioctl: [(numbers, text)], from the comments on their structures."""
    found = {}
    for doc in docs.values():
        texts = [p for p in doc.paragraphs if p.startswith("errno: ")]
        for name in IOCTL.findall(doc.summary):
            entries = found.setdefault(name, [])
            for text in texts:
                entries += error_entries(text.removeprefix("errno: ").rstrip("."))
    return {name: entries for name, entries in found.items() if entries}


def error_entries(text):
    """Returns (numbers, meaning) of each: a part without a number belongs to the previous one."""
    entries = []
    for part in text.split("; "):
        found = ERRORS.fullmatch(part)
        if found:
            entries.append(list(found.groups()))
        elif entries:
            entries[-1][1] += "; " + part
        else:
            entries.append(["-errno", part])
    return [tuple(entry) for entry in entries]


def read(paths):
    """Returns (header, the name by which programs include it) for each."""
    return [(header.Header(path), os.path.basename(path)) for path in paths]


def main(arguments):
    """Does what the command line says."""
    if arguments[0] == "--list":
        for found, _ in read(arguments[1:]):
            print(*(call.name + ".3" for call in found.calls), sep="\n")
        return
    folder, date, *paths = arguments
    split = paths.index("--")
    headers = read(paths[split + 1:])
    calls = {call.name: call for found, _ in headers for call in found.calls}
    ioctls = {}
    for path in paths[:split]:
        ioctls.update(ioctl_errors(header.Header(path).docs))
    for found, include in headers:
        for call in found.calls:
            with open(os.path.join(folder, call.name + ".3"), "w",
                      encoding="utf-8") as file:
                file.write(page(call, include, calls, date, ioctls))


if __name__ == "__main__":
    main(sys.argv[1:])
