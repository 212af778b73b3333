# SPDX-License-Identifier: LGPL-2.1-or-later
"""python3 -m peerbuf: prints what the kernel reports, as JSON, one line for each thing."""

import argparse
import json
import os
import sys

from . import Control, Error, Node


def _nodes():
    with Control() as control:
        for address in control.devices():
            with Node(address, os.O_RDONLY) as node:
                yield node.info()


def _exports(address):
    with Node(address, os.O_RDONLY) if address else Control() as file:
        for export in file.exports():
            yield dict(export, importers=file.importers(export["id"]))


def _stats():
    with Control() as control:
        yield control.stats()


def _route(provider, client):
    with Control() as control:
        yield control.route(provider, client)


def _events(address):
    with Node(address, os.O_RDONLY) as node:
        while True:
            found = node.events()
            if not found:
                return
            for event in found:
                yield event._asdict()


def _parser():
    top = argparse.ArgumentParser(prog="python3 -m peerbuf", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("nodes", help="the functions that have a node")
    exports = verbs.add_parser("exports", help="exports with their importers")
    exports.add_argument("address", nargs="?", help="of this function only")
    verbs.add_parser("stats", help="counters since the module was loaded")
    route = verbs.add_parser("route", help="can CLIENT reach PROVIDER's memory?")
    route.add_argument("provider")
    route.add_argument("client")
    events = verbs.add_parser("events", help="what happens to a function's exports")
    events.add_argument("address")
    return top


def main(arguments):
    """Does what the command line says; returns the exit status."""
    args = vars(_parser().parse_args(arguments))
    verb = {"nodes": _nodes, "exports": _exports, "stats": _stats, "route": _route,
            "events": _events}[args.pop("verb")]
    try:
        for line in verb(**args):
            print(json.dumps(line), flush=True)
    except Error as error:
        print(f"peerbuf: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
