"""Values for a net's inputs: samples for images, their labels, noise for everything else."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..initializers.walk import Batch
from ..netlib.data.embedded import open_embedded
from ..netlib.data.samples import Mean, Samples
from ..netlib.data.stores import Images, Store
from ..netlib.ranks import Ranks
from ..netlib.shapes import Shape
from .data_layers import title
from .data_options import DataOptions
from .feed import Feed, cut_batches
from .net_inputs import NetInput
from .sequences import arranged, check_indices, cut_sequences, flags_of
from .transform import Transform, channel_means

WHOLE = 'images of 16 bits are read whole, as 0 to 65535'
FEWEST = 8  # further samples; measures of fewer would be too rough
MANY = 32  # of these, as many further ones; of more, a quarter as many
GRAY = '127.5'  # replaces a mean file that is missing along with the database


def sampled(
    inputs: Sequence[NetInput], store: Store | None, options: DataOptions, ranks: Ranks
) -> Feed:
    """Batches for these inputs from a store, or from the embedded samples if it is None; each rank
    gets its share.

    Inputs whose shape differs from the first's get Gaussian noise. Labels are those of the samples,
    or zeros. Raises GoodinitError.
    """
    pictures = [each for each in inputs if not each.is_label]
    main = min(pictures, key=lambda each: each.limit > 0)
    wanted = main.images * options.batches
    values = _Values(store, options, wanted, further(wanted) if options.held_out else 0)
    for each in pictures:
        if each.sample == main.sample and bool(each.limit) == bool(main.limit):
            values.add_samples(each)
        else:
            values.add_noise(each, main)
    for each in inputs:
        if each.is_label:
            values.add_labels(each, main)
    size = values.batch_size(main.images)
    rest = slice(wanted, None)
    enough = values.count(rest) >= min(FEWEST, size)
    return Feed(
        values.batches(inputs, slice(wanted), size, ranks),
        values.describe,
        values.notes,
        {each.name for each in inputs if each.is_label or each.limit},
        values.transforms,
        axis=main.axis,
        held_out=values.batches(inputs, rest, size, ranks) if enough else [],
    )


def further(wanted: int) -> int:
    """How many further samples to measure on, if so many are wanted for the batches."""
    return wanted if wanted <= MANY else max(MANY, wanted // 4)


def _share(batch: Batch, ranks: Ranks) -> Batch:
    """A rank's share of a batch: every n-th sample."""
    return {name: values[ranks.rank :: ranks.size] for name, values in batch.items()}


def _number_regions(rows: np.ndarray) -> None:
    """Let each row of regions be of its own image of the batch."""
    if rows.ndim == 2:
        rows[:, 0] = range(len(rows))


class _Values:
    """The values of each input, for `wanted` and `more` samples or as many as exist; a line about
    their source; notes."""

    def __init__(self, store: Store | None, options: DataOptions, wanted: int, more: int):
        self.store, self.options, self.wanted = store, options, wanted
        self.asked = wanted + more
        self.columns: Batch = {}
        self.labels: np.ndarray | None = None
        self.describe = ''
        self.notes: list[str] = []
        self.transforms: dict[str, Transform] = {}

    def _rng(self) -> np.random.Generator:
        """Each input has its own random numbers."""
        return np.random.default_rng([self.options.seed, len(self.columns)])

    def add_samples(self, each: NetInput) -> None:
        """Samples, transformed according to the options or the layer."""
        if self.store is None and (each.limit or _is_unlike_images(each.sample)):
            self._draw(each)
            return
        mean = None if each.limit else self._existing_mean(each)
        scale = 1 if each.limit else self.options.scale_of(each.layer)
        samples = self._open(each, mean, scale)
        values, self.labels = samples.take(self.asked)
        if each.limit:
            check_indices(each.name, values, each.limit)
        else:
            self.transforms[each.name] = Transform(channel_means(mean), scale, each.layer)
        self.columns[each.name] = values
        if not self.describe:
            steps = _steps(mean, scale)
            self.describe = ', '.join([samples.describe, *steps])
            self.notes += _left_out(samples)
            if isinstance(self.store, Images) and samples.deep:
                self.notes.append(WHOLE)

    def _existing_mean(self, each: NetInput) -> Mean:
        """The mean to subtract; gray if the data layer's mean file is missing like its data."""
        file = each.layer.transform_param.mean_file
        given = self.store is not None or self.options.mean is not None
        if given or not file or Path(file).exists():
            return self.options.mean_of(each.layer)
        problem = f'its mean_file {file} does not exist; subtracting {GRAY} instead'
        self.notes.append(f'{title(each.layer)}: {problem}')
        return GRAY

    def _open(self, each: NetInput, mean: Mean, scale: float) -> Samples:
        rng = self._rng()
        shape = each.sample
        if self.store is None:
            return open_embedded(shape, rng, mean=mean, scale=scale)
        store = cut_sequences(self.store, shape) if each.time_first else self.store
        return Samples(store, shape, rng, mean=mean, scale=scale, crop=self.options.crop)

    def _draw(self, each: NetInput) -> str:
        """Random numbers for an input; returns what they are."""
        shape = (self.asked, *each.sample)
        rng = self._rng()
        if each.limit:
            self.columns[each.name] = rng.integers(0, each.limit, shape).astype(np.float32)
            drawn = f'random indices below {each.limit}'
        else:
            self.columns[each.name] = rng.standard_normal(shape, np.float32)
            drawn = 'Gaussian noise'
        self.describe = self.describe or drawn
        return drawn

    def add_noise(self, each: NetInput, main: NetInput) -> None:
        """Random numbers, for an input that samples do not fit."""
        drawn = self._draw(each)
        what = 'in shape ' if each.sample != main.sample else ''
        problem = f"differs {what}from '{main.name}'; it gets {drawn}"
        self.notes.append(f"input '{each.name}' {problem}")

    def add_labels(self, each: NetInput, main: NetInput) -> None:
        """The samples' labels, if the net takes one per sample; else zeros. Of regions, all of each
        image."""
        shape = (self.count(), *each.sample)
        column = np.zeros(shape, np.float32)
        if each.flags:
            column = flags_of(shape[0], each.sample)
        if each.regions and shape[1:] == (5,):
            *_, height, width = main.sample
            column[:, 3:] = width - 1, height - 1
            self.notes.append(f"input '{each.name}': each region is a whole image")
        if self.labels is not None and column.shape == self.labels.shape:
            column[:] = self.labels
        self.columns[each.name] = column

    def batch_size(self, wanted: int) -> int:
        """The wanted size, or the number of samples if that is less."""
        count = self.count()
        if count < self.wanted:
            self.notes.append(f'only {count} of the {self.wanted} samples asked for exist')
        return min(wanted, count)

    def batches(
        self, inputs: Sequence[NetInput], rows: slice, size: int, ranks: Ranks
    ) -> list[Batch]:
        """These rows of all inputs, in batches of `size`, or in one if they are fewer; a rank's
        share of each."""
        columns = {each.name: self.columns[each.name][rows] for each in inputs}
        times = {each.name: each.time_first for each in inputs}
        batches = []
        for batch in cut_batches(columns, min(size, self.count(rows))):
            shared = _share(batch, ranks)
            for each in inputs:
                if each.regions:
                    _number_regions(shared[each.name])
            batches.append(arranged(shared, times))
        return batches

    def count(self, rows: slice = slice(None)) -> int:
        """The number of values for every input, or of these of them."""
        return min(len(values[rows]) for values in self.columns.values())


def _is_unlike_images(sample: Shape) -> bool:
    """Whether it is a signal (C, L) or a volume (C, D, H, W), of which no samples come along."""
    return len(sample) not in (1, 3)


def _steps(mean: Mean, scale: float) -> list[str]:
    """A text that describes the transformation of the samples."""
    steps = []
    if mean is not None:
        steps.append(f'minus {_mean_text(mean)}')
    if scale != 1:
        steps.append(f'times {scale:.6g}')
    return steps


def _mean_text(mean: Mean) -> str:
    if isinstance(mean, str | Path):
        return str(mean)
    numbers = np.asarray(mean, float).ravel()
    return ', '.join(f'{number:g}' for number in numbers)


def _left_out(samples: Samples) -> list[str]:
    """A note about the images that could not be read."""
    if not samples.skipped:
        return []
    name, reason = samples.skipped[0]
    count = f'{len(samples.skipped)} of {len(samples)} images'
    return [f'{count} could not be used; the first: {name}: {reason}']
