"""DetectionEvaluate, worked out by hand."""

import numpy as np
import pytest
from case import case, exactly
from goodinit.netlib.errors import GoodinitError

A, B = (0.1, 0.1, 0.5, 0.5), (0.6, 0.6, 0.9, 0.9)
NEAR_A = (0.1, 0.1, 0.5, 0.4)  # an overlap of 3 / 4


def row(image, label, *rest):
    return [image, label, *rest]


FOUND = [
    row(0, 1, 0.3, *NEAR_A),
    row(0, 1, 0.9, *A),
    row(0, 1, 0.5, *B),
    row(0, 2, 0.8, *A),
    row(1, 2, 0.7, *B),
    row(2, -1, -1, -1, -1, -1, -1),
]
TRUTH = [
    row(0, 1, 0, *A, 0),
    row(1, 2, 0, *B, 1),
    row(1, 2, 1, *A, 0),
    row(-1, 0, 0, *A, 0),
]


def evaluated(fields='', found=FOUND, truth=TRUTH):
    text = f'detection_evaluate_param {{ num_classes: 3 {fields} }}'
    c = case('DetectionEvaluate', text, down='', found=exactly([[found]]), truth=exactly([[truth]]))
    net = c.net('reference')
    net.forward()
    return net, net.blobs['y'].data[0, 0]


def test_rows():
    """The best of class 1 finds its box, the other near it is one too many."""
    _, rows = evaluated()
    expected = [
        [-1, 1, 1, -1, -1],
        [-1, 2, 2, -1, -1],
        [0, 1, 0.9, 1, 0],
        [0, 1, 0.5, 0, 1],
        [0, 1, 0.3, 0, 1],
        [0, 2, 0.8, 0, 1],
        [1, 2, 0.7, 1, 0],
        [2, -1, -1, 0, 1],
    ]
    np.testing.assert_allclose(rows, expected, rtol=1e-6)


@pytest.mark.parametrize('classes', [1, 3])
def test_nothing_found_and_nothing_there(classes):
    text = f'detection_evaluate_param {{ num_classes: {classes} }}'
    net = case('DetectionEvaluate', text, down='', found=(1, 1, 0, 7), truth=(1, 1, 0, 8)).net(
        'reference'
    )
    net.forward()
    rows = [[-1, c, 0, -1, -1] for c in range(1, classes)]
    np.testing.assert_array_equal(net.blobs['y'].data[0, 0], np.reshape(rows, (-1, 5)))


def test_difficult_boxes_may_be_passed_over():
    _, rows = evaluated('evaluate_difficult_gt: false')
    np.testing.assert_array_equal(rows[1], [-1, 2, 1, -1, -1])
    np.testing.assert_allclose(rows[6], [1, 2, 0.7, 0, 0], rtol=1e-6)


@pytest.mark.parametrize(('threshold', 'right'), [(0.74, 1), (0.76, 0)])
def test_the_threshold(threshold, right):
    _, rows = evaluated(f'overlap_threshold: {threshold}', FOUND[:1], TRUTH[:1])
    np.testing.assert_array_equal(rows[2, 3:], [right, 1 - right])


def test_whole_pixels(tmp_path):
    """In 10 x 10 pixels A has 25, and the other 20; in 100 x 100, 41 x 41 and 41 x 31."""
    path = tmp_path / 'sizes'
    path.write_text('first 10 10\nsecond 100 100\n')
    fields = f'name_size_file: "{path}" overlap_threshold: 0.79'
    net, rows = evaluated(fields, FOUND[:1], TRUTH[:1])
    verdicts = [rows[2, 3].item()]
    state = net.layers[-1].state()
    for _ in range(2):
        net.forward()
        verdicts.append(net.blobs['y'].data[0, 0, 2, 3].item())
    assert verdicts == [1, 0, 1]
    net.layers[-1].restore(state)
    net.forward()
    assert net.blobs['y'].data[0, 0, 2, 3] == 0


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, 'name_size_file .*sizes: cannot be read'),
        ('', 'name_size_file .*sizes: is empty; needed: name height width per line'),
        ('a 1 2\nb 3\n', "sizes, line 2: found 'b 3', needed: name height width"),
    ],
)
def test_files_of_sizes(text, message, tmp_path):
    if text is not None:
        (tmp_path / 'sizes').write_text(text)
    with pytest.raises(GoodinitError, match=message):
        evaluated(f'name_size_file: "{tmp_path}/sizes"')


@pytest.mark.parametrize(
    ('fields', 'found', 'truth', 'message'),
    [
        ('overlap_threshold: 0', FOUND, TRUTH, 'overlap_threshold: found 0, needed: > 0'),
        (
            'resize_param { resize_mode: FIT_LARGE_SIZE_AND_PAD }',
            FOUND,
            TRUTH,
            'resize_param: FIT_LARGE_SIZE_AND_PAD is not known here: remove it',
        ),
        ('', TRUTH, TRUTH, r"needs boxes \(1, 1, K, 7\): 'found' has"),
        ('', FOUND, [row(0, 0, 0, *A, 0)], "'truth' has a true box of background_label_id "),
    ],
)
def test_what_is_refused(fields, found, truth, message):
    with pytest.raises(GoodinitError, match=message):
        evaluated(fields, found, truth)


def test_classes_must_be_counted():
    c = case('DetectionEvaluate', down='', found=exactly([[FOUND]]), truth=exactly([[TRUTH]]))
    with pytest.raises(GoodinitError, match='num_classes: found 0, needed: the number of classes'):
        c.net('reference')
