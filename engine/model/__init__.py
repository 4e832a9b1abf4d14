"""The shared values: Host, Facts, Candidate, Plan, Step, Run. Frozen, without I/O.

All of them are standard dataclasses of JSON-friendly parts, so that `engine.model.json_form` turns
them into plain data and back; a saved scan holds nothing else.
"""
