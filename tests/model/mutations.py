# SPDX-License-Identifier: GPL-2.0
"""Mutations: what is taken out of the model, so that a promise breaks.

Each is a mistake that the code does not make. spin must find it; if it does not, either the model
does not cover what was taken out, or the code does not need it.
"""

from dataclasses import dataclass

# Words of the assertion that breaks, as spin prints it.
MAPPED_AGAIN = "!(quiet)"
STILL_MAPPED = "mine[w]"
WAITS_FOR_EVER = "running"
NOT_TOLD = "to_tell"
STILL_THERE = "before[w]"
LEFT_WITH_MARK = "owners"
PLACE_MAPPED = "hold_at[0]!="
NO_VISITOR = "visitors"
DEVICE_IN_USE = "fence_mask"


@dataclass
class Mutation:
    """In @scenario each old text of @edits, which is there once, becomes the new one, and @breaks."""
    name: str
    scenario: str
    breaks: str
    why: str
    edits: list


MUTATIONS = [
    Mutation(
        "waiting for the visit", "revoke", MAPPED_AGAIN,
        "a revoke waits for a visit that began after its mark",
        [("	wait_event(w, settled >= own[w], limit);\n", "")]),
    Mutation(
        "the lock around a look at the mark", "revoke", MAPPED_AGAIN,
        "who maps looks at the mark under the reservation lock",
        [("			dma_resv_lock();\n			maps--;\n"
          "			t = trouble()\n		};\n		atomic {\n",
          "			maps--;\n			t = trouble()\n		};\n"
          "		atomic {\n			dma_resv_lock();\n")]),
    Mutation(
        "a new generation", "revoke", STILL_MAPPED,
        "a revoke waits for the holds of older generations",
        [("		outdated = holding();\n", "		outdated = 0;\n")]),
    Mutation(
        "telling importers", "revoke", WAITS_FOR_EVER,
        "an importer that is not told keeps its mapping, and the revoke waits for ever",
        [("		invalidated = 3;\n", "")]),
    Mutation(
        "waking", "revoke", WAITS_FOR_EVER,
        "the last unmap wakes who waits for it",
        [("	atomic { peerbuf_reap(); wake_up_all() }\n", "	peerbuf_reap()\n")]),
    Mutation(
        "remembering a mark that was lifted", "revoke", STILL_THERE,
        "a mark that is lifted is visited first, or its recall is remembered: one of the two",
        [("	recall = (causes -> recall : true);\n", ""),
         ("		nr = asked;\n		peerbuf_settle_held();\n"
          "		peerbuf_marks_lift(", "		peerbuf_marks_lift(")]),
    Mutation(
        "a mark for each owner", "owners", MAPPED_AGAIN,
        "a restore by one owner lifts its own mark alone",
        [("		owners = owners & ~(rights);\n", "		owners = 0;\n")]),
    Mutation(
        "remembering the recall", "device", NOT_TOLD,
        "a device may come up before the visit of its going down",
        [("		:: placement && where(placement) & bit(d) && !causes -> recall = true\n",
          "")]),
    Mutation(
        "looking at the mark on arrival", "move", LEFT_WITH_MARK,
        "a buffer does not leave a function with its owner's mark on it",
        [("		:: !causes ->\n			left[placement]",
          "		:: true ->\n			left[placement]")]),
    Mutation(
        "claims of places that were left", "move", PLACE_MAPPED,
        "a place that somebody maps still is kept, and its devices know of it",
        [("left[i] && !left_at[i] &&", "left[i] &&")]),
    Mutation(
        "waiting for an engine", "move", STILL_MAPPED,
        "an engine may still read or write what was revoked",
        [("		!fence;\n", "")]),
    Mutation(
        "the visit of a work", "release", NO_VISITOR,
        "a work that is queued keeps the buffer",
        [("			visitors = visitors + (settling -> 0 : 1);\n", "")]),
    Mutation(
        "keeping BARs that are mapped", "unplug", DEVICE_IN_USE,
        "what an importer still maps is nobody else's when the driver has gone",
        [("	:: gave_up -> gave_up = false; peerbuf_device_drain(w, d, false)\n", "")]),
]
