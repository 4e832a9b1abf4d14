"""Doubles of the programs of a host, for demo hosts only.

``bin`` holds shell scripts as they stand first on a demo host's PATH; the modules here are the
larger ones in Python, started through ``bin/python-double`` with the standard library only. All
of them work on files below ``$HOSTSHIFT_DEMO_HOST`` and refuse to start without it.
"""
