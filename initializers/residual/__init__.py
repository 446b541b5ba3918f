"""Residual nets: their branches, and the rules for what meets where a branch ends.

branches.py finds the sums of a net and their branches, meeting.py is one sum at its turn in the
walk, rules.py has the rules by name, and sums.py applies one of them to all sums.
"""
