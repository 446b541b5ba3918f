"""What a solver shows of itself, in a terminal and in a notebook."""

from ..netlib import Net
from ..netlib.tables import Table
from ..proto.caffe_pb2 import SolverParameter


class Shown:
    """The rule, the iteration and the rate of a solver, above the table of its net."""

    param: SolverParameter
    net: Net
    iter: int

    @property
    def lr(self) -> float:
        raise NotImplementedError

    def table(self) -> Table:
        shown = self.net.table()
        shown.title = (
            f'Solver, {self.param.type}: iteration {self.iter} of {self.param.max_iter}, '
            f'rate {self.lr:g}\n{shown.title}'
        )
        return shown

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table().html()
