"""goodinit.caffe.solver_log, where the tools look for it."""
from goodinit.caffe.solver_log import SolverLog, log_net, output_lines, weighted

__all__ = ['SolverLog', 'log_net', 'output_lines', 'weighted']
