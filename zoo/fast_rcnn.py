"""Fast R-CNN on CaffeNet: the classes of regions of an image, and their boxes."""

import json

from ..proto.caffe_pb2 import NetParameter
from ..proto.spec import NetBuilder
from .alexnet import AlexNet
from .model import BVLC, Model, gaussian

LABELS = 21  # the classes of VOC, and background as 0
STRIDE = 16  # pixels of the image from one place of conv5 to the next
POOLED = 6  # places of fc6's input along each side
REGIONS = 300  # of the deploy net
TOPS = ('data', 'rois', 'labels', 'bbox_targets', 'bbox_loss_weights')
# The paper of Kraehenbuehl et al. trains on several scales.
OPTIONS = {
    'data': 'VOCdevkit',
    'regions': 'regions',
    'scales': [480, 576, 688, 864, 1200],
    'longest': 2000,
}
# Kraehenbuehl et al. take the best base_lr of 0.01, 0.002 and 0.001.
SOLVER = """
    base_lr: 0.001 momentum: 0.9 weight_decay: 0.0005
    lr_policy: "step" gamma: 0.1 stepsize: 50000
    display: 20 average_loss: 100 max_iter: 150000 snapshot: 10000
"""
BODY = AlexNet(pool_first=True, bias=1, centered=True)


def models() -> list[Model]:
    """Fast R-CNN on CaffeNet."""
    return [
        Model(
            'fast_rcnn/caffenet',
            'Fast R-CNN (Girshick 2015) on CaffeNet, trained as in Krähenbühl et al. (2016)',
            train_val(),
            deploy(),
            SOLVER,
            note='All layers learn; the published files keep conv1 as it is.',
        )
    ]


def train_val() -> NetParameter:
    net = NetBuilder('CaffeNet', BVLC)
    layer = {
        'module': 'goodinit.voc.region_data',
        'layer': 'RegionData',
        'param_str': json.dumps(OPTIONS),
    }
    net.add('Python', 'data', top=TOPS, python_param=layer)
    scores, codes = body(net)
    net.add('SoftmaxWithLoss', 'loss_cls', [scores, 'labels'])
    net.add('SmoothL1Loss', 'loss_bbox', [codes, 'bbox_targets', 'bbox_loss_weights'])
    return net.param


def deploy() -> NetParameter:
    """The net for use, with fillers as in zoo.model.deploy_net."""
    net = NetBuilder('CaffeNet')
    net.add('Input', 'data', input_param={'shape': [{'dim': [1, 3, 600, 1000]}]})
    net.add('Input', 'rois', input_param={'shape': [{'dim': [REGIONS, 5]}]})
    scores, _ = body(net)
    net.add('Softmax', 'cls_prob', scores)
    return net.param


def body(net: NetBuilder) -> tuple[str, str]:
    """From data and rois to the scores of labels and the codes of boxes."""
    x = BODY.convolve(net, 'data')
    pooling = {'pooled_h': POOLED, 'pooled_w': POOLED, 'spatial_scale': 1 / STRIDE}
    x = net.add('ROIPooling', 'roi_pool5', [x, 'rois'], roi_pooling_param=pooling)
    x = BODY.connect(net, x)
    scores = net.inner_product('cls_score', x, LABELS, weight=gaussian(0.01))
    codes = net.inner_product('bbox_pred', x, 4 * LABELS, weight=gaussian(0.001))
    return scores, codes
