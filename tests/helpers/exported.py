"""Cases of layers on their way to other frameworks, and what those make of them."""

import importlib.util
import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from goodinit.export import onnx_build, onnx_file, torch_build, torch_source
from goodinit.export.batch import with_symbolic_batch
from goodinit.export.convention import Convention
from goodinit.export.cut import deploy
from goodinit.export.steps import steps_of
from goodinit.netlib.weights import state_dict
from goodinit.netlib.weights.names import identifiers
from goodinit.proto.caffe_pb2 import TEST
from goodinit.tools.convert import main


class Export:
    """A case's net with its steps; `forward` must come before what is compared."""

    def __init__(self, case, train=False):
        self.case = case if train else replace(case, phase=TEST)
        self.net = self.case.net('reference')
        self.case.put(self.net)
        self.weights = {key: values.copy() for key, values in state_dict(self.net).items()}
        self.net.forward()
        param, _ = deploy(self.net.param, train=train)
        shapes = {}
        for name, params in self.net.params.items():
            shapes[name] = [blob.shape for blob in params]
        twin = with_symbolic_batch(param, self.net.phase, shapes)
        self.steps = steps_of(twin, self.net.params)
        self.called = identifiers(layer.name for layer in param.layer)
        self.inputs = {}
        for value in self.steps.inputs:
            self.inputs[value.name] = self.net.blobs[value.name].data.astype(np.float32)

    def onnx(self):
        """(bytes of the model, problems)."""
        graph, problems = onnx_build.build(self.steps, Convention())
        if problems:
            return b'', problems
        file = io.BytesIO()
        onnx_file.write(file, graph, self.steps, {'source': 'a test'})
        return file.getvalue(), []

    def torch(self):
        """(source of the module, problems)."""
        parts = torch_build.build(self.steps, self.called, Convention())
        if parts.problems:
            return '', parts.problems
        return torch_source.source(self.steps, parts, 'A case.'), []

    def check(self, found, tolerance=1e-6):
        """Compare with what goodinit computed: by the largest value of the output, or of what it is
        summed from."""
        size = max((float(abs(x).max(initial=0)) for x in self.inputs.values()), default=0.0)
        for name, theirs in zip(self.steps.outputs, found, strict=True):
            ours = self.net.blobs[name].data
            assert theirs.shape == ours.shape, name
            largest = max(float(abs(ours).max(initial=0)), size / 10)
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=tolerance * largest, err_msg=name)


def run_onnx(model, inputs, outputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    return session.run(list(outputs), inputs)


def run_torch(text, name, weights, inputs, train=False):
    """What the module makes of the inputs."""
    import torch

    scope = {'__name__': 'written'}
    exec(compile(text, 'written', 'exec'), scope)
    module = scope[name]()
    tensors = {key: torch.from_numpy(np.array(x, np.float32)) for key, x in weights.items()}
    module.load_state_dict(tensors)
    with torch.no_grad():
        made = module.train(train)(*[torch.from_numpy(np.array(x)) for x in inputs.values()])
    made = made if isinstance(made, tuple) else (made,)
    return [tensor.detach().numpy() for tensor in made]


def load_module(path):
    """A generated file as a module of Python."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- the command


def says(arguments, capsys):
    """What the command says when it succeeds."""
    assert main([*map(str, arguments)]) == 0, capsys.readouterr().err
    out, err = capsys.readouterr()
    assert out == ''
    return err


def capsys_without_net(capsys):
    """Reads as capsys does, without the line that says which net it is."""

    def readouterr():
        out, err = capsys.readouterr()
        return out, ''.join(line for line in err.splitlines(True) if not line.startswith('net: '))

    return SimpleNamespace(readouterr=readouterr)
