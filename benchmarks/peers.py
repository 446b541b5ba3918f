"""The other software that benchmarks measure beside ours: whether it is installed, and what to do
where it is not."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec


def missing(peer: str) -> str:
    """Why a peer (torch, opencv, lmdb, matplotlib) cannot run; '' if it can."""
    if peer == 'opencv':
        return missing_opencv()
    return '' if find_spec(peer) else f'no {peer}: pip install {peer}'


def missing_opencv() -> str:
    """OpenCV 4 reads Caffe's files. Later ones read ONNX, which is written by what `goodinit
    convert` needs."""
    install = 'pip install opencv-python-headless'
    if find_spec('cv2') is None:
        return f'no opencv: {install}'
    dnn = getattr(import_module('cv2'), 'dnn', None)
    if hasattr(dnn, 'readNetFromCaffe'):
        return ''
    if not hasattr(dnn, 'readNetFromONNX'):
        return f'no opencv: this one has no module dnn: {install}'
    if find_spec('onnx') is None:
        return "no opencv: this one reads ONNX, not Caffe's files: pip install 'goodinit[export]'"
    return ''


def versions(candidates: Sequence[str]) -> dict[str, str]:
    """Those of the candidates' peers, as they say themselves."""
    modules = {'torch': 'torch', 'opencv': 'cv2'}
    used = {candidate.split()[0] for candidate in candidates}
    return {peer: import_module(modules[peer]).__version__ for peer in modules if peer in used}


def runnable(candidates: Sequence[str]) -> list[str]:
    """The candidates without those whose peer is missing, which are named with the reason. A
    candidate is named PEER or PEER VARIANT; those that are not a peer's are ours."""
    reasons = {peer: missing(peer) for peer in ('torch', 'opencv')}
    kept = []
    for candidate in candidates:
        reason = reasons.get(candidate.split()[0])
        if reason:
            print(f'{candidate} is left out: {reason}')
        else:
            kept.append(candidate)
    return kept
