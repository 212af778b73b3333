# SPDX-License-Identifier: GPL-2.0
"""Shards: what a boot is to do, in pieces; and in which order pieces are taken.

In virtual time a guest computes all the while, so there is one per CPU. None idles in the
end if no piece is long and the longest begin. A test counts for one: they differ, but an
area's take about as long as its number says.
"""

import collections

from . import suites
from .suites import DEBUG

# Tests of a piece, at most: an area is never cut. A boot of the instrumented kernel, with
# its search for leaks, costs as much as twenty of its tests, one of the others as thirty;
# with four kernels, those are pieces enough for two CPUs as they are.
MOST = {True: 200, False: 1000}

Piece = collections.namedtuple("Piece", "kernel machine number of words weight")


def weight(word, tests):
    """How many tests a word chooses, of the (area, test) pairs there are."""
    names = [test for area, test in tests if area == word.area]
    return len(suites.wanted(names, word.patterns))


def split(words, weights, most):
    """Lists of words, in order, each as heavy as allowed, or one word that is heavier."""
    pieces, load = [], 0
    for word, heavy in zip(words, weights):
        if not pieces or load + heavy > most:
            pieces.append([])
            load = 0
        pieces[-1].append(word)
        load += heavy
    return pieces


def pieces(boots, patterns, tests):
    """Every piece of these (kernel, machine) boots, the longest first."""
    every = []
    for kernel, machine in boots:
        words = suites.words(kernel, machine, patterns, tests)
        weights = [weight(word, tests) for word in words]
        parts = split(words, weights, MOST[kernel == DEBUG])
        for number, part in enumerate(parts, 1):
            every.append(Piece(kernel, machine, number, len(parts), part,
                               sum(weight(word, tests) for word in part)))
    # The instrumented kernel is slower, the older ones are not.
    return sorted(every, key=lambda piece: -piece.weight)


def name(piece):
    """Where its tests run, for people and for tests/guest/skips."""
    where = f"{piece.kernel}/{piece.machine}"
    return where if piece.of == 1 else f"{where}:{piece.number}"
