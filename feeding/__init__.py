"""A net by name or path, data by path, and the one shaped for the other."""
