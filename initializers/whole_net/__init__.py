"""Initializers of kind 'net': work on all layers together, after the walk."""
