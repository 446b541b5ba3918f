"""`goodinit caffe train`: train as the solver says, from fillers, weights, or a snapshot."""

import argparse
from collections.abc import Callable

from ...initializers import fill
from ...netlib import Net
from ...netlib.engines import make_engine
from ...netlib.rng import rng_of
from ...proto import format_text
from ...proto.caffe_pb2 import SolverParameter
from ...solvers import Solver
from ...solvers.log.caffe_log import SolverLog
from ...solvers.log.glog import log
from ...solvers.log.net_log import load_weights, log_net
from ...solvers.one_training import one_training
from ...solvers.snapshot_files import remove_unfinished
from ...solvers.solver_nets import seed_of
from ...solvers.solver_param import read_solver_param
from ..cli.console import UsageError
from ..cli.gpu import CPU_ENGINE, engine_for, gpu_if_any
from ..cli.signals import Signals
from .flags import check_given, engine_of, parts, stages


def train(args: argparse.Namespace) -> None:
    """Train, with the log of `caffe train`."""
    param = solver_param(args)
    engine = engine_for(args, solver_engine(args, param))
    log('solver.cpp:45', f'Initializing solver from parameters: \n{format_text(param).rstrip()}')
    with one_training(param):
        train_as(args, param, engine)


def train_as(args: argparse.Namespace, param: SolverParameter, engine: str) -> None:
    """Train on this engine as the solver says."""
    remove_unfinished(param.snapshot_prefix)
    solver = Solver(
        param,
        engine=make_engine(engine, deterministic=args.deterministic),
        fill=starter(param),
        report=SolverLog(param.display),
        on_nan=args.on_nan,
        share_memory=True,
    )
    log('solver.cpp:57', 'Solver scaffolding done.')
    if args.snapshot:
        restore(solver, args.snapshot)
    solve(solver, Signals(args.sigint_effect, args.sighup_effect))


def solver_param(args: argparse.Namespace) -> SolverParameter:
    """The solver of -solver, with what the other flags say. Raises GoodinitError."""
    check_given(args.solver, 'Need a solver definition to train: --solver=solver.prototxt')
    if args.snapshot and args.weights:
        raise UsageError('Give a snapshot to resume training or weights to finetune but not both.')
    param = read_solver_param(args.solver)
    param.train_state.level = args.level
    param.train_state.stage.extend(stages(args))
    if args.weights:
        param.weights[:] = [args.weights]
    return param


def solver_engine(args: argparse.Namespace, param: SolverParameter) -> str:
    """The engine that -gpu asks for or, without it, solver_mode; the log says which it is."""
    if len(args.gpu) > 1:
        raise UsageError(
            f'--gpu: found {len(args.gpu)} GPUs, needed: one; for several, mpiexec starts a '
            '`goodinit train` each'
        )
    number = args.gpu[0] if args.gpu else param.device_id
    if args.gpu or param.solver_mode == SolverParameter.CPU:
        engine = engine_of(args.gpu)
    else:
        engine = gpu_if_any(number)
    if engine == CPU_ENGINE:
        log('caffe.cpp:197', 'Use CPU.')
    else:
        log('caffe.cpp:203', f'Using GPUs {number}')
    return engine


def starter(solver: SolverParameter) -> Callable[[Net], None]:
    """What starts each net of a solver, the train net first: its fillers, then files of weights.

    The files are taken out of `solver`, so that they are loaded here, with the lines that BVLC
    writes.
    """
    rng = rng_of(seed_of(solver))
    files = parts(','.join(solver.weights))
    solver.ClearField('weights')
    started: list[Net] = []

    def start(net):
        if started:
            log('solver.cpp:190', f'Creating test net (#{len(started) - 1})')
        else:
            log('solver.cpp:102', 'Creating training net')
        started.append(net)
        log_net(net)
        fill(net, rng)
        for path in files:
            log('solver.cpp:72', f'Finetuning from {path}')
            load_weights(net, path)

    return start


def restore(solver: Solver, snapshot: str) -> None:
    log('caffe.cpp:235', f'Resuming from {snapshot}')
    solver.restore(snapshot)
    log('sgd_solver.cpp:336', 'SGDSolver: restoring history')


def solve(solver: Solver, signals: Signals) -> None:
    """Train to the end, or until a signal asks to stop."""
    log('caffe.cpp:239', 'Starting Optimization')
    log('solver.cpp:289', f'Solving {solver.net.name}')
    log('solver.cpp:290', f'Learning Rate Policy: {solver.param.lr_policy}')
    with signals:
        solver.request = signals.request
        solver.solve()
    if solver.stopped:
        log('solver.cpp:320', 'Optimization stopped early.')
    else:
        log('solver.cpp:332', 'Optimization Done.')
    log('caffe.cpp:250', 'Optimization Done.')
