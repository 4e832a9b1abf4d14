"""The headless commands: each a module with ``add_arguments`` and ``run``."""
