"""What Caffe's layers do that PyTorch has no function for.

A generated module gets a copy of those that it calls, so it needs no goodinit. Each stands for
itself, with torch, F and nn at hand.
"""
