"""An initialization from start to end: measure, initialize, measure again, and say what came of it."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...initializers import Recipe, Row, initialize
from ...initializers.recipe import choose
from ...netlib.errors import GoodinitError
from . import report
from .console import say
from .prepare import INITIALIZE, Prepared, listed

FEW = 16  # samples below which statistics are too rough to pass in silence
DEAD = 0.1  # the share of dead outputs that is worth a note


@dataclass
class Outcome:
    """The measures of every layer before and after, and what the user should know."""

    before: list[Row]
    after: list[Row]
    notes: list[str]

    def as_json(self, prepared: Prepared) -> dict:
        """What was measured, and on what."""
        rows = {'before': self.before, 'after': self.after}
        layers = [
            {
                'layer': old.layer,
                'type': old.type,
                'before': report.measures(old),
                'after': report.measures(new),
            }
            for old, new in zip(self.before, self.after, strict=True)
        ]
        spread = {when: report.finite(report.spread(measured)) for when, measured in rows.items()}
        return {**prepared.as_json(), 'layers': layers, 'spread': spread, 'notes': self.notes}

    def show(self, prepared: Prepared) -> None:
        """The table on stdout, everything else on stderr."""
        say(f'data: {prepared.feed}\n')
        print(report.before_and_after(self.before, self.after), flush=True)
        say('')
        for note in self.notes:
            say(f'note: {note}')
        say(
            f'greatest change rate over the smallest: {report.number(report.spread(self.before))} before, '
            f'{report.number(report.spread(self.after))} after'
        )


def initialize_and_report(
    prepared: Prepared, recipes: Sequence[Recipe], quiet: bool = False, measured: bool = True
) -> Outcome:
    """Follow the recipes one after the other, with a progress bar on a terminal. Raises
    GoodinitError.

    Where nobody wants to see them (`measured` False), the measures before and after are not taken.
    """
    for recipe in recipes:
        choose(
            prepared.net, recipe
        )  # a recipe with nothing to do is an error before any work is done
    dropout = any(recipe.dropout for recipe in recipes)
    rng, notes = prepared.rng(INITIALIZE), list(prepared.notes)
    with _progress(len(recipes) * len(prepared.net.layers), quiet) as bar:

        def advance(layer: str) -> None:
            bar.set_description(layer, refresh=False)
            bar.update()

        def measures() -> list[Row]:
            bar.set_description('measuring')
            return prepared.measure(dropout) if measured else []

        before = measures()
        for recipe in recipes:
            notes += initialize(prepared.net, prepared.feed.batches, recipe, rng, advance)
        after = measures()
    return Outcome(before, after, report.gathered(notes + _remarks(prepared, after)))


def _progress(layers: int, quiet: bool):
    """A bar on stderr where that is a terminal."""
    from tqdm import tqdm

    return tqdm(
        total=layers,
        unit='layer',
        leave=False,
        file=sys.stderr,
        disable=quiet or not sys.stderr.isatty(),
    )


def _remarks(prepared: Prepared, after: Sequence[Row]) -> list[str]:
    """Notes on what the numbers tell."""
    dead = [f'{row.layer} {row.dead:.0%}' for row in after if row.dead > DEAD]
    notes = [f'outputs that no sample brings through their ReLU: {listed(dead)}'] if dead else []
    if prepared.feed.images < FEW:
        notes.append(f'so few samples ({prepared.feed.images}) give rough statistics')
    return notes


def check_output(out: Path, force: bool) -> None:
    """Raises GoodinitError where a file could not be written, or where one is there and `force` is
    not."""
    if out.is_dir():
        raise GoodinitError(f'{out}: is a folder; needed: the name of a file to write')
    if not out.parent.is_dir():
        raise GoodinitError(f'{out}: there is no folder {out.parent}')
    written = out if out.exists() and not out.is_file() else out.parent
    if not os.access(written, os.W_OK):
        raise GoodinitError(f'{out}: {written} is not writable')
    if out.is_file() and not force:
        raise GoodinitError(
            f'{out}: is there already: --force overwrites it, --out writes elsewhere'
        )
