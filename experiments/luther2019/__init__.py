"""Luther & Seung 2019, Sample variance decay in randomly initialized ReLU networks"""
