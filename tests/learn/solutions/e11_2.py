import copy

import numpy as np


class Training:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.w = self.rng.standard_normal(3)
        self.h = np.zeros(3)
        self.iteration = 0

    def step(self):
        x = self.rng.standard_normal(3)
        rate = 0.1 / (1 + self.iteration)
        self.h *= 0.9
        self.h += rate * (self.w - x)
        self.w -= self.h
        self.iteration += 1

    def state(self):
        return copy.deepcopy(self.__dict__)

    def restore(self, state):
        self.__dict__.update(copy.deepcopy(state))
