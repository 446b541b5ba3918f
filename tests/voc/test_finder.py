"""A Fast R-CNN that finds objects: its regions, boxes and weights, and the pictures it makes."""

import numpy as np
import pytest
from goodinit.feeding.filled_net import Net
from goodinit.netlib.errors import GoodinitError
from goodinit.proto.caffe_pb2 import TEST
from goodinit.voc.boxes import clip, decode, suppress
from goodinit.voc.classes import CLASSES
from goodinit.voc.devkit import open_devkit
from goodinit.voc.drawing import COLORS, draw_objects
from goodinit.voc.finder import Found, open_finder, take_statistics
from goodinit.voc.region_sampler import MEAN, prepared
from mini_devkit import MINI
from small_fast_rcnn import deploy, known_regions, train_val, written

PHOTOGRAPH = open_devkit(MINI).photographs('test')[0]
REGIONS = np.array([[0, 0, 40, 40], [1, 0, 40, 41], [30, 20, 100, 90], [60, 5, 62, 9]], np.float32)


@pytest.fixture
def trained(tmp_path):
    """The weights of a net trained with RegionData."""
    net = Net(train_val(known_regions(tmp_path)), 'train', seed=3)
    net.save(tmp_path / 'trained.caffemodel')
    return net, str(tmp_path / 'trained.caffemodel')


@pytest.fixture
def finder(tmp_path, trained):
    found, notes = open_finder(
        written(tmp_path, deploy(), 'deploy.prototxt'), trained[1], scale=48, longest=1000
    )
    assert notes == []
    return found


def test_each_region_alone_gets_the_same(finder):
    """Regions that are one to the net are run once."""
    pixels = PHOTOGRAPH.pixels()
    scored = finder.score(pixels, REGIONS)
    assert finder.net.blobs['rois'].shape == (3, 5)
    for i in range(len(REGIONS)):
        alone = finder.score(pixels, REGIONS[i : i + 1])
        assert alone.scores[0] == pytest.approx(scored.scores[i], abs=1e-6)
        assert alone.boxes[0] == pytest.approx(scored.boxes[i], abs=1e-3)


def test_boxes_are_codes_with_their_mean_and_deviation(finder, trained):
    net, _ = trained
    pixels = PHOTOGRAPH.pixels()
    scored = finder.score(pixels, REGIONS[2:3])
    image, factor = prepared(pixels, 48, 1000, MEAN)
    twin = Net(deploy(), 'test')
    saved = net.to_proto()
    mean, deviation = take_statistics(saved)
    twin.copy_from(saved)
    twin.blobs['data'].reshape(1, *image.shape)
    twin.blobs['rois'].reshape(1, 5)
    twin.blobs['data'].data = image[None]
    twin.blobs['rois'].data = [[0, *(REGIONS[2] * factor)]]
    twin.forward()
    assert scored.scores[0] == pytest.approx(twin.blobs['cls_prob'].data[0, 1:], abs=1e-6)
    for label in range(1, 21):
        codes = twin.blobs['bbox_pred'].data[0, 4 * label : 4 * label + 4]
        codes = codes * deviation[label] + mean[label]
        wanted = clip(decode(codes, REGIONS[2]), PHOTOGRAPH.width, PHOTOGRAPH.height)
        assert scored.boxes[0, label - 1] == pytest.approx(wanted, abs=1e-3)


def test_what_is_found_is_scored_sorted_and_suppressed(finder):
    pixels = PHOTOGRAPH.pixels()
    scored = finder.score(pixels, REGIONS)
    least = float(np.quantile(scored.scores, 0.3))
    wanted = []
    for label in range(20):
        for i in suppress(scored.boxes[:, label], scored.scores[:, label], 0.3):
            if scored.scores[i, label] >= least:
                wanted.append((label, scored.scores[i, label]))
    found = finder.find(pixels, REGIONS, least)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    pairs = [(each.label, pytest.approx(each.score)) for each in found]
    assert sorted(wanted) == sorted(pairs, key=lambda pair: (pair[0], pair[1].expected))


def test_an_image_without_regions(finder):
    assert finder.find(PHOTOGRAPH.pixels(), np.zeros((0, 4), np.float32)) == []


def test_published_weights_have_codes_as_they_are(tmp_path, trained):
    """Without statistics, and with those folded into the weights, boxes are the same."""
    net, weights = trained
    plain = Net(deploy(), 'test')
    saved = net.to_proto()
    mean, deviation = take_statistics(saved)
    plain.copy_from(saved)
    weight, bias = plain.params['bbox_pred']
    weight.data *= deviation.reshape(-1, 1)
    bias.data = bias.data * deviation.ravel() + mean.ravel()
    plain.save(tmp_path / 'folded.caffemodel')
    path = written(tmp_path, deploy(), 'deploy.prototxt')
    folded, _ = open_finder(path, str(tmp_path / 'folded.caffemodel'), scale=48)
    ours, _ = open_finder(path, weights, scale=48)
    assert folded.statistics is None
    pixels = PHOTOGRAPH.pixels()
    assert folded.score(pixels, REGIONS).boxes == pytest.approx(
        ours.score(pixels, REGIONS).boxes, abs=1e-3
    )


def test_other_nets_are_refused(tmp_path):
    with pytest.raises(GoodinitError, match="has no blob 'rois'; needed: a Fast R-CNN"):
        open_finder('lenet/deploy', 'w.caffemodel')


def test_weights_of_another_net(tmp_path):
    Net('lenet/deploy', TEST).save(tmp_path / 'lenet.caffemodel')
    path = written(tmp_path, deploy(), 'deploy.prototxt')
    with pytest.raises(GoodinitError, match="weights from layer 'conv1'; shape mismatch"):
        open_finder(path, str(tmp_path / 'lenet.caffemodel'))


def test_a_picture_shows_box_and_label():
    pixels = np.full((3, 100, 120), 255, np.uint8)
    pixels[0] = 0  # yellow
    found = [Found(CLASSES.index('cat'), 0.75, (20.0, 40.0, 90.0, 80.0))]
    image = draw_objects(pixels, found, CLASSES)
    assert image.size == (120, 100) and image.getpixel((5, 5)) == (255, 255, 0)
    color = COLORS[CLASSES.index('cat')]
    wanted = tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))
    for place in ((20, 60), (90, 60), (50, 40), (50, 80)):
        assert image.getpixel(place) == wanted
    above = np.asarray(image.crop((20, 22, 80, 39)))
    assert (above == wanted).all(2).any() and (above != wanted).any()


def test_labels_stay_in_the_picture():
    pixels = np.zeros((3, 60, 120), np.uint8)
    box = (100.0, 0.0, 119.0, 59.0)
    image = np.asarray(draw_objects(pixels, [Found(0, 1.0, box)], CLASSES))
    assert image[:14, :100].any()
