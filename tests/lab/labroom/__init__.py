"""The machine room: Debian trees, kernels, emulated machines and their guests."""
