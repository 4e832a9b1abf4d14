"""The terminal interface of hostshift: one of the two faces of the engine."""
