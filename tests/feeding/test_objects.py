"""A net of SSD, initialized from images without objects."""

import numpy as np
from goodinit.tools.init_net import main
from PIL import Image

NET = """
layer { name: "data" type: "AnnotatedData" top: "data" top: "label"
  transform_param { resize_param { height: 16 width: 16 } }
  data_param { source: "no_such_lmdb" batch_size: 4 backend: LMDB } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 8 kernel_size: 3 stride: 4 weight_filler { type: "xavier" } } }
layer { name: "loc" type: "InnerProduct" bottom: "c" top: "loc"
  inner_product_param { num_output: 64 weight_filler { type: "xavier" } } }
layer { name: "conf" type: "InnerProduct" bottom: "c" top: "conf"
  inner_product_param { num_output: 48 weight_filler { type: "xavier" } } }
layer { name: "priors" type: "PriorBox" bottom: "c" bottom: "data" top: "priors"
  prior_box_param { min_size: 6 } }
layer { name: "loss" type: "MultiBoxLoss" bottom: "loc" bottom: "conf" bottom: "priors"
  bottom: "label" top: "loss" multibox_loss_param { num_classes: 3 } }
"""


def test_a_detector_is_initialized_from_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'images').mkdir()
    for i in range(8):
        pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / 'images' / f'{i}.png')
    (tmp_path / 'net.prototxt').write_text(NET)
    main(['--proto', 'net.prototxt', '--data', 'images'])
    assert 'weights written to net.caffemodel' in capsys.readouterr().err
