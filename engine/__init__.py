"""The engine of hostshift: everything but the screens. It never imports the ``tui`` package."""
