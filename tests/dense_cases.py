"""Cases of the layers of Caffe's forks for dense prediction and of small nets."""
from case import Case

DENSE_CASES: list[Case] = []
