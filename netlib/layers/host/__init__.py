"""Layers that work on the host. They read data or run a user's code, and may use NumPy."""
