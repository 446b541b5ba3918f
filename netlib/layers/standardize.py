"""What BatchNorm and MVN share: shifting and scaling values to mean 0 and variance 1, and its gradient."""
from .base import Layer


class Standardize(Layer):
    """A layer z = (x - mean) inverse, whose mean and inverse deviation have extent 1 where x is averaged over."""

    nearly = True

    def standardize(self, x, mean, inverse, out):
        self.engine.binary('sub', x, mean, out=out)
        self.engine.binary('mul', out, inverse, out=out)

    def standardize_backward(self, x, mean, inverse, dy, out):
        """out = dx = inverse (dy - average of dy - z average of dy z), where mean and inverse come from x itself."""
        e, z, average = self.engine, self.buffer('z', *x.shape), self.buffer('average', *mean.shape)
        part = mean.size / max(x.size, 1)
        self.standardize(x, mean, inverse, z)
        e.dot(dy, z, out=average)
        e.axpby(part, average, 0, out=average)
        e.binary('mul', z, average, out=z)
        e.sum(dy, out=average)
        e.axpby(part, average, 0, out=average)
        e.binary('sub', dy, average, out=out)
        e.binary('sub', out, z, out=out)
        e.binary('mul', out, inverse, out=out)
