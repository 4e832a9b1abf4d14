"""What may go wrong while a run is under way, one case a test, each with its true end.

The cases are printed as one table at the end of every test run (see `table`).
"""
