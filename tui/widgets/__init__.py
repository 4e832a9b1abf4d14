"""Widgets of the screens. They know values and text, and nothing of how the engine works."""
