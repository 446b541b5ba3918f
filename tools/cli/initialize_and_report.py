"""An initialization from start to end: measure, initialize, measure again, and report."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ...feeding.fed_net import FedNet
from ...feeding.feed import samples_in
from ...feeding.filled_net import INITIALIZE, random_numbers
from ...feeding.measured_on import measured_on
from ...initializers import Recipe, Row, initialize
from ...initializers.initialize import Initialized, release_weights
from ...initializers.moments import Moments
from ...initializers.recipe import choose
from . import report
from .console import say, say_notes
from .findings import about_dead_units, about_outputs, about_rates
from .work import Work


@dataclass
class Outcome:
    """The measures of every layer before and after, and what the user should know.

    samples   how many were measured
    held_out  whether they are others than those of the initialization
    numbers   what the initialization measured itself: `function_moved`, `rates_apart`
    """

    before: list[Row]
    after: list[Row]
    notes: list[str]
    samples: int
    held_out: bool
    numbers: dict[str, float]

    def as_json(self, fed: FedNet) -> dict:
        """What was measured, and on what."""
        layers = []
        for old, new in zip(self.before, self.after, strict=True):
            measures = {'before': report.measures(old), 'after': report.measures(new)}
            layers.append({'layer': old.layer, 'type': old.type, **measures})
        spread = {
            'before': report.finite(report.spread(self.before)),
            'after': report.finite(report.spread(self.after)),
        }
        rates = {
            'samples': self.samples,
            'held_out': self.held_out,
            'error': report.finite(self.rate_error),
            'apart_on_samples_used': self.numbers.get('rates_apart'),
        }
        moved = {'function_moved': self.numbers.get('function_moved')}
        about = report.about(fed)
        found = {**about, 'layers': layers, 'spread': spread, 'rates': rates, **moved}
        return {**found, 'notes': self.notes}

    @property
    def rate_error(self) -> float:
        """The relative standard error of a typical rate; NaN if it is not known."""
        errors = [row.change_rate_error for row in self.after if row.change_rate_error > 0]
        return median(errors) if errors else math.nan

    def show(self, fed: FedNet) -> None:
        """Print the table on stdout, everything else on stderr."""
        say(f'data: {fed.data}\n')
        print(report.before_and_after(self.before, self.after), flush=True)
        say('')
        say_notes(self.notes)
        say(self.about_samples())
        if 'function_moved' in self.numbers:
            moved = report.number(self.numbers['function_moved'])
            say(f'outputs moved by {moved} of the largest while rates were evened')
        before, after = (report.number(report.spread(rows)) for rows in (self.before, self.after))
        say(f'greatest change rate over the smallest: {before} before, {after} after{self.used()}')
        for finding in about_outputs(self.after):
            say(f'in short: {finding.note}')

    def about_samples(self) -> str:
        """On what rates were measured, and how well."""
        others = ' that the initialization did not see' if self.held_out else ''
        error = '' if math.isnan(self.rate_error) else f'; standard error {self.rate_error:.0%}'
        return f'rates: of {self.samples} samples{others}{error}'

    def used(self) -> str:
        """How far apart rates are on the samples of the initialization, if that is known."""
        if 'rates_apart' not in self.numbers:
            return ''
        return f' ({report.number(self.numbers["rates_apart"])} on the samples used)'


def initialize_and_report(
    fed: FedNet,
    recipes: Sequence[Recipe],
    quiet: bool = False,
    measured: bool = True,
    histograms: bool = False,
) -> Outcome:
    """Follow the recipes one after the other, with a progress bar on a terminal.

    Rates are measured on samples that were held out, if there are any. Without `measured` the
    measures before and after are not taken; with `histograms` they have these too. Raises
    GoodinitError.
    """
    for recipe in recipes:
        choose(fed.net, recipe)  # a recipe with nothing to do is an error before any work is done
    dropout = any(recipe.dropout for recipe in recipes)
    rng = random_numbers(fed.seed, INITIALIZE)
    notes = list(fed.notes)
    batches, held_out = measured_on(fed.net, fed.data) if measured else ([], False)
    samples = samples_in(batches, fed.data.axis)
    with Work(fed, recipes, samples, quiet).shown() as work:

        def measures(known: Mapping[str, Moments]) -> list[Row]:
            work.begin('measuring')
            return fed.measure(dropout, batches, known, histograms) if measured else []

        done = Initialized([], {}, {})
        before = measures({})
        for recipe in recipes:
            for layer in fed.fresh:
                layer.forget()  # what the recipe before has measured holds no longer
            release_weights(fed.net, recipe)
            done = initialize(fed.net, fed.data.batches, recipe, rng, work.initialized)
            notes += done
        after = measures(done.outputs)
    notes = report.gathered(notes + _remarks(after, recipes))
    return Outcome(before, after, notes, samples, held_out, done.measured)


def _remarks(after: Sequence[Row], recipes: Sequence[Recipe]) -> list[str]:
    """Notes on what the numbers tell."""
    dead = [each.text for each in about_dead_units(after) if not each.good]
    return dead + [each.note for each in about_rates(after, recipes)]
