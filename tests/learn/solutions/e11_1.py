import numpy as np


def trained(w, gradients, rates, momentum, decay):
    h = np.zeros_like(w)
    for gradient, rate in zip(gradients, rates, strict=True):
        g = gradient + decay * w
        h = momentum * h + rate * g
        w = w - h
    return w
