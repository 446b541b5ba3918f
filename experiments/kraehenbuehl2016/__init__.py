"""Krähenbühl et al. 2016, Data-dependent initializations of convolutional neural networks"""
