"""What was written, run and compared with goodinit."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from types import ModuleType

import numpy as np

from ..netlib import Net
from ..netlib.errors import NetError

Arrays = Mapping[str, np.ndarray]
# The largest difference that passes unless another is given, as a part of the largest value of an
# output.
TOLERANCE = 1e-4
# A net that magnifies rounding, such as a softmax of large scores, may differ by so many times what
# a change of its input in the last digits does.
ROUNDINGS = 4
LAST_DIGITS = 3e-7


@dataclass
class Difference:
    """How far an output lies from goodinit's: the largest difference over the largest value.

    share: infinite where the shapes differ, or where only one of the two is finite. rounding: how
    far goodinit's own output moves with the last digits of the input; measured only where it
    matters.
    """

    output: str
    share: float
    rounding: float = 0.0

    def passes(self, tolerance: float = TOLERANCE) -> bool:
        return self.share <= max(tolerance, ROUNDINGS * self.rounding)

    def __str__(self) -> str:
        own = f' (rounding alone: {self.rounding:.1e})' if self.rounding else ''
        return f"'{self.output}' {self.share:.1e}{own}"


def expected(net: Net, inputs: Arrays, outputs: Sequence[str]) -> dict[str, np.ndarray]:
    """What goodinit computes of these inputs."""
    for name, values in inputs.items():
        net.blobs[name].reshape(*values.shape)
        net.blobs[name].data = values
    net.forward()
    return {name: net.blobs[name].data.copy() for name in outputs}


def rounding(net: Net, inputs: Arrays, ours: Arrays) -> dict[str, float]:
    """How far each output moves when the inputs change in the last digits of a float32."""
    rng = np.random.default_rng(0)
    changed = {}
    for name, values in inputs.items():
        factor = 1 + LAST_DIGITS * rng.uniform(-1, 1, values.shape)
        changed[name] = (values * factor).astype(np.float32)
    again = expected(net, changed, list(ours))
    return {name: share(ours[name], again[name]) for name in ours}


def compare(ours: Arrays, theirs: Arrays) -> list[Difference]:
    """A Difference for each output."""
    return [Difference(name, share(array, theirs[name])) for name, array in ours.items()]


def share(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest difference of two arrays, over the largest value of the first."""
    if ours.shape != theirs.shape:
        return np.inf
    known = np.isfinite(ours)
    if not np.array_equal(known, np.isfinite(theirs)):
        return np.inf
    if not known.any():
        return 0.0
    ours, theirs = ours[known].astype(float), theirs[known].astype(float)
    largest = float(np.abs(ours).max())
    return float(np.abs(ours - theirs).max()) / (largest or 1.0)


def require(path: str, differences: Sequence[Difference], tolerance: float = TOLERANCE) -> None:
    """Raises NetError where an output is too far off."""
    wrong = [str(difference) for difference in differences if not difference.passes(tolerance)]
    if wrong:
        raise NetError(
            f'{path} is not written: run on the same input, its outputs differ from those of '
            f'goodinit by more than {tolerance:g} of their largest value: {", ".join(wrong)} '
            '(--tolerance accepts more, --no-check any difference)'
        )


# -- what runs files


SLOW = "onnx's reference evaluator (a faster one: pip install onnxruntime)"


def onnx_runner() -> tuple[str, Callable[[str, Arrays, Sequence[str]], Arrays]]:
    """onnxruntime where it is installed, else onnx's own evaluator; its name, and what runs a
    file."""
    try:
        onnxruntime = importlib.import_module('onnxruntime')
    except ImportError:
        return SLOW, run_by_reference
    return f'onnxruntime {onnxruntime.__version__}', run_by_onnxruntime


def run_by_onnxruntime(path: str, inputs: Arrays, outputs: Sequence[str]) -> Arrays:
    onnxruntime = importlib.import_module('onnxruntime')
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    return dict(zip(outputs, session.run(list(outputs), dict(inputs)), strict=True))


def run_by_reference(path: str, inputs: Arrays, outputs: Sequence[str]) -> Arrays:
    evaluator = importlib.import_module('onnx.reference').ReferenceEvaluator(path)
    return dict(zip(outputs, evaluator.run(list(outputs), dict(inputs)), strict=True))


def torch_runner() -> tuple[str, Callable[[str, Arrays, Sequence[str]], Arrays]]:
    """PyTorch's name, and what runs a module that was written."""
    torch = importlib.import_module('torch')
    return f'PyTorch {torch.__version__}', run_by_torch


def load_module(path: str) -> ModuleType:
    loader = SourceFileLoader('goodinit_written', path)
    module = ModuleType(loader.name)
    module.__file__ = path  # where it finds its weights
    loader.exec_module(module)
    return module


def run_by_torch(path: str, inputs: Arrays, outputs: Sequence[str]) -> Arrays:
    torch = importlib.import_module('torch')
    module = load_module(path)
    with torch.no_grad():
        made = module.load()(*[torch.from_numpy(np.array(array)) for array in inputs.values()])
    made = made if isinstance(made, tuple) else (made,)
    return {name: array.detach().numpy() for name, array in zip(outputs, made, strict=True)}
