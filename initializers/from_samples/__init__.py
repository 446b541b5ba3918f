"""Initializers of kind 'samples': new weights of a layer from the samples that reach it.

A method is a function that finds directions in white coordinates (see directions.py).
"""
