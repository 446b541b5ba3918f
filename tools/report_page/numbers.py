"""What was measured of a net, as the JSON that a report is made of.

goodinit, command    the version, and the command line
title, about         of what it is a report: pairs of a heading and a text
states               'before' and 'after', or 'measured'; none of a training
layers               of each layer with weights its name and type and, by state, its measures
                     and histograms: the edges of the bins, and the counts
net                  all layers: type, bottoms, tops, shapes of the tops for one sample
findings, notes      sentences; a finding is good or not, and may have a command that mends it
training             of `train` alone: the curves (curves.py)
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ... import __version__
from ...feeding.fed_net import FedNet
from ...initializers import Recipe, Row
from ...initializers.histograms import Histogram
from ...initializers.rows import OPTIONAL
from ...initializers.step import settable_bias
from ...netlib import Net
from ...netlib.blob import Blob
from ...netlib.shapes import dimensions
from ...proto.caffe_pb2 import NetParameter
from ..cli import report
from ..cli.findings import Finding, find_all, progress
from ..cli.initialize_and_report import Outcome
from .mending import mending_command

Numbers = dict[str, Any]


def of_initialization(
    fed: FedNet, outcome: Outcome, recipe: Recipe, command: Sequence[str]
) -> Numbers:
    """Of a net before and after an initialization."""
    states = {'before': outcome.before, 'after': outcome.after}
    parts = [recipe.weights_from, recipe.normalize, recipe.between]
    rates = outcome.about_samples().removeprefix('rates: ')
    about = [('method', ', '.join(parts)), *about_data(fed), ('rates', rates)]
    findings = [possible(each, fed.net) for each in find_all(outcome.after, [recipe])]
    findings += progress(outcome.before, outcome.after)
    return {
        **heading(fed.net, 'initialized', about, command),
        **measured(states),
        'net': layers_of_net(fed.file.param, fed.net),
        'findings': as_json(findings, partial(mending_command, command)),
        'notes': unsaid(outcome.notes, findings),
    }


def of_state(fed: FedNet, rows: Sequence[Row], weights: str, command: Sequence[str]) -> Numbers:
    """Of a net as it is."""
    about = [('weights', weights or "the net's fillers"), *about_data(fed)]
    findings = [possible(each, fed.net) for each in find_all(rows)]
    return {
        **heading(fed.net, 'measured', about, command),
        **measured({'measured': rows}),
        'net': layers_of_net(fed.file.param, fed.net),
        'findings': as_json(findings, partial(mending_command, command)),
        'notes': report.gathered(fed.notes),
    }


def heading(
    net: Net, done: str, about: Iterable[tuple[str, str]], command: Sequence[str]
) -> Numbers:
    """Of what it is a report."""
    pairs = [('command', shlex.join(command)), ('version', f'goodinit {__version__}'), *about]
    name = net.name or 'net'
    return {
        'goodinit': __version__,
        'command': shlex.join(command),
        'title': f'{name}: {done}',
        'about': pairs,
    }


def about_data(fed: FedNet) -> list[tuple[str, str]]:
    """On what it was measured."""
    return [
        ('net', str(fed.file.path)),
        ('data', str(fed.data)),
        ('fingerprint of the data', fed.data.fingerprint),
        ('seed', str(fed.seed)),
    ]


def measured(states: Mapping[str, Sequence[Row]]) -> Numbers:
    """The measures of each layer in each state."""
    layers: dict[str, Numbers] = {}
    for state, rows in states.items():
        for row in rows:
            found = layers.setdefault(row.layer, {'layer': row.layer, 'type': row.type})
            optional = {name: report.finite(getattr(row, name)) for name in OPTIONAL}
            histograms = {name: counts_of(each) for name, each in row.histograms.items()}
            found[state] = {**report.measures(row), **optional, 'histograms': histograms}
    return {'states': list(states), 'layers': list(layers.values())}


def counts_of(histogram: Histogram) -> Numbers:
    return {
        'low': histogram.low,
        'high': histogram.high,
        'counts': histogram.counts.tolist(),
        'below': histogram.below,
        'above': histogram.above,
    }


def possible(finding: Finding, net: Net) -> Finding:
    """The finding without an advice that works by biases which its layers lack."""
    for layer in net.layers:
        if layer.name in finding.layers and settable_bias(layer) is None:
            return replace(finding, flags=())
    return finding


def unsaid(notes: Iterable[str], findings: Sequence[Finding]) -> list[str]:
    """The notes that no finding says."""
    said = tuple(each.text for each in findings)
    return [note for note in notes if not note.startswith(said)]


def as_json(findings: Iterable[Finding], mend: Callable[[str, str], str]) -> list[Numbers]:
    """The findings; mend: the command with an option, by its flag and its value."""
    found = []
    for each in findings:
        command = mend(*each.flags) if each.flags else ''
        text = f'{each.text[:1].upper()}{each.text[1:]}.'
        found.append({'good': each.good, 'text': text, 'command': command, 'effect': each.effect})
    return found


def shape_of_one(blob: Blob) -> str:
    """The shape without the axis of samples: '20 x 24 x 24'."""
    return dimensions(blob.shape[1:]) or dimensions(blob.shape)


def layers_of_net(param: NetParameter, net: Net) -> list[Numbers]:
    """All layers of a net's file, with the shapes of their tops."""
    found = []
    for layer in param.layer:
        shapes = [shape_of_one(net.blobs[name]) for name in layer.top]
        found.append(
            {
                'layer': layer.name,
                'type': layer.type,
                'bottoms': list(layer.bottom),
                'tops': list(layer.top),
                'shapes': shapes,
            }
        )
    return found
