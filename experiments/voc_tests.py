"""How good a net is at saying which classes the test images of VOC show."""

from collections.abc import Sequence

import numpy as np
from goodinit.netlib import Net
from goodinit.netlib.rng import make_rng
from goodinit.proto.caffe_pb2 import TEST, NetParameter
from goodinit.solvers import Solver
from goodinit.voc.average_precision import MEASURES, average_precision
from goodinit.voc.classification import WindowsOf, scores, scoring_net
from goodinit.voc.devkit import Photograph
from goodinit.voc.labels import labels_of
from goodinit.voc.windows import Window, center_window, random_window, ten_windows

CROPS = 10
USUAL = 227 / 256  # of the short side: AlexNet's crops of an image of 256
RANDOM_CROPS = 2  # use random numbers of their own

Precisions = dict[str, dict[str, list[float]]]  # by way to crop and measure, of each class


class Tester:
    """A net that shares the weights of a solver, and the test images."""

    def __init__(
        self, training: NetParameter, photographs: Sequence[Photograph], crop: int, engine: str
    ):
        self.net = Net(scoring_net(training, crop), TEST, engine=engine)
        self.photographs = photographs
        self.labels = labels_of(photographs)
        self.crop = crop
        self.is_sharing = False

    def quick(self, solver: Solver) -> float:
        """The mean average precision on one central crop, by the measure of VOC 2007."""
        score = self._score(solver, central)
        found = average_precision(score, self.labels, 'eleven_point')
        return float(np.nanmean(found))

    def thorough(self, solver: Solver, scales: tuple[float, float], seed: int) -> Precisions:
        """On the central crop, on the paper's ten random ones, and on AlexNet's ten."""
        rng = make_rng([seed, RANDOM_CROPS])

        def ten_random(photograph: Photograph) -> list[Window]:
            return random_windows(photograph, self.crop, scales, rng)

        ways = {'center': central, 'ten_random': ten_random, 'ten': ten}
        found: Precisions = {}
        for way, windows_of in ways.items():
            score = self._score(solver, windows_of)
            found[way] = {}
            for measure in MEASURES:
                values = average_precision(score, self.labels, measure)
                found[way][measure] = np.round(values, 5).tolist()
        return found

    def _score(self, solver: Solver, windows_of: WindowsOf) -> np.ndarray:
        if not self.is_sharing:
            solver.share_weights(self.net)
            self.is_sharing = True
        return scores(self.net, self.photographs, windows_of, self.crop)


def central(photograph: Photograph) -> list[Window]:
    return [center_window(photograph.width, photograph.height, side_of(photograph))]


def ten(photograph: Photograph) -> list[Window]:
    return list(ten_windows(photograph.width, photograph.height, side_of(photograph)))


def side_of(photograph: Photograph) -> float:
    return min(photograph.width, photograph.height) * USUAL


def random_windows(
    photograph: Photograph, crop: int, scales: tuple[float, float], rng: np.random.Generator
) -> list[Window]:
    """Ten, as in training."""
    width, height = photograph.width, photograph.height
    return [random_window(width, height, crop, scales, rng.random(4)) for _ in range(CROPS)]
