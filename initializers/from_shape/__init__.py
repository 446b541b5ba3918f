"""Initializers of kind 'shape': new weights from the shape alone."""
