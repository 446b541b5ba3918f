"""The CUDA engine, on PyCUDA: kernels of our own (kernels/, one family a file), cuBLAS for matrix
products, and cuDNN for convolutions where it is installed.

Nothing here is imported before the first engine is made (engine.py) or a GPU is asked for
(device.py). A family of kernels is compiled by nvcc when its first op is called, and PyCUDA keeps
what was compiled on disk, by source, compute capability and version of nvcc.
"""
