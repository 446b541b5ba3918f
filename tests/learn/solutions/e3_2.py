from goodinit.netlib.layers import Layer


class SquaredReLU(Layer):
    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].shape)

    def forward(self, bottom, top):
        x, y = bottom[0].values, top[0].values
        self.engine.unary('relu', x, 0, out=y)
        self.engine.binary('mul', y, y, out=y)

    def backward(self, top, propagate_down, bottom):
        if not propagate_down[0]:
            return
        dx, dy = bottom[0].diffs, top[0].diffs
        positive = self.scratch('positive', *bottom[0].shape)
        self.engine.unary('relu', bottom[0].values, 0, out=positive)
        self.engine.binary('mul', positive, dy, out=positive)
        self.engine.axpby(2, positive, 0, out=dx)
