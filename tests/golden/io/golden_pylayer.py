import caffe


class ScaleSum(caffe.Layer):
    """top[0] = k * (bottom[0] + bottom[1]); param_str holds k."""

    def setup(self, bottom, top):
        self.k = float(self.param_str or 1)

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = self.k * (bottom[0].data + bottom[1].data)

    def backward(self, top, propagate_down, bottom):
        for i in range(2):
            if propagate_down[i]:
                bottom[i].diff[...] = self.k * top[0].diff


class LearnedPower(caffe.Layer):
    """top[0] = w * bottom[0] ** 2 with one learned scalar."""

    def setup(self, bottom, top):
        self.blobs.add_blob(1)
        self.blobs[0].data[...] = 1.5

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = self.blobs[0].data[0] * bottom[0].data ** 2

    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[...] += (top[0].diff * bottom[0].data ** 2).sum()
        bottom[0].diff[...] = top[0].diff * self.blobs[0].data[0] * 2 * bottom[0].data
