"""Find objects in images with a Fast R-CNN: `goodinit detect` with --draw or --json.

    goodinit detect --draw found/ street.jpg --weights trained.caffemodel
    goodinit detect --json photographs/ --weights trained.caffemodel --least 0.3

Selective search proposes regions of each image, and the net says what they show. --draw writes
images with a box, a class and a score for each object; --json prints the same.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ...netlib.data.images import SUFFIXES, decode_image
from ...netlib.engines import make_engine
from ...netlib.errors import DataError, GoodinitError
from ...proto import ProtoError, atomic_write, existing_file
from ...proto.files import read_utf8
from ...voc.classes import CLASSES
from ...voc.devkit import Photograph
from ...voc.drawing import draw_objects
from ...voc.finder import Finder, Found, open_finder
from ...voc.region_sampler import MEAN
from ...voc.regions import MODES, Regions, SelectiveSearch, open_regions
from .arguments import add_engine, add_strictness, option, switch
from .console import Parser, run, say, say_notes
from .gpu import engine_for
from .output_file import check_output
from .pycaffe_model import add_net
from .values import mistake, real, whole

OPTIONS = ('--draw', '--json')
DEFAULT = '(default: %(default)s)'


class Shown(NamedTuple):
    """An image and the objects found in it."""

    path: Path
    objects: list[Found]


def are_wanted(argv: Sequence[str]) -> bool:
    """Whether a command line asks for objects, rather than for the classes of windows."""
    return any(word.partition('=')[0] in OPTIONS for word in argv)


def main(argv: Sequence[str]) -> int:
    """Run the tool on its arguments; returns the exit status."""
    return run(find_objects, arguments(), argv)


def arguments() -> Parser:
    parser = Parser('goodinit detect', __doc__ or '')
    add = partial(option, parser)
    images = 'images, or folders of images'
    parser.add_argument('images', metavar='IMAGE', nargs='+', type=Path, help=images)
    add('--draw FOLDER', 'draw what is found, into FOLDER/NAME.png', Path)
    switch(parser, '--json', 'print what is found as JSON')
    switch(parser, '--force', 'overwrite pictures')
    add_net(parser, default='fast_rcnn/caffenet/deploy')
    names = 'the names of its classes, one a line, without the background (default: those of VOC)'
    add('--names F', names, default='')
    regions = (
        f'where regions come from: {" or ".join(MODES)} selective search, a folder that keeps what '
        f'it finds, or a .mat or .npz file {DEFAULT}'
    )
    add('--regions R', regions, default=MODES[0])
    add('--least S', f'the least score of an object {DEFAULT}', real(), 0.5)
    add('--scale N', f'pixels of the short side of images {DEFAULT}', whole(1), 600)
    add('--longest N', f'the most of the long side {DEFAULT}', whole(1), 1000)
    add('--mean M', 'subtract B,G,R (default: 102.9801,115.9465,122.7717)', means, MEAN)
    add_engine(parser)
    add_strictness(parser)
    return parser


def means(text: str) -> tuple[float, ...]:
    """A type of three numbers, such as 104,117,123."""
    convert = real()
    parts = text.split(',')
    if len(parts) != 3:
        raise mistake(text, 'three numbers, such as 104,117,123')
    return tuple(convert(part) for part in parts)


def find_objects(args: argparse.Namespace) -> None:
    paths = image_files(args.images)
    pictures = pictures_of(args, paths)
    regions = regions_of(args.regions)
    finder, notes = open_finder(
        args.model_def,
        existing_file(args.pretrained_model),
        scale=args.scale,
        longest=args.longest,
        mean=args.mean,
        engine=make_engine(engine_for(args)),
    )
    say_notes(notes)
    names = names_of(args.names, finder)
    if args.draw:
        args.draw.mkdir(parents=True, exist_ok=True)
    shown = []
    for path in progress(paths):
        pixels = decode_image(path)
        _, height, width = pixels.shape
        photograph = Photograph(path.stem, path, width, height, ())
        found = Shown(path, finder.find(pixels, regions(photograph), args.least))
        shown.append(found)
        if args.draw:
            save(draw_objects(pixels, found.objects, names), pictures[path])
    if args.json:
        print(json.dumps([as_json(each, names) for each in shown], indent=1))
    for each in shown if args.draw else ():
        say(f'{each.path}: {len(each.objects)} objects, drawn in {pictures[each.path]}')


def image_files(given: Sequence[Path]) -> list[Path]:
    """The images that are given, or in the folders that are. Raises DataError."""
    found: list[Path] = []
    for path in given:
        inside = sorted(images_in(path)) if path.is_dir() else [path]
        if not inside:
            raise DataError(f'{path}: found no images in it')
        found += inside
    return found


def images_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def pictures_of(args: argparse.Namespace, paths: Sequence[Path]) -> dict[Path, Path]:
    """The picture that each image becomes. Raises GoodinitError, before the work begins, where one
    could not be written."""
    pictures: dict[Path, Path] = {}
    if not args.draw:
        return pictures
    if args.draw.exists() and not args.draw.is_dir():
        raise GoodinitError(f'--draw {args.draw}: found a file, needed: a folder')
    for path in paths:
        picture = args.draw / f'{path.stem}.png'
        if picture in pictures.values():
            raise GoodinitError(f'{path}: another image is drawn in {picture}, too')
        if picture.exists():
            check_output(picture, args.force)
        pictures[path] = picture
    return pictures


def regions_of(where: str) -> Regions:
    """What proposes regions."""
    return SelectiveSearch(where) if where in MODES else open_regions(where)


def names_of(path: str, finder: Finder) -> Sequence[str]:
    """The names of a net's classes. Raises DataError."""
    names: Sequence[str] = CLASSES
    if path:
        try:
            names = [line.strip() for line in read_utf8(path).splitlines() if line.strip()]
        except ProtoError as error:
            raise DataError(f'--names {path}: cannot be read ({error})') from error
    if len(names) != finder.classes:
        raise DataError(
            f'found {len(names)} names of classes, needed: {finder.classes}, as many as the net '
            'has without background (--names FILE)'
        )
    return names


def progress(paths: Sequence[Path]) -> Any:
    """The paths, with a bar on a terminal."""
    from tqdm import tqdm

    return tqdm(paths, leave=False, file=sys.stderr, disable=not sys.stderr.isatty())


def save(image: Any, path: Path) -> None:
    with atomic_write(path) as file:
        image.save(file, 'PNG')


def as_json(shown: Shown, names: Sequence[str]) -> dict[str, Any]:
    objects = []
    for each in shown.objects:
        box = [round(corner, 1) for corner in each.box]
        objects.append({'name': names[each.label], 'score': round(each.score, 4), 'box': box})
    return {'image': str(shown.path), 'objects': objects}
