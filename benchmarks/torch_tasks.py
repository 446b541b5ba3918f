"""The tasks of nets.py in PyTorch, eagerly."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from goodinit.benchmarks.subjects import batch_of, deployed, trained
from goodinit.benchmarks.torch_nets import TorchNet, torch_net
from goodinit.proto.caffe_pb2 import TEST, TRAIN


class TorchTasks:
    """A bundled model. What a task needs is made when it first runs."""

    def __init__(self, model: str, batch: int, channels_last: bool):
        self.model = model
        self.batch = batch
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self._inputs: dict[int, dict[str, torch.Tensor]] = {}

    def tasks(self) -> dict[str, Callable[[], object]]:
        return {
            'forward of one': lambda: self.forward(1),
            'forward': lambda: self.forward(self.batch),
            'forward, backward': self.forward_backward,
            'SGD step': self.step,
        }

    def forward(self, images: int) -> None:
        # Both are made where gradients are allowed.
        module = self.deployed
        values = self.inputs(images)
        with torch.inference_mode():
            module(values)

    def forward_backward(self) -> None:
        self.optimizer.zero_grad()
        self.trained(self.inputs(self.batch)).backward()

    def step(self) -> None:
        self.forward_backward()
        self.optimizer.step()

    @cached_property
    def deployed(self) -> TorchNet:
        return self.laid_out(torch_net(deployed(self.model, 1), TEST)).eval()

    @cached_property
    def trained(self) -> TorchNet:
        return self.laid_out(torch_net(trained(self.model, self.batch), TRAIN))

    @cached_property
    def optimizer(self) -> torch.optim.SGD:
        parameters = self.trained.parameters()
        return torch.optim.SGD(parameters, 1e-6, momentum=0.9, weight_decay=5e-4)

    def laid_out(self, module: Any) -> TorchNet:
        """The module with its weights in the layout of the images."""
        return module.to(memory_format=self.layout)

    def inputs(self, images: int) -> dict[str, torch.Tensor]:
        if images not in self._inputs:
            values = batch_of(self.model, images)
            data = torch.from_numpy(values['data']).to(memory_format=self.layout)
            self._inputs[images] = {'data': data, 'label': torch.from_numpy(values['label'])}
        return self._inputs[images]
