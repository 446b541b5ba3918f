"""The models that come with goodinit, found by name: 'lenet', 'fitnet4/relu', 'lenet/deploy'."""

from pathlib import Path

from ..netlib.errors import GoodinitError, did_you_mean

MODELS = Path(__file__).resolve().parent.parent / 'models'
KINDS = ('train_val', 'deploy', 'solver')


def model_names() -> list[str]:
    """The names of the bundled models, in alphabetical order."""
    folders = {path.parent for path in MODELS.rglob('*.prototxt')}
    return sorted(folder.relative_to(MODELS).as_posix() for folder in folders)


def find_model(name_or_path: str | Path, kind: str = 'train_val') -> Path:
    """The file that a user means: an existing path as it is, else the bundled model of that name.

    kind: 'train_val' (a model without one gives its deploy), 'deploy' or 'solver'; a name may say
    it itself ('lenet/deploy'). 'models/lenet/deploy.prototxt', as the bundled solvers write it, is
    found from anywhere. Raises GoodinitError if there is neither such a file nor such a model.
    """
    if Path(name_or_path).is_file():
        return Path(name_or_path)
    name = Path(name_or_path).as_posix().removeprefix('models/').removesuffix('.prototxt')
    folder, _, last = name.rpartition('/')
    if folder and last in KINDS:
        name = folder
        kind = last
    if name not in model_names():
        raise GoodinitError(_unknown(str(name_or_path), name))
    return _file_of(name, kind)


def _file_of(name: str, kind: str) -> Path:
    """A file of the bundled model `name`."""
    kinds = ('train_val', 'deploy') if kind == 'train_val' else (kind,)
    for candidate in kinds:
        path = MODELS / name / f'{candidate}.prototxt'
        if path.is_file():
            return path
    existing = sorted(path.stem for path in (MODELS / name).glob('*.prototxt'))
    raise GoodinitError(f"the bundled model '{name}' has no {kind}; it has {', '.join(existing)}")


def _unknown(given: str, name: str) -> str:
    names = model_names()
    variants = [known for known in names if known.startswith(f'{name}/')]
    if variants:
        return f"the bundled model '{name}' comes in variants: {', '.join(variants)}"
    return (
        f"'{given}' is neither a file nor a bundled model{did_you_mean(name, names)} "
        '(`goodinit models` lists them)'
    )
