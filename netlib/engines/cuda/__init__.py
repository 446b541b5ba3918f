"""The CUDA engine, on PyCUDA: kernels of our own (kernels/, one family a file), cuBLAS for matrix
products, and cuDNN, where it is installed, for convolutions.

make_engine imports engine.py; asking for a GPU imports device.py only. nvcc compiles a family of
kernels when its first op is called, and PyCUDA caches the result on disk by source, compute
capability and version of nvcc.
"""
