"""Random valid configurations of the layers for object detection; see configurations.py."""

from case import case, exactly, spread
from configurations import flag, number, of, one, per_axis, shape, some
from hypothesis import strategies as st


@of('ROIPooling')
def roi_pooling(draw, type):
    x = tuple(some(draw, 1, most) for most in (2, 2, 6, 6))
    corners = st.lists(st.integers(-6, 16), min_size=4, max_size=4)
    rois = [[some(draw, 0, x[0] - 1), *draw(corners)] for _ in range(some(draw))]
    fields = (
        f'pooled_h: {some(draw)} pooled_w: {some(draw)} spatial_scale: {one(draw, 1, 0.5, 0.4)}'
    )
    return case(type, f'roi_pooling_param {{ {fields} }}', x=x, rois=exactly(rois))


@of('SmoothL1Loss')
def smooth_l1_loss(draw, type):
    x = shape(draw)
    bottoms = dict.fromkeys(('a', 'b', 'w', 'v')[: some(draw, 2, 4)], x)
    return case(type, f'smooth_l1_loss_param {{ sigma: {number(draw, 0.3, 3)} }}', **bottoms)


@of('Permute')
def permute(draw, type):
    x = shape(draw)
    order = draw(st.permutations(range(len(x))))[: some(draw, 0, len(x))]
    return case(type, f'permute_param {{ {per_axis("order", order)} }}', x=x)


@of('Normalize')
def normalize(draw, type):
    x = shape(draw, 2)
    fields = (
        f'across_spatial: {flag(draw)} channel_shared: {flag(draw)} eps: {number(draw, 0.01, 1)}'
    )
    return case(type, f'norm_param {{ {fields} }}', x=x)


@of('PriorBox')
def prior_box(draw, type):
    x, data = ((1, 1, some(draw), some(draw)) for _ in range(2))
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=2))
    largest = [n + some(draw) for n in sizes] if draw(st.booleans()) else []
    ratios = draw(st.lists(st.integers(1, 4), max_size=3))
    fields = ' '.join(
        [
            per_axis('min_size', sizes),
            per_axis('max_size', largest),
            per_axis('aspect_ratio', ratios),
            per_axis('variance', [0.1] * one(draw, 0, 1, 4)),
            f'flip: {flag(draw)} clip: {flag(draw)}',
            one(draw, '', 'img_size: 9', 'img_h: 9 img_w: 5'),
            f'offset: {number(draw, 0, 1)}',
            one(draw, '', 'step: 2', 'step_h: 2 step_w: 1'),
        ]
    )
    return case(type, f'prior_box_param {{ {fields} }}', down='', x=x, data=data)


@of('PriorBoxClustered')
def prior_box_clustered(draw, type):
    x, data = ((1, 1, some(draw), some(draw)) for _ in range(2))
    sizes = [number(draw, 1, 9) for _ in range(2 * some(draw))]
    fields = f'{per_axis("width", sizes[::2])} {per_axis("height", sizes[1::2])} clip: {flag(draw)}'
    return case(type, f'prior_box_param {{ {fields} }}', down='', x=x, data=data)


@of('DetectionOutput')
def detection_output(draw, type):
    images, priors, classes, share = some(draw), some(draw), some(draw), flag(draw)
    corners = [(some(draw) / 4, some(draw) / 4) for _ in range(priors)]
    boxes = [n for x, y in corners for n in (x, y, x + 0.5, y + 0.3)]
    suppression = (
        f'nms_threshold: {number(draw, 0, 1)} eta: {number(draw, 0.5, 1)} '
        f'top_k: {some(draw, -1, 3)}'
    )
    fields = ' '.join(
        [
            f'num_classes: {classes} share_location: {share}',
            f'background_label_id: {some(draw, -1, classes)}',
            f'code_type: {one(draw, "CORNER", "CENTER_SIZE", "CORNER_SIZE")}',
            f'variance_encoded_in_target: {flag(draw)} nms_param {{ {suppression} }}',
            f'keep_top_k: {some(draw, -1, 4)}',
            one(draw, '', 'confidence_threshold: 0.5'),
        ]
    )
    loc = (images, 4 * priors * (1 if share == 'true' else classes))
    return case(
        type,
        f'detection_output_param {{ {fields} }}',
        down='',
        loc=loc,
        conf=spread(images, priors * classes, low=0, high=1),
        priors=exactly([[boxes, [0.1, 0.2] * (2 * priors)]]),
    )
