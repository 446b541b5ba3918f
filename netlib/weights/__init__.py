"""Weights in and out of a net: caffemodels, HDF5."""
