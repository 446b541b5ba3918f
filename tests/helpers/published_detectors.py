"""Published nets that find objects, 2015 to 2016, written with NetSpec: Faster R-CNN, SSD300,
MTCNN.

Each function gives a NetParameter for one image, or for as many as asked for. The Python layers of
Faster R-CNN are to be found in the module region_layers, in place of py-faster-rcnn's own.
"""

from goodinit.caffe import NetSpec
from goodinit.caffe import layers as L
from goodinit.caffe import params as P
from goodinit.proto.caffe_pb2 import TEST
from published_dense_nets import LEARNS, VGG, conv_relu
from published_nets import XAVIER, pool, spec

# -- Faster R-CNN


def vgg16(n, x):
    for block, (width, count) in enumerate(VGG, 1):
        for i in range(1, count + 1):
            x = conv_relu(n, f'conv{block}_{i}', x, width)
        if block < 5:
            x = n[f'pool{block}'] = pool(x, 2, 2)
    return x


def zf(n, x):
    for i, (width, kernel_size, pad) in enumerate(((96, 7, 3), (256, 5, 2)), 1):
        n[f'conv{i}'] = L.Convolution(
            x, num_output=width, kernel_size=kernel_size, pad=pad, stride=2, param=LEARNS
        )
        n[f'relu{i}'] = L.ReLU(n[f'conv{i}'], in_place=True)
        n[f'norm{i}'] = L.LRN(
            n[f'relu{i}'],
            local_size=3,
            alpha=0.00005,
            beta=0.75,
            engine=P.LRN.CAFFE,
            norm_region=P.LRN.WITHIN_CHANNEL,
        )
        x = n[f'pool{i}'] = pool(n[f'norm{i}'], 3, 2, pad=1)
    for i, width in ((3, 384), (4, 384), (5, 256)):
        x = conv_relu(n, f'conv{i}', x, width)
    return x


def python(layer, *bottoms, ntop=1):
    return L.Python(
        *bottoms, module='region_layers', layer=layer, param_str="'feat_stride': 16", ntop=ntop
    )


def reshape(x, width):
    return L.Reshape(x, shape={'dim': [0, width, -1, 0]})


def loss(x, label, **fields):
    return L.SoftmaxWithLoss(x, label, propagate_down=[True, False], loss_weight=1, **fields)


def propose(n, x, width, train):
    """The region proposal network: the blob with the regions."""
    x = conv_relu(n, 'rpn/output', x, width)
    for name, outputs in (('rpn_cls_score', 18), ('rpn_bbox_pred', 36)):
        n[name] = L.Convolution(x, num_output=outputs, kernel_size=1, param=LEARNS)
    n.rpn_cls_score_reshape = reshape(n.rpn_cls_score, 2)
    if train:
        n.rpn_labels, *targets = python(
            'AnchorTargetLayer', n.rpn_cls_score, n.gt_boxes, n.im_info, n.data, ntop=4
        )
        n.rpn_cls_loss = loss(
            n.rpn_cls_score_reshape,
            n.rpn_labels,
            loss_param={'ignore_label': -1, 'normalize': True},
        )
        n.rpn_loss_bbox = L.SmoothL1Loss(n.rpn_bbox_pred, *targets, loss_weight=1, sigma=3)
    n.rpn_cls_prob = L.Softmax(n.rpn_cls_score_reshape)
    n.rpn_cls_prob_reshape = reshape(n.rpn_cls_prob, 18)
    n.rpn_rois = python('ProposalLayer', n.rpn_cls_prob_reshape, n.rpn_bbox_pred, n.im_info)
    return n.rpn_rois


def faster_rcnn(body, width, pooled, train, height, wide):
    """width: of the last convolutions and the region proposal network."""
    n = NetSpec()
    if train:
        n.data, n.im_info, n.gt_boxes = python('RoIDataLayer', ntop=3)
    else:
        n.data, n.im_info = L.Input(shape=[{'dim': [1, 3, height, wide]}, {'dim': [1, 3]}], ntop=2)
    maps = body(n, n.data)
    rois = propose(n, maps, width, train)
    if train:
        rois, n.labels, *targets = python('ProposalTargetLayer', rois, n.gt_boxes, ntop=5)
    x = n.pool5 = L.ROIPooling(maps, rois, pooled_w=pooled, pooled_h=pooled, spatial_scale=0.0625)
    for name in ('fc6', 'fc7'):
        n[name] = L.InnerProduct(x, num_output=4096, param=LEARNS)
        x = n[f'drop_{name}'] = L.Dropout(L.ReLU(n[name], in_place=True), in_place=True)
    for name, outputs in (('cls_score', 21), ('bbox_pred', 84)):
        n[name] = L.InnerProduct(x, num_output=outputs, param=LEARNS, weight_filler=XAVIER)
    if train:
        n.loss_cls = loss(n.cls_score, n.labels)
        n.loss_bbox = L.SmoothL1Loss(n.bbox_pred, *targets, loss_weight=1)
    else:
        n.cls_prob = L.Softmax(n.cls_score)
    return n.to_proto()


def faster_rcnn_vgg16(train=False, height=600, width=1000):
    return faster_rcnn(vgg16, 512, 7, train, height, width)


def faster_rcnn_zf(train=False, height=600, width=1000):
    return faster_rcnn(zf, 256, 6, train, height, width)


# -- SSD300

# The map, the sizes of its boxes in pixels, their aspect ratios, and the step from place to place.
SOURCES = [
    ('conv4_3_norm', 30, 60, [2], 8),
    ('fc7', 60, 111, [2, 3], 16),
    ('conv6_2', 111, 162, [2, 3], 32),
    ('conv7_2', 162, 213, [2, 3], 64),
    ('conv8_2', 213, 264, [2], 100),
    ('conv9_2', 264, 315, [2], 300),
]


def boxes(n, source, least, most, ratios, step):
    """The places and classes that a map predicts, and the boxes around its places."""
    for name, each in (('loc', 4), ('conf', 21)):
        top = f'{source}_mbox_{name}'
        n[top] = L.Convolution(
            n[source],
            num_output=each * 2 * (1 + len(ratios)),
            kernel_size=3,
            pad=1,
            param=LEARNS,
            weight_filler=XAVIER,
        )
        n[f'{top}_perm'] = L.Permute(n[top], order=[0, 2, 3, 1])
        n[f'{top}_flat'] = L.Flatten(n[f'{top}_perm'], axis=1)
    n[f'{source}_mbox_priorbox'] = L.PriorBox(
        n[source],
        n.data,
        min_size=least,
        max_size=most,
        aspect_ratio=ratios,
        flip=True,
        clip=False,
        variance=[0.1, 0.1, 0.2, 0.2],
        step=step,
        offset=0.5,
    )


# The further maps: block, channels inside and at its end, padding.
EXTRA = ((6, 256, 512, 1), (7, 128, 256, 1), (8, 128, 256, 0), (9, 128, 256, 0))


def ssd300(images=1):
    n = spec(images, 300, 300)
    x = n.pool5 = pool(vgg16(n, n.data), 3, 1, pad=1)
    n.fc6 = L.Convolution(
        x, num_output=1024, kernel_size=3, pad=6, dilation=6, param=LEARNS, weight_filler=XAVIER
    )
    x = conv_relu(n, 'fc7', L.ReLU(n.fc6, in_place=True), 1024, 1, pad=0)
    for block, narrow, width, pad in EXTRA:
        x = extra_map(n, x, f'conv{block}', narrow, width, pad)
    n.conv4_3_norm = L.Normalize(
        n.conv4_3,
        norm_param={
            'across_spatial': False,
            'scale_filler': {'type': 'constant', 'value': 20},
            'channel_shared': False,
        },
    )
    for source in SOURCES:
        boxes(n, *source)
    for name, end, axis in (('loc', '_flat', 1), ('conf', '_flat', 1), ('priorbox', '', 2)):
        tops = [n[f'{source[0]}_mbox_{name}{end}'] for source in SOURCES]
        n[f'mbox_{name}'] = L.Concat(*tops, axis=axis)
    detections(n)
    return n.to_proto()


def extra_map(n, x, name, narrow, width, pad):
    """A smaller map: with padding half the extents, without two less."""
    x = conv_relu(n, f'{name}_1', x, narrow, 1, pad=0)
    n[f'{name}_2'] = L.Convolution(
        x,
        num_output=width,
        kernel_size=3,
        pad=pad,
        stride=1 + pad,
        param=LEARNS,
        weight_filler=XAVIER,
    )
    x = n[f'{name}_2_relu'] = L.ReLU(n[f'{name}_2'], in_place=True)
    return x


def detections(n):
    """Scores per box, and what is left of the boxes when testing."""
    n.mbox_conf_reshape = L.Reshape(n.mbox_conf, shape={'dim': [0, -1, 21]})
    n.mbox_conf_softmax = L.Softmax(n.mbox_conf_reshape, axis=2)
    n.mbox_conf_flatten = L.Flatten(n.mbox_conf_softmax, axis=1)
    n.detection_out = L.DetectionOutput(
        n.mbox_loc,
        n.mbox_conf_flatten,
        n.mbox_priorbox,
        num_classes=21,
        share_location=True,
        background_label_id=0,
        nms_param={'nms_threshold': 0.45, 'top_k': 400},
        code_type=P.PriorBox.CENTER_SIZE,
        keep_top_k=200,
        confidence_threshold=0.01,
        include={'phase': TEST},
    )


# -- MTCNN


def cascade(images, size, layers, heads, outputs):
    """layers: (width, kernel, extent of the pooling after it or 0), fully connected ones with
    kernel 0."""
    n = spec(images, size, size)
    x = n.data
    for i, (width, kernel_size, pooled) in enumerate(layers, 1):
        name = f'conv{i}'
        n[name] = (
            L.Convolution(
                x, num_output=width, kernel_size=kernel_size, param=LEARNS, weight_filler=XAVIER
            )
            if kernel_size
            else L.InnerProduct(x, num_output=width, param=LEARNS, weight_filler=XAVIER)
        )
        x = n[f'prelu{i}'] = L.PReLU(n[name], in_place=True)
        if pooled:
            x = n[f'pool{i}'] = pool(x, pooled, 2)
    for i, width in enumerate(outputs, 1):
        n[f'{heads}-{i}'] = (
            L.InnerProduct(x, num_output=width, param=LEARNS, weight_filler=XAVIER)
            if size > 12
            else L.Convolution(
                x, num_output=width, kernel_size=1, param=LEARNS, weight_filler=XAVIER
            )
        )
    n.prob1 = L.Softmax(n[f'{heads}-1'])
    return n.to_proto()


def mtcnn_p(images=1):
    return cascade(images, 12, [(10, 3, 2), (16, 3, 0), (32, 3, 0)], 'conv4', (2, 4))


def mtcnn_r(images=1):
    return cascade(images, 24, [(28, 3, 3), (48, 3, 3), (64, 2, 0), (128, 0, 0)], 'conv5', (2, 4))


def mtcnn_o(images=1):
    return cascade(
        images,
        48,
        [(32, 3, 3), (64, 3, 3), (64, 3, 2), (128, 2, 0), (256, 0, 0)],
        'conv6',
        (2, 4, 10),
    )
