"""What nets.py measures: the tasks of each candidate, in the process that runs them.

The tasks of a candidate are {name: a run}. What a task needs is made when it first runs.
"""

import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from goodinit.benchmarks.subjects import (
    batch_of,
    deployed,
    filled_net,
    filled_solver,
    trained,
)
from goodinit.benchmarks.worker import serve
from goodinit.export import Options, write
from goodinit.netlib import Net
from goodinit.netlib.engines import make_engine
from goodinit.proto import write_text
from goodinit.proto.caffe_pb2 import TEST, NetParameter

TURN = 0.1  # seconds: shorter tasks run several times in a turn
TASKS = ('forward of one', 'forward', 'forward, backward', 'SGD step')
Tasks = Mapping[str, Callable[[], object]]


class Subject(NamedTuple):
    model: str
    batch: int


NETS = {
    'lenet': Subject('lenet', 64),
    'fitnet4': Subject('fitnet4/relu', 128),
    'caffenet': Subject('caffenet', 32),
    'googlenet': Subject('googlenet', 16),
    'resnet50': Subject('resnet50', 8),
    'vgg16': Subject('vgg16', 4),
}
# What a PyTorch user may tune: images stored channels last, and freed memory kept by the process.
TUNED = {
    'MALLOC_MMAP_THRESHOLD_': '4294967296',
    'MALLOC_TRIM_THRESHOLD_': '4294967296',
    'MALLOC_TOP_PAD_': '268435456',
}
# Variables of the environment that a candidate runs with.
CANDIDATES: dict[str, dict[str, str]] = {
    'reference': {},
    'fast': {},
    'exact': {},
    'torch': {},
    'torch tuned': TUNED,
    'opencv': {},
}


def serve_tasks(name: str, net: str) -> None:
    """Say which tasks the candidate knows, then run what is asked for."""
    tasks = tasks_of(name, NETS[net])
    answers = {task: timed(run) for task, run in tasks.items()}
    serve(list(tasks), {**answers, 'peak_mb': peak_mb})


def tasks_of(name: str, net: Subject) -> Tasks:
    """What the candidate can run on a net."""
    if name.startswith('torch'):
        from goodinit.benchmarks.torch_tasks import TorchTasks

        return TorchTasks(net.model, net.batch, channels_last=name.endswith('tuned')).tasks()
    if name == 'opencv':
        return opencv_tasks(net)
    return our_tasks(name, net)


def timed(run: Callable[[], object]) -> Callable[[], float]:
    """A turn: milliseconds of a run, the mean of as many as fit into the turn."""

    def turn() -> float:
        start = time.perf_counter()
        runs = 0
        while not runs or time.perf_counter() < start + TURN:
            run()
            runs += 1
        return 1e3 * (time.perf_counter() - start) / runs

    return turn


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# -- the candidates


def our_tasks(name: str, net: Subject) -> Tasks:
    """The engine of that name."""
    engine = make_engine(name)

    @cache
    def tester(images: int) -> Net:
        made = filled_net(deployed(net.model, images), TEST, engine)
        made.share_memory()
        return made

    @cache
    def solver():
        return filled_solver(trained(net.model, net.batch), engine, share_memory=True)

    def both() -> None:
        trainer = solver().net
        trainer.clear_param_diffs()
        trainer.forward()
        trainer.backward()

    return {
        'forward of one': lambda: tester(1).forward(),
        'forward': lambda: tester(net.batch).forward(),
        'forward, backward': both,
        'SGD step': lambda: solver().step(1),
    }


def opencv_tasks(net: Subject) -> Tasks:
    """OpenCV's importer of Caffe's files or of ONNX, which only runs forward."""

    @cache
    def reader(images: int):
        return read_by_opencv(deployed(net.model, images))

    def forward(images: int) -> None:
        imported = reader(images)
        imported.setInput(batch_of(net.model, images)['data'])
        imported.forward()

    return {'forward of one': lambda: forward(1), 'forward': lambda: forward(net.batch)}


def read_by_opencv(param: NetParameter):
    """The net, with random weights, in OpenCV: from Caffe's files, or from ONNX where it does not
    read them any more."""
    import cv2

    net = filled_net(param, TEST)
    with tempfile.TemporaryDirectory() as folder:
        if not hasattr(cv2.dnn, 'readNetFromCaffe'):
            write(net, f'{folder}/net.onnx', Options(check=False))
            return cv2.dnn.readNetFromONNX(f'{folder}/net.onnx')
        prototxt = f'{folder}/net.prototxt'
        caffemodel = f'{folder}/net.caffemodel'
        write_text(param, Path(prototxt))
        net.save(caffemodel)
        return cv2.dnn.readNetFromCaffe(prototxt, caffemodel)
