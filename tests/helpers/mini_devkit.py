"""A devkit of 12 drawn pictures, in VOC's layout. Run as a script, it draws them anew."""

from pathlib import Path
from xml.etree import ElementTree

from places import TESTS

MINI = TESTS / 'voc' / 'mini' / 'VOCdevkit'
YEAR = MINI / 'VOC2007'
SPLITS = {
    'train': range(1, 5),
    'val': range(5, 9),
    'trainval': range(1, 9),
    'test': range(9, 13),
}
SKIES = ('#8ab4d8', '#c9c2a5', '#a7c4a0', '#d8b6a4')
# Of each picture: class, box (one-based, inclusive), difficult, truncated.
PICTURES = [
    [('car', (20, 50, 90, 85), 0, 0)],
    [('car', (5, 40, 60, 80), 0, 0), ('person', (75, 20, 95, 85), 0, 0)],
    [('person', (40, 15, 65, 90), 0, 0)],
    [('bottle', (50, 20, 66, 80), 0, 0), ('tvmonitor', (80, 30, 120, 60), 1, 0)],
    [('tvmonitor', (30, 20, 100, 75), 0, 0)],
    [('sheep', (1, 40, 55, 80), 0, 1), ('sheep', (60, 45, 110, 85), 0, 0)],
    [('bottle', (20, 25, 34, 70), 0, 0), ('bottle', (60, 15, 80, 85), 0, 0)],
    [('sheep', (45, 35, 105, 85), 0, 0), ('person', (10, 30, 22, 60), 1, 0)],
    [('car', (25, 45, 110, 88), 0, 0)],
    [('person', (20, 10, 45, 88), 0, 0), ('sheep', (60, 50, 115, 88), 0, 0)],
    [('tvmonitor', (45, 30, 110, 70), 0, 0), ('bottle', (15, 30, 30, 75), 0, 0)],
    [('car', (70, 60, 128, 90), 1, 1), ('person', (30, 20, 52, 85), 0, 0)],
]
SIZES = [(128, 96), (112, 96)]  # every third picture is narrower


def size_of(index: int) -> tuple[int, int]:
    """Width and height; a picture must hold its boxes."""
    wide = max(box[2] for _, box, _, _ in PICTURES[index]) > SIZES[1][0]
    return SIZES[0] if wide or index % 3 else SIZES[1]


def draw_all() -> None:
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (YEAR / folder).mkdir(parents=True, exist_ok=True)
    for index, objects in enumerate(PICTURES):
        name = f'{index + 1:06}'
        draw(index, objects, YEAR / 'JPEGImages' / f'{name}.jpg')
        annotate(index, objects, YEAR / 'Annotations' / f'{name}.xml')
    for split, numbers in SPLITS.items():
        lines = [f'{number:06}\n' for number in numbers]
        (YEAR / 'ImageSets' / 'Main' / f'{split}.txt').write_text(''.join(lines))


def draw(index: int, objects: list[tuple], path: Path) -> None:
    from PIL import Image, ImageDraw

    width, height = size_of(index)
    image = Image.new('RGB', (width, height), SKIES[index % len(SKIES)])
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, height * 2 // 3, width, height), '#7c8c5a')
    for label, box, _, _ in objects:
        left, top, right, bottom = (edge - 1 for edge in box)
        DRAWN[label](pen, left, top, right, bottom)
    image.save(path, quality=85)


def draw_car(pen, left, top, right, bottom):
    wheel = (bottom - top) // 3
    pen.rounded_rectangle((left, top, right, bottom - wheel // 2), 8, '#b03030')
    for x in (left + wheel // 2, right - wheel - wheel // 2):
        pen.ellipse((x, bottom - wheel, x + wheel, bottom), '#202020')


def draw_person(pen, left, top, right, bottom):
    head = (bottom - top) // 4
    middle = (left + right) // 2
    pen.rectangle((left, top + head, right, bottom), '#3050a0')
    pen.ellipse((middle - head // 2, top, middle + head // 2, top + head), '#e0b090')


def draw_bottle(pen, left, top, right, bottom):
    neck = (right - left) // 3
    pen.rectangle((left + neck, top, right - neck, bottom), '#206030')
    pen.rectangle((left, top + (bottom - top) // 3, right, bottom), '#308040')


def draw_monitor(pen, left, top, right, bottom):
    pen.rectangle((left, top, right, bottom), '#101010')
    pen.rectangle((left + 4, top + 4, right - 4, bottom - 6), '#90a0c0')


def draw_sheep(pen, left, top, right, bottom):
    pen.ellipse((left, top, right, bottom), '#f0f0e8')
    pen.ellipse((right - 12, top + 4, right, top + 18), '#303030')


DRAWN = {
    'car': draw_car,
    'person': draw_person,
    'bottle': draw_bottle,
    'tvmonitor': draw_monitor,
    'sheep': draw_sheep,
}


def annotate(index: int, objects: list[tuple], path: Path) -> None:
    width, height = size_of(index)
    root = ElementTree.Element('annotation')
    text(root, 'filename', f'{path.stem}.jpg')
    size = ElementTree.SubElement(root, 'size')
    for name, value in (('width', width), ('height', height), ('depth', 3)):
        text(size, name, value)
    for label, box, difficult, truncated in objects:
        one = ElementTree.SubElement(root, 'object')
        text(one, 'name', label)
        text(one, 'truncated', truncated)
        text(one, 'difficult', difficult)
        bounds = ElementTree.SubElement(one, 'bndbox')
        for name, edge in zip(('xmin', 'ymin', 'xmax', 'ymax'), box, strict=True):
            text(bounds, name, edge)
    ElementTree.indent(root)
    path.write_text(ElementTree.tostring(root, 'unicode') + '\n')


def text(parent: ElementTree.Element, name: str, value: object) -> None:
    ElementTree.SubElement(parent, name).text = str(value)


if __name__ == '__main__':
    draw_all()
