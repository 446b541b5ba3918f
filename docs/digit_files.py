"""For the pages: scikit-learn's digits as a folder of images, and a small net that reads them."""

from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

NET = """name: "Digits"
layer {{ name: "images" type: "ImageData" top: "data" top: "label"
  transform_param {{ {transform} }}
  image_data_param {{ source: "list.txt" batch_size: 64 shuffle: true is_color: false
    new_height: 8 new_width: 8 }} }}
layer {{ name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param {{ num_output: 16 kernel_size: 3 {weights} {biases} }} }}
layer {{ name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }}
layer {{ name: "ip1" type: "InnerProduct" bottom: "conv1" top: "ip1"
  inner_product_param {{ num_output: 50 {weights} {biases} }} }}
layer {{ name: "relu2" type: "ReLU" bottom: "ip1" top: "ip1" }}
layer {{ name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param {{ num_output: 10 {weights} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }}
"""
SOLVER = """net: "net.prototxt"
type: "SGD"  base_lr: {base_lr}  momentum: 0.9  lr_policy: "fixed"
max_iter: {iterations}  display: {display}  random_seed: 1
snapshot: 0  snapshot_prefix: "digits"
"""


def write_digits() -> None:
    """Write the 1797 images of 8 x 8 pixels, 0 to 255, to digits/, and list.txt, which names them
    with their labels."""
    digits = load_digits()
    Path('digits').mkdir(exist_ok=True)
    lines = []
    for i, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        pixels = (image * 255 / 16).astype('uint8')
        Image.fromarray(pixels).save(f'digits/{i}.png')
        lines.append(f'digits/{i}.png {label}\n')
    Path('list.txt').write_text(''.join(lines))


def write_net(filler: str, *, scale: float = 1.0, bias: float = 0.0, offset: float = 0.0) -> None:
    """Write net.prototxt. filler: the fields of its weight fillers; bias: the value of biases;
    scale and offset: pixels become (pixel - offset) * scale."""
    text = NET.format(
        transform=f'scale: {scale} mean_value: {offset}',
        weights=f'weight_filler {{ {filler} }}',
        biases=f'bias_filler {{ type: "constant" value: {bias} }}',
    )
    Path('net.prototxt').write_text(text)


def write_solver(base_lr: float, iterations: int = 60) -> None:
    """Write solver.prototxt."""
    text = SOLVER.format(base_lr=base_lr, iterations=iterations, display=iterations // 3)
    Path('solver.prototxt').write_text(text)
