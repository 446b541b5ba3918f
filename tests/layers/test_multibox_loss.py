"""MultiBoxLoss against loops over single boxes, and what it refuses."""

import math

import numpy as np
import pytest
from case import case, exactly, spread
from goodinit.netlib.errors import GoodinitError

P, CLASSES = 12, 3


def priors(rng):
    corner = rng.uniform(-0.1, 0.6, (P, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.2, 0.5, (P, 2))], 1)
    return np.stack([boxes.reshape(-1), np.tile([0.1, 0.2, 0.3, 0.4], P)])[None]


def truth(rng):
    rows = []
    for image, label, difficult in [(0, 1, 0), (-1, 0, 0), (0, 2, 1), (2, 1, 0), (2, 2, 0)]:
        x, y = rng.uniform(0, 0.5, 2)
        rows.append([image, label, 0, x, y, x + 0.4, y + 0.3, difficult])
    return np.array(rows)[None, None]


def loss_case(fields='', more='', classes=CLASSES, **bottoms):
    places = classes if 'share_location: false' in fields else 1
    given = {
        'loc': spread(3, 4 * P * places, low=-2, high=2),
        'conf': spread(3, P * classes, low=-3, high=3),
        'priors': priors,
        'truth': truth,
    }
    text = f'multibox_loss_param {{ num_classes: {classes} {fields} }} {more}'
    return case('MultiBoxLoss', text, **(given | bottoms))


# -- the oracle: one box at a time, by the formulas


def jaccard(a, b):
    wide = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    tall = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return wide * tall / (sum(areas) - wide * tall)


def encoded(box, prior, code):
    wide, tall = prior[2] - prior[0], prior[3] - prior[1]
    if code == 'CORNER':
        return [b - p for b, p in zip(box, prior, strict=True)]
    if code == 'CORNER_SIZE':
        sides = (wide, tall, wide, tall)
        return [(b - p) / s for b, p, s in zip(box, prior, sides, strict=True)]
    return [
        (box[0] + box[2] - prior[0] - prior[2]) / 2 / wide,
        (box[1] + box[3] - prior[1] - prior[3]) / 2 / tall,
        math.log((box[2] - box[0]) / wide),
        math.log((box[3] - box[1]) / tall),
    ]


def matched(boxes, objects, per_prediction, inside):
    """{prior: object} and the overlap of each prior."""
    outside = set()
    if inside:
        outside = {i for i, box in enumerate(boxes) if min(box) < 0 or max(box) > 1}
    pairs = {}
    for i, box in enumerate(boxes):
        for g, other in enumerate(objects):
            if i not in outside:
                pairs[i, g] = jaccard(box, other)
    overlap = [0] * P
    for (i, _), value in pairs.items():
        overlap[i] = max(overlap[i], value)
    found = {}
    for (i, g), value in sorted(pairs.items(), key=lambda pair: -pair[1]):
        if value > 1e-6 and i not in found and g not in found.values():
            found[i], overlap[i] = g, value
    if per_prediction:
        for i in range(P):
            values = [pairs.get((i, g), 0) for g in range(len(objects))]
            if i not in found and max(values) >= 0.5:
                found[i] = values.index(max(values))
    return found, overlap, outside


def miss(d, l2):
    return d * d / 2 if l2 or abs(d) < 1 else abs(d) - 0.5


def of_scores(scores, label, logistic):
    if not logistic:
        return math.log(sum(math.exp(s) for s in scores)) - scores[label]
    total = 0
    for c, score in enumerate(scores):
        yes = 1 / (1 + math.exp(-score))
        total -= math.log(yes if c == label else 1 - yes)
    return total


def expected(net, code='CORNER', mining='MAX_NEGATIVE', **flags):
    """The loss of a net whose location is shared, divided by the matches."""
    loc, conf, prior, rows = [blob.data for blob in net.bottoms[-1]]
    boxes, variances = prior[0].reshape(2, P, 4).tolist()
    total, matches = 0.0, 0
    for image in range(3):
        own = [r for r in rows[0, 0].tolist() if r[0] == image]
        own = [r for r in own if not (flags.get('easy') and r[7])]
        codes, scores = loc[image].reshape(P, 4), conf[image].reshape(P, CLASSES)
        found, overlap, outside = {}, [0] * P, set()
        if own:
            objects = [r[3:7] for r in own]
            per_prediction = not flags.get('bipartite')
            found, overlap, outside = matched(boxes, objects, per_prediction, flags.get('inside'))
        by_loc, by_conf = [0.0] * P, [0.0] * P
        for i in range(P):
            label = int(own[found[i]][1]) if i in found else 0
            by_conf[i] = of_scores(scores[i], label, flags.get('logistic'))
            if i in found:
                target = encoded(own[found[i]][3:7], boxes[i], code)
                for k in range(4):
                    v = variances[i][k]
                    d = codes[i][k] / (v if flags.get('in_target') else 1) - target[k] / v
                    if not (flags.get('bp_inside') and not 0 <= boxes[i][k] <= 1):
                        by_loc[i] += miss(d, flags.get('l2'))
        counts = set(range(P))
        if mining != 'NONE':
            hard = mining == 'HARD_EXAMPLE'
            loss = [b + a * hard for a, b in zip(by_loc, by_conf, strict=True)]
            may = [i for i in range(P) if hard or (i not in found and overlap[i] < 0.5)]
            may = [i for i in may if hard or i not in outside]
            may.sort(key=lambda i: -loss[i])
            counts = set(may[: 4 if hard else 2 * len(found)]) - outside
            counts |= set() if hard else set(found)
            counts = counts if own else set()
        positive = counts & set(found)
        matches += len(positive)
        total += sum(by_conf[i] for i in counts)
        total += 1.5 * sum(by_loc[i] for i in positive)
    return total / max(matches, 1)


FLAGS = {
    'easy': 'use_difficult_gt: false',
    'bipartite': 'match_type: BIPARTITE',
    'inside': 'ignore_cross_boundary_bbox: true',
    'logistic': 'conf_loss_type: LOGISTIC',
    'l2': 'loc_loss_type: L2',
    'in_target': 'encode_variance_in_target: true',
    'bp_inside': 'bp_inside: true',
}


@pytest.mark.parametrize('code', ['CORNER', 'CENTER_SIZE', 'CORNER_SIZE'])
@pytest.mark.parametrize('mining', ['NONE', 'MAX_NEGATIVE', 'HARD_EXAMPLE'])
@pytest.mark.parametrize('flag', ['', *FLAGS])
def test_the_loss_is_that_of_single_boxes(code, mining, flag):
    if flag == 'logistic' and mining == 'NONE':
        pytest.skip('priors without match are then of no class: see below')
    fields = f'code_type: {code} mining_type: {mining} loc_weight: 1.5 neg_pos_ratio: 2'
    net = loss_case(f'{fields} sample_size: 4 {FLAGS.get(flag, "")}').net('reference')
    net.forward()
    wanted = expected(net, code, mining, **{flag: True})
    assert net.blobs['y'].data == pytest.approx(wanted, rel=1e-5)
    assert wanted > 1


def run(c):
    net = c.net('reference')
    net.forward()
    return float(net.blobs['y'].data)


def test_normalizations():
    full = {}
    for mode in ('NONE', 'BATCH_SIZE', 'FULL', 'VALID'):
        full[mode] = run(loss_case(more=f'loss_param {{ normalization: {mode} }}'))
    assert full['NONE'] / full['BATCH_SIZE'] == pytest.approx(3, rel=1e-5)
    assert full['NONE'] / full['FULL'] == pytest.approx(3 * P, rel=1e-5)
    assert 3 < full['NONE'] / full['VALID'] < 3 * P
    assert run(loss_case()) == full['VALID']


def test_propagate_down_leaves_a_part_out():
    parts = []
    for flags in ((1, 1), (1, 0), (0, 1)):
        words = ' '.join(f'propagate_down: {bool(f)}'.lower() for f in (*flags, 0, 0))
        parts.append(run(loss_case(more=words)))
    assert parts[0] == pytest.approx(parts[1] + parts[2], rel=1e-5)


def test_without_mining_a_logistic_prior_without_match_is_of_no_class():
    c = loss_case('mining_type: NONE conf_loss_type: LOGISTIC loc_weight: 0', truth=NOTHING)
    net = c.net('reference')
    net.forward()
    scores = net.blobs['conf'].data
    assert net.blobs['y'].data == pytest.approx(np.log1p(np.exp(scores)).sum(), rel=1e-5)


NOTHING = exactly([[[[-1] * 8]]])


def test_an_image_without_objects_counts_only_without_mining():
    assert run(loss_case(truth=NOTHING)) == 0
    assert run(loss_case(truth=exactly(np.zeros((1, 1, 2, 8))))) == 0  # an input without data
    net = loss_case('mining_type: NONE', truth=NOTHING).net('reference')
    net.forward()
    scores = net.blobs['conf'].data.reshape(-1, CLASSES)
    total = sum(of_scores(row, 0, False) for row in scores.tolist())
    assert net.blobs['y'].data == pytest.approx(total, rel=1e-5)


def test_nms_leaves_out_near_duplicates():
    """Twelve equal priors elsewhere are one; without nms_param three count as background."""
    away = [0.0, 0.0, 0.1, 0.1] * (P - 1) + [0.5, 0.5, 0.9, 0.8]
    given = {
        'priors': exactly([[away, [0.1] * (4 * P)]]),
        'truth': exactly([[[[0, 1, 0, 0.5, 0.5, 0.9, 0.8, 0]]]]),
        'conf': exactly(np.zeros((1, P * CLASSES))),
        'loc': exactly(np.zeros((1, 4 * P))),
    }
    nms = 'use_prior_for_nms: true nms_param { nms_threshold: 0.5 }'
    assert run(loss_case(**given)) == pytest.approx(4 * math.log(3), rel=1e-5)
    assert run(loss_case(nms, **given)) == pytest.approx(2 * math.log(3), rel=1e-5)


def test_predictions_can_be_matched_instead_of_priors():
    """Codes that move the first prior onto the object make it the match."""
    boxes = [0.0, 0.0, 0.1, 0.1] * 2 + [0.5, 0.5, 0.8, 0.9] * (P - 2)
    loc = np.zeros((1, 4 * P))
    loc[0, :4] = 5, 5, 8, 7
    given = {
        'priors': exactly([[boxes, [0.1] * (4 * P)]]),
        'truth': exactly([[[[0, 1, 0, 0.5, 0.5, 0.9, 0.8, 0]]]]),
        'conf': exactly(np.zeros((1, P * CLASSES))),
        'loc': exactly(loc),
    }
    fields = 'use_prior_for_matching: false match_type: BIPARTITE mining_type: NONE'
    assert run(loss_case(fields, **given)) == pytest.approx(P * math.log(3), rel=1e-4)
    assert run(loss_case(fields.replace('false', 'true'), **given)) > P * math.log(3) + 0.1


def test_objects_may_be_one_class():
    """The classes of the objects are then all the same to it."""
    rows = truth(np.random.default_rng(0))
    ones = rows.copy()
    ones[..., 1] = np.minimum(ones[..., 1], 1)
    fields = 'map_object_to_agnostic: true loc_weight: 0'
    losses = [run(loss_case(fields, classes=2, truth=exactly(t))) for t in (rows, ones)]
    assert losses[0] == losses[1] > 0


def with_row(**changes):
    row = {'image': 0, 'label': 1, 'xmin': 0.1, 'xmax': 0.5} | changes
    box = [row['xmin'], 0.1, row['xmax'], 0.5]
    return exactly([[[[row['image'], row['label'], 0, *box, 0]]]])


@pytest.mark.parametrize(
    ('bottoms', 'message'),
    [
        ({'truth': with_row(image=3)}, "row 0 of 'truth': found image 3, needed: -1 or the index "),
        ({'truth': with_row(label=0)}, 'found class 0, which is background_label_id'),
        ({'truth': with_row(label=3)}, 'found class 3, needed: one of num_classes 3'),
        ({'truth': with_row(xmax=0.1)}, r'found the box \[.*\], needed: xmin < xmax and ymin <'),
        (
            {'priors': exactly(np.zeros((1, 2, 4 * P)))},
            'priors must have positive widths, heights and variances',
        ),
    ],
)
def test_wrong_data_are_named(bottoms, message):
    with pytest.raises(GoodinitError, match=message):
        run(loss_case(**bottoms))


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ('background_label_id: 3', 'num_classes: found 3, needed: the number of classes with'),
        ('do_neg_mining: false', 'do_neg_mining is the older field for mining_type, and contra'),
        ('share_location: false', 'mining_type needs share_location: true; without it set NONE'),
        ('map_object_to_agnostic: true', 'map_object_to_agnostic needs num_classes: 2, found 3'),
        ('neg_pos_ratio: 0', 'neg_pos_ratio: found 0, needed: a positive number'),
        ('mining_type: HARD_EXAMPLE sample_size: 0', 'sample_size: found 0, needed: a positive'),
    ],
)
def test_fields_that_contradict_are_refused(fields, message):
    with pytest.raises(GoodinitError, match=message):
        loss_case(fields).net('reference')


def test_true_boxes_have_eight_columns():
    with pytest.raises(GoodinitError, match=r'true boxes must be \(1, 1, G, 8\)'):
        loss_case(truth=(1, 1, 2, 7)).net('reference')
