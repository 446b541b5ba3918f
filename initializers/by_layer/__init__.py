"""Initializers of kind 'layer': scale and shift the outputs of a layer, at its turn in the walk."""
