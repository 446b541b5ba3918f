import numpy as np


def factors(rates):
    mean = np.prod(rates) ** (1 / len(rates))
    return np.sqrt(rates / mean)
