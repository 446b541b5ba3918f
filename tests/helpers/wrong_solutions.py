"""What people write wrong in the exercises of the book: for each exercise changes of a right
solution (from, to), and a part of the verdict on it."""

CHANGES = {
    '1.1': [
        ('place * extent + i', 'place + i * extent', 'the result is 5; needed: 1'),
        ('return place', 'return place + 1', 'it counts from 1: the number at index 0'),
        ('zip(shape, index,', 'zip(shape[::-1], index[::-1],', 'the last one'),
    ],
    '1.2': [
        ('shape[axis]', '0', 'a dim of 0 is taken as an extent'),
        ('if -1 in result', 'if -2 in result', 'a dim of -1 is left as it is'),
        ('in result if n > 0', 'in dims if n > 0', 'computed without the axes that a dim of 0'),
    ],
    '2.1': [
        ('x = np.pad', 'np.pad', 'the padding is forgotten'),
        ('y[:, :, i, j]', 'y[:, :, j, i]', 'rows and columns of the window are exchanged'),
        ('return y', 'return y.swapaxes(1, 3).swapaxes(1, 2)', 'the channels change fastest'),
    ],
    '2.2': [
        ('tensordot(patch, W,', 'tensordot(patch, W[:, :, ::-1, ::-1],', 'the kernel is flipped'),
        (' + b[:, None, None]', '', 'the bias is forgotten'),
        ('x = np.pad', 'np.pad', 'the padding is forgotten'),
        ('+ b[:', '+ W.shape[1] * b[:', 'it adds the bias once for each channel of x'),
    ],
    '3.1': [
        ('dW += dy.T @ x\n    db +', 'dW[...] = dy.T @ x\n    db[...] ', 'they must accumulate'),
        ('dW += dy.T @ x\n', 'dW = dW + dy.T @ x\n', 'dW at [0, 0] is'),
        ('    db += dy.sum(0)\n', '', 'db is not touched'),
        ('dy @ W', '2 * dy @ W', 'every number of dx is 2 times what is needed'),
        ('return dy @ W', 'dx = dy @ W', 'it returned None; needed: dx'),
    ],
    '3.2': [
        ('axpby(2', 'axpby(1', 'every number is half of what is needed'),
        ('positive, 0, out=dx', 'positive, 1, out=dx', 'overwrite it'),
        ("binary('mul', positive, dy,", 'axpby(1, positive, 0,', 'the chain rule is missing'),
        ('if not propagate_down[0]', 'if not propagate_down', 'propagate_down[0] is False'),
        (
            "        self.engine.binary('mul', y, y, out=y)\n",
            '',
            'central differences of forward give',
        ),
        ('class SquaredReLU(Layer)', 'class SquaredReLU', 'not a class derived from Layer'),
        ('self.engine.axpby(2, positive, 0, out=dx)', 'return', 'leaves the diff of the bottom as'),
    ],
    '4.1': [
        ('version[blob] = i', 'version[blob] = 0', 'a layer in place is counted'),
        ('count > 1', 'count', 'blobs with one reader are in the result'),
        ('in bottoms', 'in set(bottoms)', 'reads a blob twice needs two copies'),
        ('return {blob:', 'return {blob + blob:', "'xx' is no blob of this net"),
        (
            '{blob: count for (blob, _), count in readers.items() if count > 1}',
            'list(readers)',
            'needed: a dict, {blob: copies}',
        ),
    ],
    '4.2': [
        (', key=lambda i: -sizes[i]', '', 'the largest comes first'),
        (
            'first[i] <= last[j] and first[j] <= last[i]',
            'first[i] < last[j] and first[j] < last[i]',
            'it is needed up to `last`',
        ),
        (' if first[i] <= last[j] and first[j] <= last[i]', '', 'no place is used twice'),
    ],
    '5.1': [
        ('math.ceil', 'math.floor', 'it rounds down'),
        ('positions -= 1', 'pass', 'is not dropped'),
        (
            'math.ceil((size + 2 * pad - kernel) / stride) + 1',
            '(size + 2 * pad - kernel) // stride + 2',
            'the result is',
        ),
    ],
    '5.2': [
        (
            'size = window.shape[2] * window.shape[3]',
            'size = kernel * kernel',
            'it divides by kernel * kernel',
        ),
        ('math.ceil', 'math.floor', 'the number of positions is rounded down'),
        (
            'size = window.shape[2] * window.shape[3]',
            'size = np.count_nonzero(window[0, 0])',
            'padding counts as zeros',
        ),
    ],
    '6.1': [
        ('mean / factor, var / factor', 'mean, var', 'the third blob is ignored'),
        ('mean / factor, var / factor', 'mean * factor, var * factor', 'the blobs are multiplied'),
        ('var / factor', 'var', 'the variance is, too'),
        ('var / factor', 'var / factor**2', 'by the square of the factor'),
        ('if factor == 0', 'if factor == 0.5', 'nan'),
        ('return mean / factor, var / factor', 'return mean / factor', 'needed: a tuple of 2'),
    ],
    '6.2': [
        ('m / (m - 1) * ', '', 'without the factor m / (m - 1)'),
        ('    factor = f * factor + 1\n', '', 'the factor stays as it is'),
        ('f * factor + 1', 'factor + 1', 'does not fade by f'),
        (
            'var + m / (m - 1) * x.var(axes)\n    mean = f * mean +',
            'var + (1 - f) * m / (m - 1) * x.var(axes)\n    mean = f * mean + (1 - f) *',
            'as PyTorch does',
        ),
    ],
    '7.1': [
        (
            'np.sqrt(squares.mean(axis=0)) / size\n    return columns.mean()',
            'squares.mean(axis=0)\n    return np.sqrt(columns.mean()) / size',
            'the root is taken after the mean',
        ),
        ('np.mean(gradients**2, axis=0)', 'np.mean(gradients, axis=0) ** 2', 'cancel then'),
        (' / size', '', 'not divided by the size'),
        ('np.sqrt(np.mean(W**2))', 'np.std(W)', 'the root of their mean square'),
        ('mean(axis=0)', 'mean(axis=1)', 'the rates are those of rows'),
    ],
    '7.2': [
        ('rates / mean)', 'rates)', 'the product of the factors is not 1'),
        ('np.sqrt(rates / mean)', 'rates / mean', 'take the square root'),
        ('rates / mean', 'mean / rates', 'the factors are upside down'),
        ('np.prod(rates) ** (1 / len(rates))', 'np.mean(rates)', 'the geometric one'),
    ],
    '8.1': [
        ('z.var.mean() + z.mean.var()', 'z.var', 'each output has variance 1 by itself'),
        ('1 / np.sqrt(variance)', '1 / variance', 'the factor is 1 / variance'),
        (' + z.mean.var()', '', 'outputs differ in their'),
        ('z.mean.var()', '(z.mean**2).mean()', 'the mean square becomes 1'),
        ('step.rescale', 'str', 'the weights are as they were'),
    ],
    '8.2': [
        (
            '    return q',
            '    matrix /= np.sqrt((matrix**2).sum(1, keepdims=True))\n    return matrix',
            'not orthogonal',
        ),
        ('return q.reshape(gaussian.shape)', 'return gaussian', 'it is the array as it was'),
        ('q = q.T', 'pass', 'W W^T (or W^T W, for more outputs than inputs) at'),
        ('q.reshape(gaussian.shape)', 'q', 'has the shape'),
    ],
    '9.1': [
        (' - samples.mean(0)', '', 'the mean of the samples is not subtracted'),
        (' / np.sqrt(variances[order])[:, None]', '', 'the components have length 1'),
        ('[::-1]', '', 'the direction of smallest variance comes first'),
        ('np.sqrt(variances[order])', 'variances[order]', 'divided by its variance'),
    ],
    '9.2': [
        ('z.mean(0), z.std(0)', 'z.mean(0), z.std() + 0 * z[0]', 'one factor for the whole layer'),
        ('beta - mean / std', 'beta - mean', 'divide the mean, too'),
        ('beta - mean / std', '-mean / std', 'the means become 0'),
        ('z.std(0)', 'z.var(0)', 'it divides by the variance'),
    ],
    '10.1': [
        ('m2 - m3 - m4', 'm2 - m3 + m4', 'the last product has the wrong sign'),
        ('(g[0] + g[2]) / 2', '(g[0] + g[2])', 'y at [0] is'),
        ('def winograd(d, g):', 'def winograd(d, g):\n    g = g[::-1]', 'the filter is flipped'),
        ('even + 0.5 * g[1])', 'even) + (d[1] + d[2]) * (0.5 * g[1])', 'it multiplies 5 times'),
        ('return [m1', 'return [1 if m1 else 0, 1] or [m1', 'made of those in d and g'),
    ],
    '10.2': [
        ('for k in range(K)', 'for k in [K - 1]', 'only the last k is left'),
        ('for k in range(K)', 'for k in range(K - 1)', 'it stops one k too early'),
        ('c[i][j] +=', 'c[j][i] +=', 'the result is transposed'),
        ('x * row[j]', 'x * b[k, j]', 'it reads 72 numbers of a and b; needed: at most 24'),
        ('b[k, j] for j in range(4)', 'b[k][j] for j in range(4)', 'read one number at a time'),
    ],
    '11.1': [
        ('h + rate * g\n        w = w - h', 'h + g\n        w = w - rate * h', 'as in PyTorch'),
        (' + decay * w', '', 'the weights do not decay'),
        ('momentum * h + ', '', 'the momentum has no effect'),
        ('w = w - h', 'w = w + h', 'the steps are added'),
    ],
    '11.2': [
        (
            'return copy.deepcopy(self.__dict__)',
            "return {**copy.deepcopy(self.__dict__), 'w': self.w, 'h': self.h}",
            'copy them (w.copy())',
        ),
        (
            'update(copy.deepcopy(state))',
            "update({**copy.deepcopy(state), 'h': 0 * self.h})",
            'the momentum starts anew',
        ),
        (
            'update(copy.deepcopy(state))',
            "update({**copy.deepcopy(state), 'rng': self.rng})",
            'other samples follow',
        ),
        (
            'update(copy.deepcopy(state))',
            "update({**copy.deepcopy(state), 'iteration': 0})",
            'the rate starts anew',
        ),
        (
            'update(copy.deepcopy(state))',
            "update({**copy.deepcopy(state), 'w': self.w})",
            'the weights are not restored',
        ),
        ('return copy.deepcopy(self.__dict__)', 'return 1', 'state() returned int; needed: a dict'),
    ],
}
WRONG = [(number, *change) for number, changes in CHANGES.items() for change in changes]
