"""Cases of the layers of Caffe's forks for object detection: Fast and Faster R-CNN, SSD."""
from case import Case

DETECTION_CASES: list[Case] = []
