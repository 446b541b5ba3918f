"""The CUDA engine, on PyCUDA: our own kernels (kernels/, one family per file), cuBLAS for matrix
products, and cuDNN, if installed, for convolutions.

make_engine imports engine.py; looking for a GPU imports only device.py. nvcc compiles a family of
kernels when its first op is called. PyCUDA caches the result on disk by source, compute capability
and version of nvcc.
"""
