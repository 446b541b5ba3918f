"""The command of BVLC Caffe, with its flags and its log: train or score a net, time its layers, ask
for a GPU.

goodinit caffe train --solver=solver.prototxt --weights=init.caffemodel
goodinit caffe test -model net.prototxt -weights trained.caffemodel -iterations 100
goodinit caffe time --model=net.prototxt
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from goodinit.initializers import fill
from goodinit.netlib import Net
from goodinit.netlib.engines import Engine, make_engine
from goodinit.netlib.engines.cuda.device import gpu_count, open_device
from goodinit.netlib.errors import EngineError
from goodinit.proto import format_text
from goodinit.proto.caffe_pb2 import TEST, Phase, SolverParameter
from goodinit.solvers import Solver, debug, snapshots
from goodinit.solvers.events import Output, outputs_of
from goodinit.solvers.log.caffe_log import SolverLog, weighted
from goodinit.solvers.log.glog import log, number
from goodinit.solvers.log.net_log import load_weights, log_net
from goodinit.solvers.solver import read
from goodinit.tools.cli.arguments import add_python_layers, one_of, whole
from goodinit.tools.cli.console import Parser, UsageError, run
from goodinit.tools.cli.gflags import add_flag, add_switch
from goodinit.tools.cli.gpu import gpu_if_any, use_gpu
from goodinit.tools.cli.prepare import CPU_ENGINE
from goodinit.tools.cli.signals import EFFECTS, Signals

from goodinit import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given:
        parser().print_help()
        return 0
    return run(lambda args: ACTIONS[args.action](args), parser(), given)


def parser() -> Parser:
    """The command line; as gflags have it, each flag is written with one dash or two."""
    out = Parser('goodinit caffe', __doc__ or '')
    out.add_argument('action', metavar='ACTION', type=one_of(ACTIONS), help=', '.join(ACTIONS))
    out.add_argument('-version', '--version', action='version', version=f'goodinit {__version__}')
    add = partial(add_flag, out)
    add('solver', 'train: the solver prototxt')
    add('model', 'test, time: the net prototxt')
    add('weights', 'train, test: caffemodels, with commas between; train takes them or a snapshot')
    add('snapshot', 'train: the .solverstate to resume from')
    add(
        'gpu',
        "the number of the GPU that computes, or all (default: the CPU, or as the solver's solver_mode says)",
        gpus,
        [],
    )
    add('phase', 'time: TRAIN or TEST (default: %(default)s)', one_of(['TRAIN', 'TEST']), 'TRAIN')
    add('level', "the net's level (default: %(default)s)", whole(0), 0)
    add('stage', "the net's stages, with commas between")
    add('iterations', 'test, time: how many (default: %(default)s)', whole(1), 50)
    add(
        'sigint_effect',
        'train: what SIGINT does: snapshot, stop (after a snapshot) or none (default: %(default)s)',
        one_of(EFFECTS),
        'stop',
    )
    add(
        'sighup_effect',
        'train: what SIGHUP does (default: %(default)s)',
        one_of(EFFECTS),
        'snapshot',
    )
    add_switch(
        out, 'deterministic', 'train: on a GPU, only algorithms that give the same bits each time'
    )
    add_python_layers(out)
    add(
        'on_nan',
        'train: what to do when the loss is no longer finite: stop, or warn (default: go on, as BVLC does)',
        one_of(['stop', 'warn']),
        None,
    )
    return out


def train(args: argparse.Namespace) -> None:
    """Train as the solver says, from its fillers, from weights, or from a snapshot."""
    need(args.solver, 'Need a solver definition to train: --solver=solver.prototxt')
    if args.snapshot and args.weights:
        raise UsageError('Give a snapshot to resume training or weights to finetune but not both.')
    param = read(args.solver)
    param.train_state.level = args.level
    param.train_state.stage.extend(stages(args))
    if args.weights:
        param.weights[:] = [args.weights]
    if len(args.gpu) > 1:
        raise UsageError(
            f'--gpu: found {len(args.gpu)} GPUs, needed: one; for several, mpiexec starts a '
            '`goodinit train` each'
        )
    by_solver = not args.gpu and param.solver_mode == SolverParameter.GPU
    engine = gpu_if_any(param.device_id) if by_solver else engine_of(args.gpu)
    log(
        *(
            ('caffe.cpp:197', 'Use CPU.')
            if engine == CPU_ENGINE
            else ('caffe.cpp:203', f'Using GPUs {param.device_id if by_solver else args.gpu[0]}')
        )
    )
    log('solver.cpp:45', f'Initializing solver from parameters: \n{format_text(param).rstrip()}')
    snapshots.clean(param.snapshot_prefix)
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
        log('caffe.cpp:235', f'Resuming from {args.snapshot}')
        solver.restore(args.snapshot)
        log('sgd_solver.cpp:336', 'SGDSolver: restoring history')
    log('caffe.cpp:239', 'Starting Optimization')
    log('solver.cpp:289', f'Solving {solver.net.name}')
    log('solver.cpp:290', f'Learning Rate Policy: {solver.param.lr_policy}')
    with Signals(args.sigint_effect, args.sighup_effect) as signals:
        solver.request = signals.request
        solver.solve()
    log(
        *(
            ('solver.cpp:320', 'Optimization stopped early.')
            if solver.stopped
            else ('solver.cpp:332', 'Optimization Done.')
        )
    )
    log('caffe.cpp:250', 'Optimization Done.')


def starter(solver: SolverParameter) -> Callable[[Net], None]:
    """What starts each net of a solver, the train net first: its fillers, then the solver's
    weights, which are taken out of `solver`, so that they are loaded here, with the lines that BVLC
    writes."""
    rng = np.random.default_rng(solver.random_seed if solver.random_seed >= 0 else None)
    files = ','.join(solver.weights)
    solver.ClearField('weights')
    started: list[Net] = []

    def start(net):
        log(
            *(
                ('solver.cpp:190', f'Creating test net (#{len(started) - 1})')
                if started
                else ('solver.cpp:102', 'Creating training net')
            )
        )
        started.append(net)
        log_net(net)
        fill(net, rng)
        for path in filter(None, map(str.strip, files.split(','))):
            log('solver.cpp:72', f'Finetuning from {path}')
            load_weights(net, path)

    return start


def test(args: argparse.Namespace) -> None:
    """Score a net: its outputs for each batch, and their means."""
    need(args.model, 'Need a model definition to score: --model=net.prototxt')
    need(args.weights, 'Need model weights to score: --weights=net.caffemodel')
    net = Net(
        args.model,
        TEST,
        level=args.level,
        stages=stages(args),
        engine=logged_engine(args.gpu, 'caffe.cpp:275'),
    )
    log_net(net)
    for path in filter(None, map(str.strip, args.weights.split(','))):
        load_weights(net, path)
    net.share_memory()
    log('caffe.cpp:281', f'Running for {args.iterations} iterations.')
    loss, sums, tell = 0.0, np.zeros(0), SolverLog(0)
    for i in range(args.iterations):
        loss += float(debug.forward(net, tell)) if net.param.debug_info else net.forward()
        scores = flat(outputs_of(net))
        for name, value, _ in scores:
            log('caffe.cpp:304', f'Batch {i}, {name} = {number(value)}')
        sums = np.array([value for _, value, _ in scores]) + (sums if i else 0)
    log('caffe.cpp:309', f'Loss: {number(loss / args.iterations)}')
    for (name, _, weight), total in zip(scores, sums, strict=True):
        mean = total / args.iterations
        log('caffe.cpp:321', f'{name} = {number(mean)}{weighted(mean, weight)}')


def time_layers(args: argparse.Namespace) -> None:
    """Time each layer of a net, forward and backward, and both passes."""
    need(args.model, 'Need a model definition to time: --model=net.prototxt')
    engine = logged_engine(args.gpu, 'caffe.cpp:343')
    net = Net(
        args.model, Phase.Value(args.phase), level=args.level, stages=stages(args), engine=engine
    )
    fill(net, np.random.default_rng())
    log_net(net)
    log('caffe.cpp:351', 'Performing Forward')
    log('caffe.cpp:356', f'Initial loss: {number(net.forward())}')
    log('caffe.cpp:357', 'Performing Backward')
    net.backward()
    log('caffe.cpp:365', '*** Benchmark begins ***')
    log('caffe.cpp:366', f'Testing for {args.iterations} iterations.')
    spent = np.zeros((2, len(net.layers)))
    start = time.perf_counter()
    for i in range(args.iterations):
        begin = time.perf_counter()
        spent += timed_passes(net)
        log(
            'caffe.cpp:394',
            f'Iteration: {i + 1} forward-backward time: {milliseconds(time.perf_counter() - begin)}',
        )
    log_times(net, spent / args.iterations, time.perf_counter() - start, args.iterations)


def timed_passes(net: Net) -> np.ndarray:
    """The seconds that each layer takes forward (the first row) and backward."""
    spent = np.zeros((2, len(net.layers)))
    for row, move in enumerate((net.forward, net.backward)):
        for i in range(len(net.layers))[:: -1 if row else 1]:
            begin = time.perf_counter()
            move(i, i)
            wait(net.engine)
            spent[row, i] = time.perf_counter() - begin
    return spent


def wait(engine: Engine) -> None:
    """Wait until the engine has computed what it was told: it answers in the order it was asked."""
    answer = engine.tensor(1)
    engine.fill(0, out=answer)
    answer.item()


def log_times(net: Net, mean: np.ndarray, total: float, iterations: int) -> None:
    """The seconds of each layer (a row forward, a row backward), of both passes, and of the whole."""
    log('caffe.cpp:397', 'Average time per layer: ')
    for layer, forward, backward in zip(net.layers, *mean, strict=True):
        log('caffe.cpp:400', f'{layer.name:>10}\tforward: {milliseconds(forward)}')
        log('caffe.cpp:403', f'{layer.name:>10}\tbackward: {milliseconds(backward)}')
    log('caffe.cpp:408', f'Average Forward pass: {milliseconds(mean[0].sum())}')
    log('caffe.cpp:410', f'Average Backward pass: {milliseconds(mean[1].sum())}')
    log('caffe.cpp:412', f'Average Forward-Backward: {milliseconds(total / iterations)}')
    log('caffe.cpp:414', f'Total Time: {milliseconds(total)}')
    log('caffe.cpp:415', '*** Benchmark ends ***')


def device_query(args: argparse.Namespace) -> None:
    """Say what GPUs there are."""
    numbers = args.gpu or [0]
    log('caffe.cpp:138', f'Querying GPUs {",".join(map(str, numbers))}')
    use_gpu(numbers[0])
    devices = open_device().cuda.Device
    for i in numbers:
        if i >= devices.count():
            raise EngineError(f'GPU {i}: found only {devices.count()}, the first is 0')
        gpu = devices(i)
        major, minor = gpu.compute_capability()
        for name, value in (
            ('Device id', i),
            ('Major revision number', major),
            ('Minor revision number', minor),
            ('Name', gpu.name()),
            ('Total global memory', gpu.total_memory()),
        ):
            log('common.cpp:172', f'{f"{name}:":30} {value}')


ACTIONS: dict[str, Callable[[argparse.Namespace], None]] = {
    'train': train,
    'test': test,
    'time': time_layers,
    'device_query': device_query,
}


def need(value: str, message: str) -> None:
    """Raises UsageError where a flag is missing."""
    if not value:
        raise UsageError(message)


def stages(args: argparse.Namespace) -> list[str]:
    return [stage for stage in args.stage.split(',') if stage]


def gpus(text: str) -> list[int]:
    """A type of GPUs: 0, or 0,1, or all, or none. Raises EngineError for `all` where there is none."""
    if text == 'all':
        return list(range(gpu_count()))
    if not re.fullmatch(r'(\d+(,\d+)*)?', text):
        raise argparse.ArgumentTypeError(f"found '{text}', needed: the number of a GPU, or all")
    return [int(number) for number in text.split(',') if number]


def engine_of(numbers: Sequence[int]) -> str:
    """The engine on the first of the GPUs, or the CPU's for none. Raises EngineError."""
    return use_gpu(numbers[0]) if numbers else CPU_ENGINE


def logged_engine(numbers: Sequence[int], place: str) -> str:
    """The engine, with the line that says which it is."""
    for unused in numbers[:0:-1]:
        log(place, f'Not using GPU #{unused} for single-GPU function')
    log(place, f'Use GPU with device ID {numbers[0]}' if numbers else 'Use CPU.')
    return engine_of(numbers)


def milliseconds(seconds: float) -> str:
    return f'{number(1000 * seconds)} ms.'


def flat(outputs: Sequence[Output]) -> list[tuple[str, float, float]]:
    """(name, value, loss weight) of each number of each output."""
    return [
        (output.name, float(value), output.loss_weight)
        for output in outputs
        for value in output.values.ravel()
    ]


if __name__ == '__main__':
    sys.exit(main())
