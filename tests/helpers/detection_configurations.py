"""Random valid configurations of the layers for object detection; see configurations.py."""

from case import case, exactly, integers, spread
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


@of('SmoothL1LossOHEM')
def smooth_l1_loss_ohem(draw, type):
    x = shape(draw, 2)
    bottoms = dict.fromkeys(('a', 'b', 'w')[: some(draw, 2, 3)], x)
    tops = one(draw, 'y', 'y terms')
    mode = one(draw, 'FULL', 'VALID', 'BATCH_SIZE', 'NONE', 'PRE_FIXED')
    fields = f'normalization: {mode} pre_fixed_normalizer: {number(draw, 0.5, 3)}'
    text = f'{weights_of(tops)} loss_param {{ {fields} }}'
    return case(type, text, tops=tops, ignored='terms', **bottoms)


def weights_of(tops):
    """The weights of a loss: 1 for the first top."""
    return ' '.join(f'loss_weight: {name == "y":d}' for name in tops.split())


@of('SoftmaxWithLossOHEM')
def softmax_with_loss_ohem(draw, type):
    x = shape(draw, 2)
    label = (x[0], 1, *x[2:])
    tops = one(draw, 'y', 'y p', 'y p terms')
    makers = {'x': x, 'label': integers(*label, below=x[1])}
    return case(type, weights_of(tops), tops=tops, ignored='p terms', **makers)


@of('BoxAnnotatorOHEM')
def box_annotator_ohem(draw, type):
    regions = some(draw, 1, 5)
    rois = [[some(draw, 0, 1), 0, 0, 3, 3] for _ in range(regions)]
    fields = f'roi_per_img: {some(draw)} ignore_label: {some(draw, -1, 3)}'
    return case(
        type,
        f'box_annotator_ohem_param {{ {fields} }}',
        tops='y weights',
        down='',
        rois=exactly(rois),
        cls=(regions,),
        box=(regions, 1),
        label=integers(regions, below=3),
        inside=(regions, some(draw)),
    )


@of('PSROIPooling')
def psroi_pooling(draw, type):
    dim, size = some(draw, 1, 2), some(draw)
    x = (some(draw, 1, 2), dim * size**2, some(draw, 1, 6), some(draw, 1, 6))
    corners = st.lists(st.integers(-6, 16), min_size=4, max_size=4)
    rois = [[some(draw, 0, x[0] - 1), *draw(corners)] for _ in range(some(draw))]
    scale = one(draw, 1, 0.5, 0.4)
    fields = f'spatial_scale: {scale} output_dim: {dim} group_size: {size}'
    return case(type, f'psroi_pooling_param {{ {fields} }}', x=x, rois=exactly(rois))


@of('Proposal')
def proposal(draw, type):
    images, height, width = some(draw, 1, 2), some(draw), some(draw)
    fields = (
        f'base_size: {some(draw, 2, 5)} feat_stride: {some(draw)} min_size: 1 ratio: 1 scale: 1 '
        f'scale: 2 nms_thresh: {number(draw, 0.3, 0.9)} pre_nms_topn: {some(draw, 1, 9)} '
        f'post_nms_topn: {some(draw, 1, 5)}'
    )
    return case(
        type,
        f'proposal_param {{ {fields} }}',
        tops=one(draw, 'y', 'y best'),
        down='',
        scores=spread(images, 4, height, width),
        shifts=spread(images, 8, height, width, low=-0.2, high=0.2),
        info=exactly([[8, 9, 1]] * images),
    )


@of('Reorg')
def reorg(draw, type):
    s = some(draw)
    x = (some(draw), s**2 * some(draw), s * some(draw), s * some(draw))
    return case(type, f'reorg_param {{ stride: {s} reverse: {flag(draw)} }}', x=x)


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
            f'clip: {flag(draw)}',
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


@of('MultiBoxLoss')
def multibox_loss(draw, type):
    images, priors, classes = some(draw, 1, 2), some(draw), some(draw, 2, 3)
    mining, share = one(draw, ('NONE', 'false'), ('MAX_NEGATIVE', 'true'), ('HARD_EXAMPLE', 'true'))
    corners = [(some(draw) / 5, some(draw) / 5) for _ in range(priors)]
    boxes = [n for x, y in corners for n in (x, y, x + 0.5, y + 0.3)]
    fields = ' '.join(
        [
            f'num_classes: {classes} share_location: {share} mining_type: {mining}',
            f'code_type: {one(draw, "CORNER", "CENTER_SIZE", "CORNER_SIZE")}',
            f'conf_loss_type: {one(draw, "SOFTMAX", "LOGISTIC")}',
            f'loc_loss_type: {one(draw, "L2", "SMOOTH_L1")} loc_weight: {number(draw, 0.5, 2)}',
            f'match_type: {one(draw, "BIPARTITE", "PER_PREDICTION")} sample_size: 2',
            f'encode_variance_in_target: {flag(draw)} bp_inside: {flag(draw)}',
            f'ignore_cross_boundary_bbox: {flag(draw)} use_difficult_gt: {flag(draw)}',
        ]
    )
    truth = [[some(draw, -1, images - 1), some(draw, 1, classes - 1), 0]]
    truth[0] += [0.2, 0.3, 0.8, number(draw, 0.5, 0.9), some(draw, 0, 1)]
    return case(
        type,
        f'multibox_loss_param {{ {fields} }} '
        f'loss_param {{ normalization: {one(draw, "FULL", "VALID", "BATCH_SIZE", "NONE")} }}',
        loc=(images, 4 * priors * (1 if share == 'true' else classes)),
        conf=(images, priors * classes),
        priors=exactly([[boxes, [0.1, 0.2] * (2 * priors)]]),
        truth=exactly(truth * 2),
    )


@of('DetectionEvaluate')
def detection_evaluate(draw, type):
    fields = f'num_classes: 3 overlap_threshold: {number(draw, 0.1, 0.9)}'
    fields += f' evaluate_difficult_gt: {flag(draw)}'
    found, truth = [], []
    for _ in range(some(draw)):
        image, label, difficult = some(draw, 0, 1), some(draw, 1, 2), some(draw, 0, 1)
        found.append([image, label, number(draw, 0, 1), 0.1, 0.1, number(draw, 0.3, 0.9), 0.8])
        truth.append([image, label, 0, 0.2, 0.1, number(draw, 0.3, 0.9), 0.8, difficult])
    return case(
        type,
        f'detection_evaluate_param {{ {fields} }}',
        down='',
        found=exactly([[found]]),
        truth=exactly([[truth]]),
    )
