"""One function for each kind of file; which one is told by the file's suffix."""

from __future__ import annotations

import importlib
import os
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..netlib import Net
from ..netlib.errors import NetError, did_you_mean
from ..netlib.weights.arrays import read_arrays, write_npz, write_safetensors
from ..netlib.weights.state_dict import state_entries
from ..proto import atomic_write, written_together
from ..proto.version import __version__
from . import check, onnx_build, onnx_file, torch_build, torch_source
from .job import CannotExport, Job, Options, Report, make_job


def write(net: Net, path: str | Path, options: Options | None = None) -> Report:
    """Write a net as its path's suffix says: all of it and checked, or nothing.

    Raises CannotExport for layers that the target has no words for, NetError for an unknown suffix
    and where the check fails, GoodinitError for a missing package and for the disk.
    """
    writer = WRITERS[known_suffix(path)]
    return writer(make_job(net, options or Options()), str(path))


def known_suffix(path: str | Path, also: Sequence[str] = ()) -> str:
    """The suffix of a path, if it is that of a kind of file, or one of `also`. Raises NetError."""
    suffix, known = Path(path).suffix, (*WRITERS, *also)
    if suffix in known:
        return suffix
    raise NetError(
        f"{path}: found the suffix '{suffix}'{did_you_mean(suffix, known)}; "
        f'needed: one of {", ".join(known)}'
    )


def files_of(path: str | Path) -> list[str]:
    """The files that are written for a path: a module has its weights beside it."""
    path = Path(path)
    return [*([str(path.with_suffix('.safetensors'))] if path.suffix == '.py' else []), str(path)]


def write_onnx(job: Job, path: str) -> Report:
    graph, problems = onnx_build.build(job.steps, job.options.convention)
    if problems:
        raise CannotExport('ONNX', problems)
    report = Report([path], job.notes)
    with atomic_write(path) as file:
        onnx_file.write(file, graph, job.steps, job.metadata())
        file.flush()
        if not job.options.check:
            report.unchecked = 'not asked for'
        elif os.path.isfile(file.name):
            report.runner, run = check.onnx_runner()
            _compare(job, report, run, file.name)
    return report


def _compare(job: Job, report: Report, run: Callable, path: str) -> None:
    """Run the file, and raise NetError where it computes something else."""
    inputs, ours = job.run()
    theirs = run(path, inputs, list(ours))
    report.differences = check.compare(ours, theirs)
    tolerance = job.options.tolerance
    if not all(difference.passes(tolerance) for difference in report.differences):
        rounding = check.rounding(job.net, job.prepared(inputs), ours)
        for difference in report.differences:
            difference.rounding = rounding[difference.output]
    check.require(report.files[-1], report.differences, tolerance)


def write_torch(job: Job, path: str) -> Report:
    module = torch_build.build(job.steps, job.called, job.options.convention)
    if module.problems:
        raise CannotExport('PyTorch', module.problems)
    text = torch_source.source(job.steps, module, head(job, path))
    weights = str(Path(path).with_suffix('.safetensors'))
    report = Report([weights, path], job.notes)
    with written_together([weights, path]) as (weights_file, module_file), named(path):
        with open(weights_file, 'wb') as file:
            write_safetensors(file, arrays_of(job), job.metadata())
        Path(module_file).write_text(text, encoding='utf-8')
        report.unchecked = why_torch_cannot_run(job)
        if not report.unchecked:
            report.runner, run = check.torch_runner()
            _compare(job, report, run, module_file)
    return report


@contextmanager
def named(path: str) -> Iterator[None]:
    """What the disk says is said of this file."""
    try:
        yield
    except OSError as error:
        raise NetError(f'cannot write {path}: {error.strerror or error}') from error


def why_torch_cannot_run(job: Job) -> str:
    if not job.options.check:
        return 'not asked for'
    for package, cure in (('torch', 'torch'), ('safetensors', "'goodinit[export]'")):
        try:
            importlib.import_module(package)
        except ImportError:
            return f'{package} is not installed (pip install {cure})'
    return ''


def head(job: Job, path: str) -> str:
    """What the module's docstring says: what it is, what it takes and what it gives."""
    from_ = f', from {job.options.source}' if job.options.source else ''
    lines = [f'{job.steps.name or "A net"}{from_}, written by goodinit {__version__}.', '']
    for value in job.steps.inputs:
        lines.append(f'{value.name}: {job.options.convention.describe(value.shape)}')
    outputs = ', '.join(job.steps.outputs)
    lines += [f'Returns {outputs}. The weights are in {Path(path).stem}.safetensors.']
    return '\n'.join(textwrap.fill(line, 99) for line in lines)


def arrays_of(job: Job) -> dict[str, np.ndarray]:
    """The weights of the layers that are written."""
    return {entry.key: entry.read() for entry in state_entries(job.net, job.called)}


def write_arrays(job: Job, path: str) -> Report:
    """The weights alone, read again and compared number by number."""
    arrays = arrays_of(job)
    report = Report([path], job.notes)
    put = write_npz if path.endswith('.npz') else write_safetensors
    with atomic_write(path) as file:
        put(file, arrays, job.metadata())
        file.flush()
        report.unchecked = 'not asked for'
        if job.options.check and os.path.isfile(file.name):
            report.unchecked, report.runner = '', 'reading it again'
            found = read_arrays(file.name, Path(path).suffix)
            report.differences = check.compare(arrays, found)
            check.require(path, report.differences)
    return report


WRITERS: dict[str, Callable[[Job, str], Report]] = {
    '.onnx': write_onnx,
    '.py': write_torch,
    '.safetensors': write_arrays,
    '.npz': write_arrays,
}
