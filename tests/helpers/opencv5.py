"""OpenCV 5, which reads ONNX, beside the OpenCV 4 of the tests: in a process of its own.

The variable GOODINIT_OPENCV5 names the folder that it is installed in, by

    pip install --no-deps --target FOLDER 'opencv-python-headless>=5,<6'
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

FOLDER = os.environ.get('GOODINIT_OPENCV5', '')
REASON = 'needs OpenCV 5: set GOODINIT_OPENCV5 to its folder (tests/helpers/opencv5.py)'


def run_opencv5(models, inputs, outputs, folder: Path) -> list[dict[str, np.ndarray] | str]:
    """What OpenCV makes of each of several ONNX models, by name; or what it says against it.

    models: bytes. inputs: arrays by name, for each model. outputs: the names of all outputs, for
    each. folder: where files may lie.
    """
    for i, (model, arrays) in enumerate(zip(models, inputs, strict=True)):
        (folder / f'{i}.onnx').write_bytes(model)
        np.savez(folder / f'{i}.in.npz', **arrays)
        (folder / f'{i}.names').write_text('\n'.join(outputs[i]))
    command = [sys.executable, __file__, str(folder), str(len(models))]
    environment = {**os.environ, 'PYTHONPATH': FOLDER}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return [_result(folder, i, outputs[i]) for i in range(len(models))]


def _result(folder: Path, i: int, names):
    error = folder / f'{i}.error'
    if error.exists():
        return error.read_text()
    with np.load(folder / f'{i}.out.npz') as found:
        return {name: found[f'arr_{place}'] for place, name in enumerate(names)}


def _run(cv2, folder: Path, i: int) -> None:
    names = (folder / f'{i}.names').read_text().split('\n')
    net = cv2.dnn.readNetFromONNX(str(folder / f'{i}.onnx'))
    with np.load(folder / f'{i}.in.npz') as inputs:
        for name in inputs:
            net.setInput(inputs[name], name)
    np.savez(folder / f'{i}.out.npz', *net.forward(names))


def main(folder: str, count: str) -> None:
    import cv2

    assert cv2.__version__.startswith('5.'), f'this is OpenCV {cv2.__version__}'
    for i in range(int(count)):
        try:
            _run(cv2, Path(folder), i)
        except cv2.error as error:
            (Path(folder) / f'{i}.error').write_text(str(error))


if __name__ == '__main__':
    main(*sys.argv[1:])
