# SPDX-License-Identifier: GPL-2.0
"""What the tests of the packages are made of."""
