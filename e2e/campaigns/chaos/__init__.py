"""A mesh under random faults, and the laws that hold all the while. `chaos.py` beside this runs it."""
