"""The curves of a training: what its report says of them, and how it plots them."""

from collections.abc import Iterator, Sequence
from typing import Any

from ..cli.findings import Finding
from ..cli.report import number
from .charts import chart
from .numbers import Numbers
from .plots import Plot

MOST = 200  # points of a curve
UPDATE = 'RMS(update) / RMS(weights)'
LOSS = 'loss'
STILL = 0.01  # by how much of itself a loss moves that is said to stay
APART = 10  # the factor by which layers' updates may differ
Row = dict[str, Any]


# -- in words


def findings_of(training: Numbers) -> list[Finding]:
    """What the curves say so far."""
    found = [*about_loss(training), *about_tests(training), *about_updates(training)]
    return sorted(found, key=lambda each: each.good)


def about_loss(training: Numbers) -> list[Finding]:
    """Whether the loss falls."""
    iterations, losses = training['iterations'], training['losses']
    if len(losses) < 2:
        return []
    first, last = losses[0], losses[-1]
    span = f'from iteration {iterations[0]} to {iterations[-1]}'
    if last is None:
        return [Finding(False, f'the loss is no longer a finite number at {iterations[-1]}')]
    if first is None:
        return []
    change = f'{span}, from {number(first)} to {number(last)}'
    if last < first * (1 - STILL):
        return [Finding(True, f'the loss has fallen {change}')]
    if last > first * (1 + STILL):
        return [Finding(False, f'the loss has risen {change}')]
    text = f'the loss has stayed where it was {change}'
    return [Finding(False, text, ('--init', 'lsuv'), 'starts from weights made for the data')]


def about_tests(training: Numbers) -> list[Finding]:
    """The last test's accuracies, beside the best ones."""
    found = []
    for name, tests in by_output(training).items():
        values = [test['value'] for test in tests if test['value'] is not None]
        if 'acc' in name.lower() and values:
            text = f'{name} in the last of {len(values)} tests: {number(values[-1])}'
            found.append(Finding(True, f'{text}; in the best: {number(max(values))}'))
    return found


def about_updates(training: Numbers) -> list[Finding]:
    """Whether layers change at about the same pace now."""
    rates = {name: values[-1] for name, values in training['rates'].items() if values}
    known = {name: rate for name, rate in rates.items() if rate}
    if len(known) < 2:
        return []
    fastest = max(known, key=lambda name: known[name])
    slowest = min(known, key=lambda name: known[name])
    ratio = known[fastest] / known[slowest]
    text = (
        f"relative to its weights, '{fastest}' now changes by {number(known[fastest])} in an "
        f"iteration, and '{slowest}' by {number(known[slowest])}: a factor of {number(ratio)}"
    )
    return [Finding(ratio <= APART, text)]


def by_output(training: Numbers) -> dict[str, list[Row]]:
    """What tests found, by the output; of several test nets with the number of the net."""
    tests = training['tests']
    several = any(test['net'] for test in tests)
    found: dict[str, list[Row]] = {}
    for test in tests:
        name = test['output']
        if several:
            name += f', test net {test["net"]}'
        found.setdefault(name, []).append(test)
    return found


# -- plots


def plots_of_training(training: Numbers) -> list[Plot]:
    """The loss, the outputs of tests, the learning rate, and the updates of layers."""
    found = [loss_plot(training)]
    for name, tests in by_output(training).items():
        if name != LOSS:
            rows = rows_of_curve('test', f'{name} of the test', points_of(tests))
            found.append(curve_plot(f'test-{name}', name, list(rows)))
    rates = zip(training['iterations'], training['learning_rates'], strict=True)
    rows = rows_of_curve('training', 'learning rate', list(rates))
    found.append(curve_plot('learning-rate', 'learning rate', list(rows)))
    found.append(updates_plot(training))
    return [plot for plot in found if plot.spec['datasets']['rows']]


def loss_plot(training: Numbers) -> Plot:
    """The loss in training and, under the name that it usually has, in tests."""
    points = list(zip(training['iterations'], training['losses'], strict=True))
    rows = list(rows_of_curve('training', 'loss', points))
    tests = points_of(by_output(training).get(LOSS, []))
    rows += rows_of_curve('test', 'loss of the test', tests)
    return curve_plot(LOSS, LOSS, rows)


def points_of(tests: Sequence[Row]) -> list[tuple]:
    return [(test['iteration'], test['value']) for test in tests]


def curve_plot(name: str, title: str, rows: list[Row]) -> Plot:
    """One curve, or one of training and one of tests."""
    ends: dict[str, list[Row]] = {}
    for row in rows:
        if row['value'] is not None:
            ends.setdefault(row['series'], []).append(row)
    said = [in_words(series, known) for series, known in ends.items()]
    caption = f'{title[:1].upper()}{title[1:]} over the iterations. {" ".join(said)}'
    legend = {'symbolType': 'stroke'} if len(ends) > 1 else None
    spec = chart('curve', {'rows': rows}, title=title, scale='linear', legend=legend)
    return Plot(name, spec, caption)


def in_words(series: str, rows: Sequence[Row]) -> str:
    """The two ends of a curve."""
    first, last = rows[0], rows[-1]
    return (
        f'{series.capitalize()}: {number(first["value"])} at iteration {first["iteration"]}, '
        f'{number(last["value"])} at {last["iteration"]}.'
    )


def rows_of_curve(series: str, title: str, points: Sequence[tuple]) -> Iterator[Row]:
    for iteration, value in thinned(points):
        label = f'{title} {number(value)} at iteration {iteration}'
        yield {'series': series, 'iteration': iteration, 'value': value, 'label': label}


def updates_plot(training: Numbers) -> Plot:
    """How much an iteration changes the weights of each layer, relative to them."""
    rows = []
    for depth, (name, values) in enumerate(training['rates'].items()):
        points = list(zip(training['iterations'], values, strict=True))
        label = f'{name}: {number(values[-1])} at the last iteration' if values else name
        for iteration, value in thinned(points, MOST // 2):
            about = {'layer': name, 'depth': depth, 'label': label}
            rows.append({**about, 'iteration': iteration, 'value': value})
    caption = (
        'By how much of itself an iteration changes the weights of each layer. Lines that lie '
        'together are of layers that learn at one pace; the table has the last values.'
    )
    return Plot('updates', chart('layers', {'rows': rows}, title=UPDATE), caption)


def thinned(points: Sequence[tuple], most: int = MOST) -> Sequence[tuple]:
    """At most about this many of the points, the last among them."""
    step = -(-len(points) // most) or 1
    return points[::-1][::step][::-1]


# -- the table


def table_of_training(numbers: Numbers) -> dict[str, Any]:
    """The headings, and for each layer its cells, as the table of a page has them."""
    iterations = numbers['training']['iterations']
    rows = []
    for layer in numbers['layers']:
        values = [layer['first'], layer['last']]
        cells = [(number(value), value) for value in values]
        rows.append([(layer['layer'], None), (layer['type'], None), *cells])
    span = [f'update at {i}' for i in (iterations[:1] + iterations[-1:])] or ['first', 'last']
    return {'headings': ['layer', 'type', *span], 'rows': rows}


def updates_of_layers(rates: dict[str, list], types: dict[str, str]) -> list[Row]:
    """The first and the last update of each layer."""
    found = []
    for name, values in rates.items():
        ends = {'first': values[0], 'last': values[-1]} if values else {'first': None, 'last': None}
        found.append({'layer': name, 'type': types[name], **ends})
    return found
