"""Code shared by several layers on the host."""
