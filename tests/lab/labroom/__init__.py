# SPDX-License-Identifier: GPL-2.0
"""The machine room: Debian trees, kernels, machines and their guests."""
