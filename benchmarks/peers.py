"""The other software that benchmarks measure beside ours: whether it is installed, and what to do
where it is not."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

NO_IMPORTER = 'this OpenCV has no Caffe importer, which ended with OpenCV 4'


def missing(peer: str) -> str:
    """Why a peer (torch, opencv, lmdb, matplotlib) cannot run; '' if it can."""
    if peer == 'opencv':
        return missing_opencv()
    return '' if find_spec(peer) else f'no {peer}: pip install {peer}'


def missing_opencv() -> str:
    install = "pip install 'opencv-python-headless<5'"
    if find_spec('cv2') is None:
        return f'no opencv: {install}'
    dnn = getattr(import_module('cv2'), 'dnn', None)
    if not hasattr(dnn, 'readNetFromCaffe'):
        return f'no opencv: {NO_IMPORTER}: {install}'
    return ''


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
