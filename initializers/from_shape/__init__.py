"""Initializers of kind 'shape': new weights from their shape alone."""
