# SPDX-License-Identifier: GPL-2.0-only
"""Reads what the public headers declare: calls with their comments, structures, enumerations and
constants.  The headers are written in one style; anything else raises StyleError."""

import re
from dataclasses import dataclass, field

DOC = re.compile(r"^/\*\*\n(.*?)^ \*/\n", re.M | re.S)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
CALL = re.compile(r"^((?:const )?\w+(?: \w+)*?) (\*?)(\w+)\(([^;{}]*)\);", re.M)
STRUCT = re.compile(r"^(struct|union) (\w+) \{\n(.*?)^\};", re.M | re.S)
ENUM = re.compile(r"^enum (\w+) \{\n(.*?)^\};", re.M | re.S)
CONSTANT = re.compile(r"^#define (\w+)[ \t]+(\S.*)$", re.M)
FIELD = re.compile(r"^((?:struct )?\w+) (\w+)(?:\[(\w*)\])?;$")
ARGUMENT = re.compile(r"^(.*?)(\w+)$")


class StyleError(Exception):
    """A declaration that is not in the headers' style."""


@dataclass
class Doc:
    """A kernel-doc comment: its first line, its parameters, and what follows."""
    name: str
    summary: str
    parameters: dict = field(default_factory=dict)
    paragraphs: list = field(default_factory=list)
    result: str = ""


@dataclass
class Call:
    """A function: its type, its arguments as (type, name), and its comment."""
    name: str
    type: str
    arguments: list
    doc: Doc


@dataclass
class Struct:
    """A structure: its fields as (type, name, length or None)."""
    name: str
    fields: list


class Header:
    """One header."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.docs = {}
        for found in DOC.finditer(text):
            doc = read_doc(found.group(1))
            self.docs[doc.name] = doc
        bare = COMMENT.sub("", text)
        bare = re.sub(r"[ \t]+$", "", bare, flags=re.M).replace("\\\n", " ")
        self.calls = [self._call(found) for found in CALL.finditer(bare)]
        self.structs = [read_struct(found) for found in STRUCT.finditer(bare)]
        self.constants = read_constants(bare)

    def _call(self, found):
        kind, star, name, arguments = found.groups()
        doc = self.docs.get(name)
        if not doc:
            raise StyleError(f"{name}() has no comment")
        call = Call(name, f"{kind} {star}".strip(), read_arguments(arguments), doc)
        if [a for _, a in call.arguments] != list(doc.parameters):
            raise StyleError(f"{name}(): the comment's parameters are not its own")
        return call


def read_doc(text):
    """Parses a comment, without its stars."""
    lines = [re.sub(r"^ \* ?", "", line) for line in text.splitlines()]
    first = re.match(r"(?:(?:struct|enum) )?(\w+)(?:\(\))? - (.*)", lines[0])
    if not first:
        return Doc(re.sub(r"\W.*", "", lines[0]), lines[0])
    doc = Doc(first.group(1), first.group(2))
    blocks = "\n".join(lines[1:]).split("\n\n")
    for block in blocks:
        _add_block(doc, block.strip("\n"))
    return doc


def _add_block(doc, block):
    if not block:
        return
    if block.startswith("Return: "):
        doc.result = _flow(block.removeprefix("Return: "))
    elif block.startswith("@") and re.match(r"@\w+: ", block) and not doc.paragraphs:
        for part in re.split(r"\n(?=@\w+: )", block):
            name, _, text = part[1:].partition(": ")
            doc.parameters[name] = _flow(text)
    elif doc.result:
        doc.result += " " + _flow(block)
    else:
        doc.paragraphs.append(_flow(block))


def _flow(text):
    return " ".join(text.split())


def read_arguments(text):
    """Returns (type, name) of each argument."""
    text = _flow(text)
    if text == "void":
        return []
    found = [ARGUMENT.match(part.strip()) for part in text.split(",")]
    return [(match.group(1).strip(), match.group(2)) for match in found]


def read_struct(found):
    """Returns a structure's fields."""
    kind, name, body = found.groups()
    if kind != "struct":
        raise StyleError(f"{kind} {name}: only structures are known here")
    fields = []
    for line in filter(None, (_flow(line) for line in body.splitlines())):
        match = FIELD.match(line)
        if not match:
            raise StyleError(f"struct {name}: {line}")
        fields.append(match.groups())
    return Struct(name, fields)


def read_constants(bare):
    """Returns name: number or text of each #define and enumerator.  Leaves out macros with
    arguments and ioctl numbers."""
    known = {}
    for name, text in CONSTANT.findall(bare):
        value = evaluate(text, known)
        if value is not None:
            known[name] = value
    for found in ENUM.finditer(bare):
        value = -1
        for entry in found.group(2).split(","):
            name, _, text = _flow(entry).partition(" = ")
            if name:
                value = evaluate(text, known) if text else value + 1
                known[name] = value
    return known


def evaluate(text, known):
    """Returns the value of a constant expression of C, or None."""
    text = text.strip()
    if re.fullmatch(r'"[^"]*"', text):
        return text[1:-1]
    for pattern, value in ((r"\(~0U\)", "0xffffffff"),
                           (r"\(~\(__u64\)0\)", "0xffffffffffffffff")):
        text = re.sub(pattern, value, text)
    text = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)[UuLl]+\b", r"\1", text)
    text = re.sub(r"'(.)'", lambda found: str(ord(found.group(1))), text)
    words = re.findall(r"\b[A-Za-z_]\w*", text)
    if any(word not in known for word in words if not re.match(r"x[0-9a-f]+$", word)):
        return None
    if not re.fullmatch(r"[\w\s()|<>+*~-]+", text):
        return None
    return eval(text, {"__builtins__": {}}, dict(known))  # pylint: disable=eval-used
