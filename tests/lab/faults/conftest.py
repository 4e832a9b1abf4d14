"""The world of a replacement, for what goes wrong in it."""

from tests.lab.replacement.conftest import world

__all__ = ["world"]
