"""The look of the book's pictures."""

import matplotlib.pyplot as plt
import numpy as np

# Told apart by people who see few colors, too (Okabe & Ito 2008).
BLUE, ORANGE, GREEN, RED, GREY = '#0072b2', '#e69f00', '#009e73', '#d55e00', '#888888'
COLORS = [BLUE, ORANGE, GREEN, RED, '#cc79a7', '#56b4e9']

plt.rcParams.update(
    {
        'figure.figsize': (7, 3.4),
        'figure.dpi': 110,
        'figure.constrained_layout.use': True,
        'axes.prop_cycle': plt.cycler(color=COLORS),
        'axes.spines.top': False,
        'axes.spines.right': False,
        'axes.titlesize': 'medium',
        'legend.frameon': False,
        'savefig.facecolor': 'white',
    }
)


def show_numbers(axes, values: np.ndarray, title: str, most: float = 0, colors='Blues') -> None:
    """A matrix as a grid of its numbers, larger ones darker. `most`: the largest there is, if not
    here."""
    values = np.asarray(values, float)
    most = most or abs(values).max()
    axes.imshow(values, cmap=colors, vmin=min(values.min(), 0), vmax=1.6 * most + 1e-9)
    for (i, j), value in np.ndenumerate(values):
        axes.text(j, i, f'{value:g}', ha='center', va='center', fontsize=9)
    axes.set_title(title)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def show_filters(axes, filters: np.ndarray, title: str, columns: int = 8) -> None:
    """Filters (M, C, H, W) side by side; each is stretched to the full range of brightness."""
    count, channels, height, width = filters.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1, channels), 0.6)
    for k, each in enumerate(filters):
        i, j = divmod(k, columns)
        top, left = i * (height + 1), j * (width + 1)
        largest = abs(each).max() or 1
        pixels = (each / largest / 2 + 0.5).transpose(1, 2, 0)[:, :, ::-1]
        sheet[top : top + height, left : left + width] = pixels
    axes.imshow(sheet.squeeze(), cmap='gray', vmin=0, vmax=1)
    axes.set_title(title)
    axes.axis('off')
