#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A program that exports memory by the Python binding, and does what it reads: clients.c
says what, and looks at what comes of it."""

import os
import sys

import peerbuf


def events(node):
    """All there are."""
    try:
        return [event.type for event in node.events()]
    except peerbuf.Error:
        return []


def attempt(call, *arguments):
    """The reason it is refused for."""
    try:
        call(*arguments)
    except peerbuf.Error as error:
        return error.reason
    return "done"


def looked_up(control, view, buffer):
    """Of some pages: whose part the export is that is made of them, and what they show."""
    piece, = control.lookup(view, "8K")
    with piece.buffer as part, part.map(4096, offset=4096) as bytes_:
        same = bytes_[:] == view[4096:8192]
        known = control.query(part.id)["parent"] == piece.parent == buffer.id
    whole, offset = control.lookup_one(view)
    whole.close()
    told, = control.lookup(view, look=True)
    return (piece.kind, piece.writable, same, known, offset, told.buffer)


def not_a_buffer(control):
    """Ordinary memory, before any."""
    memory = bytearray(64)
    try:
        control.lookup_one(memory)
    except peerbuf.Error as error:
        return error.reason if error.bad else "no address"
    return "a buffer"


def main(address):
    """Until the input ends."""
    flags = os.O_RDWR | os.O_NONBLOCK
    with peerbuf.Node(address, flags) as node, peerbuf.Control(os.O_RDWR) as control:
        node.select_events(["EXPORT", "REVOKE", "DRAINED", "RESTORE"])
        with node.export([peerbuf.Range(2, "128K", "64K")]) as buffer:
            view = buffer.map("64K")
            view[:] = b"\x5a" * len(view)
            print(buffer.id, buffer.fileno(), flush=True)
            deeds = {
                "look": lambda: view[:64].hex(),
                "who": lambda: " ".join(i["device"] for i in node.importers(buffer.id)),
                "size": lambda: node.query(buffer.id)["buffer_size"],
                "same": lambda: control.query_buffer(buffer)["id"] == buffer.id,
                "alone": lambda: [e["id"] for e in control.exports()] == [buffer.id],
                "node": lambda: address in control.devices(),
                "route": lambda: control.route(address, address)["reason"],
                "lookup": lambda: looked_up(control, view, buffer),
                "ordinary": lambda: not_a_buffer(control),
                "move": lambda: attempt(node.move, buffer.id,
                                        [peerbuf.Range(2, "1M", "64K")],
                                        peerbuf.PEERBUF_MOVE_F_COPY),
                "revoke": lambda: attempt(node.revoke, buffer.id, 1),
                "restore": lambda: attempt(node.restore, buffer.id),
                "events": lambda: " ".join(events(node)),
            }
            for line in sys.stdin:
                print(deeds[line.strip()](), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
