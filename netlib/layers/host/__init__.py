"""Layers that work on the host: they read data or run a user's code, and may use NumPy."""
