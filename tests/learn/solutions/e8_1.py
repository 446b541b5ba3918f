import numpy as np
from goodinit.initializers import walk


def lsuv(net, batches):
    for step in walk(net, batches):
        if step.affine:
            z = step.forward()
            variance = z.var.mean() + z.mean.var()
            step.rescale(1 / np.sqrt(variance))
