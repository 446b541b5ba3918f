"""--tf32: every tool that takes --gpu computes with it, and says which engines cannot."""

import places
import pytest
from goodinit.caffe.common import common
from goodinit.netlib.engines import make_engine
from goodinit.netlib.engines.cuda.engine import Cuda
from goodinit.netlib.errors import EngineError
from goodinit.tools import caffe, extract_features, init_net, lsuv_init, reproduce, train
from goodinit.tools.cli import gpu
from gpu_runs import PRINTED, SMALL, WEIGHTS, with_small_nets
from toolkit import fails

FEATURES = ['init.caffemodel', 'net.prototxt', 'ip2', 'ip2_lmdb', '1', 'lmdb']
NET = ['-model', 'net.prototxt', '-iterations', '1']
# Each tool with its arguments, and how it asks for the GPU.
TOOLS = [
    (lsuv_init, ['small.prototxt', 'out.caffemodel', 'LSUV'], ['gpu']),
    (lsuv_init, ['small.prototxt', 'out.caffemodel', 'LSUV'], ['--gpu', '0']),
    (train, ['--solver', 'solver.prototxt'], ['--gpu', '0']),
    (caffe, ['train', '-solver', 'solver.prototxt'], ['-gpu', '0']),
    (caffe, ['test', *NET, '-weights', 'init.caffemodel'], ['-gpu', '0']),
    (caffe, ['time', *NET], ['-gpu', '0']),
    (extract_features, FEATURES, ['GPU']),
    (extract_features, FEATURES, ['--gpu', '0']),
]
TOOLS += [(tool, [*arguments, 'out.caffemodel'], ['--gpu', '0']) for tool, arguments in WEIGHTS[:3]]
TOOLS += [(tool, arguments, ['--gpu', '0']) for tool, arguments, _ in PRINTED]


@pytest.fixture
def folder(folder, monkeypatch):
    """Small nets with their data and weights, in the current directory."""
    monkeypatch.setattr(common, 'engine', common.engine)  # classify and detect change it
    return with_small_nets(folder)


@pytest.mark.cuda
@pytest.mark.parametrize(('tool', 'arguments', 'option'), TOOLS)
def test_an_option_of_every_tool_that_computes(
    tool, arguments, option, folder, cuda_device, monkeypatch
):
    monkeypatch.delenv('CUDA_DEVICE', raising=False)
    made = []
    make = Cuda.__init__

    def note(self, *given, **options):
        make(self, *given, **options)
        made.append(self.tf32)

    monkeypatch.setattr(Cuda, '__init__', note)
    if tool is extract_features:
        pytest.importorskip('lmdb')
    assert tool.main([*arguments, *option, '--tf32']) == 0
    assert set(made) == {True}


@pytest.mark.parametrize(('tool', 'arguments', 'option'), TOOLS)
def test_a_processor_has_none(tool, arguments, option, folder, capsys):
    assert tool.main([*arguments, '--tf32']) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    said = "--tf32: found the engine 'fast', needed: a GPU, which --gpu N chooses"
    assert last.endswith(said)


def test_no_tool_takes_an_engine_without_asking_for_the_precision():
    """engine_for says which engine a command line asks for."""
    asking = 'on_gpu(args.engine)'
    for path in (places.ROOT / 'tools').rglob('*.py'):
        text = path.read_text(encoding='utf-8').replace(asking, '')
        assert 'args.engine' not in text or path.name == 'gpu.py', path


class Enough(Exception):
    """Ends a tool."""


def test_the_engine_that_an_experiment_gets(monkeypatch):
    def note(*given):
        assert given[-1] == 'cuda-tf32'
        raise Enough

    monkeypatch.setattr(reproduce, 'Task', note)
    words = ['mishkin2016/table3', '--engine', 'cuda', '--tf32']
    with pytest.raises(Enough):
        reproduce.run_experiment(reproduce.arguments().parse_args(words))


def test_other_names_of_engines(folder, capsys):
    words = [*SMALL, '--dry-run', '--engine', 'checked:exact', '--tf32']
    assert fails(init_net.main, words, capsys) == (
        "--tf32: found the engine 'checked:exact', needed: a GPU, which --gpu N chooses\n"
    )
    assert gpu.on_gpu('checked:cuda-tf32') and gpu.on_gpu('cuda') and not gpu.on_gpu('exact')


@pytest.mark.cuda
def test_the_engine_of_this_name(cuda_device):
    assert make_engine('cuda-tf32').tf32 and not make_engine('cuda').tf32
    assert make_engine('checked:cuda-tf32').inner.tf32
    with pytest.raises(EngineError, match=r"unknown engine 'cuda-tf3'; did you mean 'cuda-tf32'\?"):
        make_engine('cuda-tf3')
