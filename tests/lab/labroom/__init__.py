# SPDX-License-Identifier: GPL-2.0
"""The machine room: Debian trees, kernels, emulated machines and their guests."""
