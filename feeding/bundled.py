"""The models that come with goodinit, found by name: 'lenet', 'fitnet4/relu', 'lenet/deploy'."""

from pathlib import Path

from ..netlib.errors import GoodinitError, did_you_mean

MODELS = Path(__file__).resolve().parent.parent / 'models'
KINDS = ('train_val', 'deploy', 'solver')
GENERATED = '# Written by `python -m goodinit.zoo`'  # a line of each file


def model_names() -> list[str]:
    """The names of the bundled models, in alphabetical order."""
    names = set()
    for path in MODELS.rglob('*.prototxt'):
        folder = path.parent.relative_to(MODELS)
        names.add(folder.as_posix())
    return sorted(names)


def find_model(name_or_path: str | Path, kind: str = 'train_val') -> Path:
    """The file that a user means: an existing path, or else the bundled model with that name.

    kind: 'train_val' (or deploy, if the model has no train_val), 'deploy' or 'solver'. The name may
    include the kind ('lenet/deploy'). Paths in the style of the bundled solvers, such as
    'models/lenet/deploy.prototxt', are found from anywhere. Raises GoodinitError if there is
    neither such a file nor such a model.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    name = path.as_posix().removeprefix('models/').removesuffix('.prototxt')
    folder, _, last = name.rpartition('/')
    if folder and last in KINDS:
        name = folder
        kind = last
    if name not in model_names():
        raise GoodinitError(_unknown(str(name_or_path), name))
    return _file_of(name, kind)


def copies(name: str) -> dict[str, str]:
    """The texts of a bundled model's files, for a folder of one's own: its solver names the net
    beside it. Raises GoodinitError if there is no model of this name."""
    if name not in model_names():
        raise GoodinitError(_unknown(name, name))
    texts = {}
    for path in sorted((MODELS / name).glob('*.prototxt')):
        text = path.read_text(encoding='utf-8').replace(f'"models/{name}/', '"')
        lines = text.splitlines(keepends=True)
        texts[path.name] = ''.join(line for line in lines if GENERATED not in line)
    return texts


def _file_of(name: str, kind: str) -> Path:
    """A file of the bundled model `name`."""
    kinds = ('train_val', 'deploy') if kind == 'train_val' else (kind,)
    for candidate in kinds:
        path = MODELS / name / f'{candidate}.prototxt'
        if path.is_file():
            return path
    files = (MODELS / name).glob('*.prototxt')
    existing = ', '.join(sorted(path.stem for path in files))
    raise GoodinitError(f"the bundled model '{name}' has no {kind}; it has {existing}")


def _unknown(given: str, name: str) -> str:
    names = model_names()
    variants = [known for known in names if known.startswith(f'{name}/')]
    if variants:
        return f"the bundled model '{name}' comes in variants: {', '.join(variants)}"
    hint = did_you_mean(name, names)
    return f"'{given}' is neither a file nor a bundled model{hint} (`goodinit models` lists them)"
