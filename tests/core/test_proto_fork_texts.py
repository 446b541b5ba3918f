"""The texts of Caffe's forks, whose fields go by name: nets of SSD, SegNet and DeconvNet."""

import logging

import pytest
from goodinit.proto import caffe_pb2 as pb
from goodinit.proto import parse_net

SSD = """
layer {
  name: "data" type: "AnnotatedData" top: "data" top: "label"
  transform_param {
    mirror: true mean_value: 104 force_color: true crop_h: 300 crop_w: 300
    resize_param { prob: 1 resize_mode: WARP height: 300 width: 300
                   interp_mode: LINEAR interp_mode: LANCZOS4
                   pad_mode: MIRRORED pad_value: 1 height_scale: 1 width_scale: 1 }
    emit_constraint { emit_type: MIN_OVERLAP emit_overlap: 0.5 }
    noise_param { prob: 0.1 jpeg: 90 saltpepper: true
                  saltpepper_param { fraction: 0.1 value: 255 } hist_eq: true
                  inverse: true decolorize: true gauss_blur: true posterize: true
                  erode: true clahe: true
                  convert_to_hsv: true convert_to_lab: true }
    distort_param { brightness_prob: 0.5 brightness_delta: 32 contrast_prob: 0.5
                    contrast_lower: 0.5 contrast_upper: 1.5
                    hue_prob: 0.5 hue_delta: 18 saturation_prob: 0.5
                    saturation_lower: 0.5 saturation_upper: 1.5
                    random_order_prob: 0.0 }
    expand_param { prob: 0.5 max_expand_ratio: 4 }
  }
  data_param { source: "lmdb" batch_size: 32 backend: LMDB }
  annotated_data_param {
    anno_type: BBOX label_map_file: "map"
    batch_sampler { max_sample: 1 max_trials: 50 use_original_image: false
      sampler { min_scale: 0.3 max_scale: 1 min_aspect_ratio: 0.5 max_aspect_ratio: 2 }
      sample_constraint { min_jaccard_overlap: 0.1 max_jaccard_overlap: 1
                          min_sample_coverage: 0 max_sample_coverage: 1
                          min_object_coverage: 0 max_object_coverage: 1 } }
  }
}
layer {
  name: "mbox_loss" type: "MultiBoxLoss" bottom: "loc" bottom: "conf" bottom: "prior"
  bottom: "label" top: "mbox_loss"
  include { phase: TRAIN } propagate_down: true propagate_down: true
  propagate_down: false propagate_down: false
  loss_param { normalization: VALID }
  multibox_loss_param {
    loc_loss_type: SMOOTH_L1 conf_loss_type: SOFTMAX loc_weight: 1
    num_classes: 21 share_location: true
    match_type: PER_PREDICTION overlap_threshold: 0.5
    use_prior_for_matching: true background_label_id: 0
    use_difficult_gt: true do_neg_mining: true neg_pos_ratio: 3 neg_overlap: 0.5
    code_type: CENTER_SIZE
    encode_variance_in_target: false map_object_to_agnostic: false
    ignore_cross_boundary_bbox: false bp_inside: false
    mining_type: MAX_NEGATIVE nms_param { top_k: 400 eta: 1 } sample_size: 64
    use_prior_for_nms: false
  }
}
layer { name: "eval" type: "DetectionEvaluate"
        detection_evaluate_param { num_classes: 21 background_label_id: 0
        overlap_threshold: 0.5 evaluate_difficult_gt: false
        name_size_file: "sizes" resize_param { height: 300 } } }
layer { name: "out" type: "DetectionOutput" detection_output_param {
        save_output_param { resize_param { prob: 1 } } } }
layer { name: "video" type: "VideoData" video_data_param { video_type: WEBCAM
        device_id: 0 video_file: ""
        skip_frames: 2 } }
"""
SEGNET = """
layer { name: "data" type: "DenseImageData" top: "data" top: "label"
        dense_image_data_param { source: "train.txt" batch_size: 4 shuffle: true
        rand_skip: 1 new_height: 512
          new_width: 1024 is_color: true mean_file: "m" root_folder: "r"
          mirror: true crop_height: 1 crop_width: 1
          label_divide_factor: 8 root_folder_image: "i" root_folder_label: "l" } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "data" bottom: "label"
        softmax_param { engine: CAFFE }
        loss_param: { weight_by_label_freqs: true ignore_label: 11
        class_weighting: 0.2595 class_weighting: 0.1826 } }
"""
DECONVNET = """
layers { name: "unpool5" type: UNPOOLING bottom: "x" bottom: "mask" top: "y"
         unpooling_param { unpool: MAX kernel_size: 2 stride: 2 unpool_size: 14 engine: CAFFE } }
layers { name: "bn" type: BN bottom: "y" top: "z" bn_param { bn_mode: INFERENCE
         scale_filler { type: "constant" value: 1 }
         shift_filler { type: "constant" value: 0.001 } } }
layers { name: "crop" type: CROP bottom: "z" bottom: "x" top: "score" }
layers { name: "spp" type: SPATIAL_PYRAMID_POOLING bottom: "z" top: "spp"
         spatial_pyramid_pooling_param { pool: MAX spatial_bin: 6 spatial_bin: 1 } }
"""


@pytest.mark.parametrize('text', [SSD, SEGNET], ids=['SSD', 'SegNet'])
def test_fields_of_training_nets(text):
    assert parse_net(text).layer


def test_v1_layers_of_forks(caplog):
    with caplog.at_level(logging.WARNING):
        net = parse_net(DECONVNET)
    assert [layer.type for layer in net.layer] == [
        *('Unpooling', 'BN', 'Crop', 'SpatialPyramidPooling'),
    ]
    assert (
        net.layer[0].unpooling_param.unpool_size == 14
        and net.layer[1].bn_param.bn_mode == pb.BNParameter.INFERENCE
    )
    assert net.layer[3].spatial_pyramid_pooling_param.spatial_bin == [6, 1]
    assert "layer 'crop': CROP computed its own offset, but Crop starts at 0" in caplog.text
