"""Layers that work on the host by nature: they read data or call a user's code, and may use NumPy."""
