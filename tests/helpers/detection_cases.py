"""Cases of the layers of Caffe's forks for object detection: Fast and Faster R-CNN, SSD."""

from case import Case, case, exactly, integers, spread

# Within the map, beyond it on two sides, smaller than its bins, ending before it begins, and
# outside.
ROIS = exactly(
    [[1, 0, 0, 9, 9], [0, -6, 4, 3, 30], [1, 4, 4, 5, 5], [0, 9, 9, 1, 1], [0, 40, 2, 50, 4]]
)
BINS = 'spatial_scale: 0.5 output_dim: 3 group_size: 2'
POOLED = 'roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.5 }'
LOC, CONF = spread(2, 12), spread(2, 9, low=0, high=1)
PRIORS = exactly(
    [[[0.1, 0.1, 0.5, 0.4, 0.2, 0.1, 0.6, 0.4, 0.5, 0.5, 0.9, 0.8], [0.1, 0.1, 0.2, 0.2] * 3]]
)
TRUTH = exactly(
    [
        [
            [
                [0, 1, 0, 0.15, 0.1, 0.5, 0.45, 0],
                [1, 2, 0, 0.2, 0.15, 0.6, 0.4, 1],
                [1, 1, 0, 0.5, 0.55, 0.85, 0.8, 0],
            ]
        ]
    ]
)
FOUND = exactly(
    [
        [
            [
                [0, 1, 0.9, 0.15, 0.1, 0.5, 0.4],
                [0, 1, 0.8, 0.2, 0.1, 0.5, 0.45],
                [1, 1, 0.7, 0.5, 0.5, 0.8, 0.8],
                [1, 2, 0.6, 0.5, 0.5, 0.8, 0.8],
            ]
        ]
    ]
)
SIZES = 'min_size: 4 max_size: 9 min_size: 6 max_size: 10 aspect_ratio: 2 aspect_ratio: 3'
MAP, ROWS = (2, 3, 5, 4), (4, 3)

DETECTION_CASES: list[Case] = [
    case('ROIPooling', POOLED, x=(2, 3, 6, 5), rois=ROIS),
    case('SmoothL1Loss', x=ROWS, target=ROWS),
    case(
        'SmoothL1Loss',
        'smooth_l1_loss_param { sigma: 1.5 }',
        id='inside weights',
        x=MAP,
        target=MAP,
        inside=MAP,
    ),
    case(
        'SmoothL1Loss',
        'smooth_l1_loss_param { sigma: 3 }',
        id='both weights',
        x=ROWS,
        target=ROWS,
        inside=ROWS,
        outside=(4, 3, 1, 1),
    ),
    case(
        'SmoothL1LossOHEM',
        'loss_weight: 1 loss_weight: 0',
        tops='y terms',
        ignored='terms',
        x=ROWS,
        target=ROWS,
    ),
    case(
        'SmoothL1LossOHEM',
        'loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 8 }',
        id='weights',
        x=MAP,
        target=MAP,
        inside=MAP,
    ),
    case(
        'SoftmaxWithLossOHEM',
        'loss_weight: 1 loss_weight: 0 loss_weight: 0 loss_param { ignore_label: 1 }',
        tops='y p terms',
        ignored='p terms',
        x=MAP,
        label=integers(2, 1, 5, 4, below=3),
    ),
    case(
        'BoxAnnotatorOHEM',
        'box_annotator_ohem_param { roi_per_img: 2 }',
        tops='y weights',
        down='',
        rois=ROIS,
        cls=(5,),
        box=(5, 1, 1, 1),
        label=integers(5, below=3),
        inside=(5, 8),
    ),
    case('PSROIPooling', f'psroi_pooling_param {{ {BINS} }}', x=(2, 12, 6, 5), rois=ROIS),
    case(
        'Proposal',
        'proposal_param { base_size: 4 feat_stride: 2 min_size: 2 scale: 1 ratio: 1 ratio: 2 }',
        tops='y best',
        down='',
        scores=spread(2, 4, 3, 4),
        shifts=spread(2, 8, 3, 4, low=-0.2, high=0.2),
        info=exactly([[8, 9, 1], [7, 8, 1.5]]),
    ),
    case('Reorg', 'reorg_param { stride: 2 }', x=(2, 4, 4, 6)),
    case('Reorg', 'reorg_param { stride: 2 reverse: true }', id='reverse', x=(2, 8, 2, 3)),
    case('Permute', 'permute_param { order: 0 order: 2 order: 3 order: 1 }', x=MAP),
    case('Permute', 'permute_param { order: 2 order: 0 }', id='some', x=(2, 3, 4)),
    case('Permute', id='none', x=(2, 3)),
    case('Normalize', x=MAP),
    case('Normalize', 'norm_param { channel_shared: false }', id='per channel', x=MAP),
    case('Normalize', 'norm_param { across_spatial: false }', id='place by place', x=MAP),
    case(
        'Normalize',
        'norm_param { across_spatial: false channel_shared: false eps: 0.01 }',
        id='both',
        x=MAP,
    ),
    case(
        'PriorBox', f'prior_box_param {{ {SIZES} clip: true }}', down='', x=MAP, data=(2, 3, 20, 16)
    ),
    case(
        'PriorBoxClustered',
        'prior_box_param { width: 9.5 height: 4 }',
        down='',
        x=MAP,
        data=(2, 3, 20, 16),
    ),
    case(
        'DetectionOutput',
        'detection_output_param { num_classes: 3 code_type: CENTER_SIZE }',
        down='',
        x=LOC,
        conf=CONF,
        priors=PRIORS,
    ),
    case(
        'MultiBoxLoss',
        'multibox_loss_param { num_classes: 3 code_type: CENTER_SIZE neg_pos_ratio: 1 }',
        loc=LOC,
        conf=CONF,
        priors=PRIORS,
        truth=TRUTH,
    ),
    case(
        'MultiBoxLoss',
        'multibox_loss_param { num_classes: 3 share_location: false loc_loss_type: L2 '
        'conf_loss_type: LOGISTIC mining_type: NONE encode_variance_in_target: true }',
        id='apart',
        loc=spread(2, 36),
        conf=CONF,
        priors=PRIORS,
        truth=TRUTH,
    ),
    case(
        'DetectionEvaluate',
        'detection_evaluate_param { num_classes: 3 }',
        down='',
        found=FOUND,
        truth=TRUTH,
    ),
]
