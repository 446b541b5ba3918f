"""Random valid configurations of pooling and normalization."""

from case import case, exactly, positive, spread
from configurations import axis_of, flag, number, of, one, shape, some
from hypothesis import strategies as st


@of('Pooling')
def pooling(draw, type):
    pool, extents = one(draw, 'MAX', 'AVE'), [some(draw, 1, 5), some(draw, 1, 5)]
    images = (some(draw, 1, 2), some(draw, 1, 2), *extents)
    if draw(st.booleans()):
        return case(type, f'pooling_param {{ pool: {pool} global_pooling: true }}', x=images)
    kernel = [some(draw, 1, min(3, n)) for n in extents]
    stride = [some(draw, 1, k) for k in kernel]
    pad = [some(draw, 0, k - 1) for k in kernel]
    mask = 'mask' if pool == 'MAX' and draw(st.booleans()) else ''
    return case(
        type,
        f'pooling_param {{ pool: {pool} kernel_h: {kernel[0]} kernel_w: {kernel[1]} '
        f'stride_h: {stride[0]} stride_w: {stride[1]} pad_h: {pad[0]} pad_w: {pad[1]} '
        f'round_mode: {one(draw, "CEIL", "FLOOR")} }}',
        tops=f'y {mask}',
        ignored=mask,
        x=images,
    )


@of('SPP')
def spp(draw, type):
    height = some(draw, 1, 3)
    sizes = [n for n in range(1, 9) if fits_all(n, height)]
    return case(
        type,
        f'spp_param {{ pyramid_height: {height} pool: {one(draw, "MAX", "AVE")} }}',
        x=(some(draw, 1, 2), some(draw, 1, 2), one(draw, *sizes), one(draw, *sizes)),
    )


@of('SpatialPyramidPooling')
def spatial_pyramid_pooling(draw, type):
    bins = ' '.join(f'spatial_bin: {some(draw, 1, 5)}' for _ in range(some(draw, 1, 3)))
    return case(
        type,
        f'spatial_pyramid_pooling_param {{ {bins} }}',
        x=(some(draw, 1, 2), some(draw, 1, 2), some(draw, 1, 8), some(draw, 1, 8)),
    )


def fits_all(size, height) -> bool:
    return all(fits(size, 2**level) for level in range(height))


def fits(size, bins) -> bool:
    """Whether a pyramid level of so many bins pads less than a bin: Caffe refuses others."""
    kernel = -(-size // bins)
    return (kernel * bins - size + 1) // 2 < kernel


@of('LRN')
def lrn(draw, type):
    return case(
        type,
        f'lrn_param {{ local_size: {one(draw, 1, 3, 5)} alpha: {number(draw, 0.01, 2)} '
        f'beta: {number(draw, 0.3, 1)} k: {number(draw, 0.5, 2)} '
        f'norm_region: {one(draw, "ACROSS_CHANNELS", "WITHIN_CHANNEL")} }}',
        x=shape(draw, 4, 4, 4),
    )


@of('BatchNorm')
def batch_norm(draw, type):
    x = (some(draw, 2, 4), some(draw), *shape(draw, 1, 2))
    statistics = {0: spread(x[1]), 1: positive(x[1]), 2: exactly([number(draw, 0.5, 2)])}
    return case(
        type,
        f'batch_norm_param {{ eps: {one(draw, 1e-5, 0.1)} }}',
        train=draw(st.booleans()),
        params=statistics,
        x=x,
    )


@of('MVN')
def mvn(draw, type):
    return case(
        type,
        f'mvn_param {{ across_channels: {flag(draw)} normalize_variance: {flag(draw)} '
        f'eps: {one(draw, 1e-9, 1e-3)} }}',
        x=(*shape(draw, 2, 2), some(draw, 2), some(draw, 2)),
    )


@of('Softmax')
def softmax(draw, type):
    x = shape(draw)
    return case(type, f'softmax_param {{ axis: {axis_of(draw, x)} }}', x=x)
