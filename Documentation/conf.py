# SPDX-License-Identifier: GPL-2.0
"""Sphinx configuration; `make htmldocs` runs it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

project = "peerbuf"
copyright = "the peerbuf authors"
version = release = os.environ.get("PEERBUF_VERSION", "")
extensions = ["kernel_doc"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "PCIe BARs as dynamic DMA-BUFs",
                      "fixed_sidebar": True, "page_width": "1060px"}
highlight_language = "none"
primary_domain = "c"

# The kernel's annotations and types, which the C domain cannot know.
c_id_attributes = ["__user", "__iomem", "__must_check"]
c_paren_attributes = ["__counted_by", "__printf"]
