"""Table 2, classification: CaffeNet by six initializations: mean average precision on VOC 2007.

Claimed: k-means with both scalings is ahead of carefully chosen Gaussians, those are ahead of
Xavier's weights, and MSRA's are last. Reduced: 4,000 of 80,000 steps. Cells of Table 1 are cells
here too: a file copied from there to here is taken as finished. A cell took 27 to 60 minutes on a
core.
"""

from goodinit.experiments.runner import Protocol, Results
from goodinit.experiments.runner.comparison import Table
from goodinit.experiments.voc_cells import METHODS, cells_of_table_2
from goodinit.experiments.voc_classification import experiment
from goodinit.experiments.voc_pages import page, percent

PRINTED: Table = {
    'classification': {
        'Xavier': 51.1,
        'MSRA': 43.3,
        'Gaussian, hand tuned': 53.4,
        'Gaussian': 53.3,
        'PCA': 52.8,
        'k-means': 56.6,
    }
}
TITLE = 'Krähenbühl et al. 2016, Table 2: initializations'


def report(results: Results, protocol: Protocol) -> str:
    names = {settings: name for name, settings in METHODS.items()}
    figures = {}
    for cell, found in results.items():
        name = names[cell['weights'], cell['scaling']]
        figures[name] = percent(found)
    return page(TITLE, results, protocol, {'classification': figures}, PRINTED)


EXPERIMENT = experiment('initializations', cells_of_table_2(), report)
