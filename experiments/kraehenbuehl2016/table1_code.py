"""Table 1 in batches of 16, as in the code published with the paper. What is claimed is in
table1.py."""

from goodinit.experiments.kraehenbuehl2016.table1 import PRINTED, TITLE
from goodinit.experiments.runner import Protocol, Results
from goodinit.experiments.voc_cells import cells_of_table_1
from goodinit.experiments.voc_classification import PUBLISHED_CODE, experiment
from goodinit.experiments.voc_pages import by_optimizer_and_weights, page


def report(results: Results, protocol: Protocol) -> str:
    table = by_optimizer_and_weights(results)
    title = f'{TITLE}, by the published code'
    return page(title, results, protocol, table, PRINTED)


EXPERIMENT = experiment(
    'scalings and optimizers, by the published code', cells_of_table_1(), report, PUBLISHED_CODE
)
