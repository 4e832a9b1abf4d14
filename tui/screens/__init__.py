"""The screens: one file each, and a stylesheet of the same name beside it."""
