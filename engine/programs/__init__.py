"""Host-side programs: one file for each, with a pure and total parser of its output.

A parser does no I/O, never raises on any bytes, and cleans all text. Where a program printed
something that is not understood the answer is None (unknown), never "nothing".
"""
