# SPDX-License-Identifier: GPL-2.0
"""What tests/run is made of."""
