"""The random numbers that layers and fillers draw from: they are passed in, never global."""

import numpy as np

Rng = np.random.Generator
