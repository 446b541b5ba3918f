"""Rewords protobuf's text errors for people: the place, the layer, what was found, what was
meant."""

import re

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.text_format import ParseError

from .caffe_pb2 import DESCRIPTOR, NetParameter, SolverParameter, V1LayerParameter
from .errors import ProtoError, did_you_mean
from .scan import Block, blocks_around, offset_of, scan
from .unknown import HINT, NO_FIELD, may_be_passed_over

MESSAGES = DESCRIPTOR.message_types_by_name
ROOTS = {'a net': NetParameter.DESCRIPTOR, 'a solver': SolverParameter.DESCRIPTOR}
POSITION = re.compile(r'^\d+:\d+ : ')
NO_VALUE = re.compile(
    r'Enum type "caffe\.([\w.]+)" has no value (?:named|with number) "?([^"]*?)"?$'
)


def explain(error: ParseError, text: str, root: Message, name: str) -> ProtoError:
    """A ProtoError `file:line:column: what is wrong, in layer 'conv1' > convolution_param; how to
    fix it`."""
    line = error.GetLine() or 1
    column = error.GetColumn() or 1
    row = text.split('\n')[line - 1]
    blocks = scan(text)
    what = _bare_words(error, row)
    unclosed = [block for block in blocks if block.end is None]
    if what in ('Expected "}"', 'Expected ">"') and unclosed:
        last = unclosed[-1]
        where = f'{name}:{last.line}: {last.label}'
        return ProtoError(f"{where} is not closed: {what} before the text's end")
    around = blocks_around(blocks, offset_of(error, text))
    types = _types(root.DESCRIPTOR, [block.field for block in around])
    what, hint = _reworded(what, row[column - 1 :], types)
    if around:
        hint = hint or _type_hint(what, around[-1])
    if not hint and may_be_passed_over(error, text, root):
        hint = HINT
    if around:
        what += f', in {" > ".join(block.label for block in around)}'
    return ProtoError(f'{name}:{line}:{column}: {what}{hint}')


def _bare_words(error: ParseError, row: str) -> str:
    """protobuf's words without the position and line that precede some of them."""
    words = POSITION.sub('', str(error))
    return words.removeprefix(f"'{row}': ").removeprefix("'': ").rstrip('.')


def missing(message: Message, name: str) -> ProtoError:
    """The ProtoError for required fields missing from a message, or from the first such layer."""
    fields = message.FindInitializationErrors()
    place = re.match(r'(layers?)\[(\d+)\]', fields[0])
    if place:
        fields = [field for field in fields if field.startswith(f'{place[0]}.')]
        layer = getattr(message, place[1])[int(place[2])]
        return ProtoError(
            f'{layer.origin}: Message missing required fields: {", ".join(fields)}, '
            f"in layer '{layer.name}'"
        )
    return ProtoError(f'{name}: Message missing required fields: {", ".join(fields)}')


def _types(root: Descriptor, fields: list[str]) -> list[Descriptor]:
    """The message types along a path of fields, from the root, as far as they exist."""
    types = [root]
    for name in fields:
        field = types[-1].fields_by_name.get(name)
        if field is None or field.message_type is None:
            break
        types.append(field.message_type)
    return types


def _reworded(what: str, rest: str, types: list[Descriptor]) -> tuple[str, str]:
    """What is wrong and how to fix it, from protobuf's words and the rest of the line."""
    if match := NO_FIELD.match(what):
        return what, _field_hint(match[2], types, MESSAGES[match[1]])
    if match := NO_VALUE.match(what):
        return what, _value_hint(match[1], match[2])
    if what.startswith('String missing ending quote'):
        return f'string not closed: {rest.strip()}', ''
    if what.endswith('got }'):
        return "one '}' too many: no block is open here", ''
    if what.startswith('Expected "true"'):
        words = rest.split() or ['nothing']
        return f'{what}, found {words[0]}', ''
    return what, _spelling_hint(what, rest)


def _spelling_hint(what: str, rest: str) -> str:
    if what.startswith('Expected string'):
        return '; a string needs quotes'
    if what.startswith('Value out of range: -'):
        return '; the number must not be negative'
    if rest.startswith(('//', '/*')):
        return '; a comment begins with #'
    return ''


def _field_hint(field: str, types: list[Descriptor], here: Descriptor) -> str:
    if field.isdigit():
        return '; several values are written [1, 2], or each with the name of the field'
    for outer in types[:-1]:
        if field in outer.fields_by_name:
            return f"; {field!r} belongs to {outer.name}: is a '}}' missing before it?"
    for kind, root in ROOTS.items():
        if here in ROOTS.values() and field in root.fields_by_name:
            return f'; this is a field of {kind}: is this the right file?'
    meant = did_you_mean(field, [known.name for known in here.fields])
    if here.name == 'LayerParameter':
        return _layer_field_hint(field, here) or meant
    return meant


def _layer_field_hint(field: str, layer: Descriptor) -> str:
    """Where a field that is not in LayerParameter belongs."""
    owners = []
    for param in layer.fields:
        if param.message_type and field in param.message_type.fields_by_name:
            owners.append(param.name)
    if owners:
        more = ' ...' if len(owners) > 4 else ''
        return f'; it belongs inside {" or ".join(owners[:4])}{more}'
    if field in V1LayerParameter.DESCRIPTOR.fields_by_name:
        return '; this is a field of the older `layers { }`'
    return ''


def _type_hint(what: str, block: Block) -> str:
    """A hint about a field that no layer type has."""
    match = NO_FIELD.match(what)
    is_of_layer = match and match[1] == 'LayerParameter' and match[2].endswith('_param')
    if is_of_layer and block.type:
        return f"; no known layer type has it, and this layer has type '{block.type}'"
    return ''


def _value_hint(enum: str, value: str) -> str:
    *outer, name = enum.split('.')
    owner = MESSAGES[outer[0]] if outer else DESCRIPTOR
    names = [known.name for known in owner.enum_types_by_name[name].values]
    meant = did_you_mean(value, names)
    if len(names) > 8:
        return meant
    return f'; it has {", ".join(names)}{meant}'
