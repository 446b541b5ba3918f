"""Damage: to bytes, to text, and to messages field by field, drawn from a generator."""

from google.protobuf.descriptor import FieldDescriptor as Field

INTEGERS = (0, 1, -1, 2, 7, 255, 256, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e38, -1e38, float('inf'), float('-inf'), float('nan'))
NUMBERS = ('0', '-1', '1', '4294967295', '4294967296', '1e400', 'nan', '-inf', '9' * 5000, '0x', '')
STRINGS = (
    '',
    '.',
    '/',
    '../..',
    'x' * 3000,
    '\N{SNOWMAN}',
    '/dev/null',
    '/etc/passwd',
    'data',
    '%s',
)
WORDS = ('{', '}', '<', '"', ':', '#', '[', '\n', '\0', '\x80', '\ufeff', 'true', 'layer {', 'nan')
CPP_INTEGERS = {
    Field.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    Field.CPPTYPE_UINT32: (0, 2**32 - 1),
    Field.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    Field.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def choose(rng, options):
    """One of a sequence, as it is."""
    return options[int(rng.integers(len(options)))]


# -- bytes


def damaged_bytes(data, rng):
    """The bytes after one to four kinds of damage."""
    data = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        choose(rng, BYTE_DAMAGE)(data, rng)
    return bytes(data)


def _flip(data, rng):
    if data:
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))


def _overwrite(data, rng):
    """A number of 1 to 8 bytes at an aligned place: in most formats a size, an offset or a type."""
    size = 1 << int(rng.integers(4))
    at = int(rng.integers(max(1, len(data) // size))) * size
    value = choose(rng, INTEGERS) % (1 << 8 * size)
    data[at : at + size] = value.to_bytes(size, choose(rng, ('little', 'big')))


def _truncate(data, rng):
    del data[int(rng.integers(len(data) + 1)) :]


def _delete(data, rng):
    at = int(rng.integers(len(data) + 1))
    del data[at : at + int(rng.integers(1, 64))]


def _repeat(data, rng):
    start, to = (int(rng.integers(len(data) + 1)) for _ in range(2))
    data[to:to] = data[start : start + int(rng.integers(1, 64))]


def _blank(data, rng):
    at = int(rng.integers(len(data) + 1))
    part = data[at : at + int(rng.integers(1, 512))]
    data[at : at + len(part)] = bytes([choose(rng, (0, 255))]) * len(part)


BYTE_DAMAGE = (_flip, _flip, _overwrite, _overwrite, _truncate, _delete, _repeat, _blank)


# -- text


def damaged_text(text, rng):
    """The bytes of a text after damage to its lines, words and numbers."""
    lines = text.split('\n')
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(lines)))
        lines[at : at + 1] = choose(rng, LINE_DAMAGE)(lines[at], rng)
        lines = lines or ['']
    return '\n'.join(lines).encode('utf-8', 'surrogatepass')


def _word_changed(line, rng):
    words = line.split(' ')
    at = int(rng.integers(len(words)))
    words[at] = choose(rng, NUMBERS if any(map(str.isdigit, words[at])) else WORDS)
    return [' '.join(words)]


def _word_dropped(line, rng):
    words = line.split(' ')
    del words[int(rng.integers(len(words)))]
    return [' '.join(words)]


def _spliced(line, rng):
    at = int(rng.integers(len(line) + 1))
    return [line[:at] + choose(rng, (*WORDS, *NUMBERS, *STRINGS)) + line[at:]]


LINE_DAMAGE = (
    _word_changed,
    _word_changed,
    _word_changed,
    _word_dropped,
    _spliced,
    lambda line, rng: [],
    lambda line, rng: [line, line],
    lambda line, rng: [line[: int(rng.integers(len(line) + 1))]],
)


# -- messages


def damage_message(message, rng):
    """Change one to three fields anywhere in a message: to extreme values, dropped, or doubled."""
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(message))
        owner, field = choose(rng, places)
        _damage_field(owner, field, rng)


def _places(message):
    """(message, field) of what is set, at all depths; and once in a while of a field that is
    not."""
    for field, value in message.ListFields():
        yield message, field
        if field.message_type:
            for part in value if field.is_repeated else [value]:
                yield from _places(part)
    for field in message.DESCRIPTOR.fields[:: max(1, len(message.DESCRIPTOR.fields) // 3)]:
        if not field.message_type:
            yield message, field


def _damage_field(owner, field, rng):
    if rng.random() < 0.15:
        owner.ClearField(field.name)
    elif not field.is_repeated:
        if not field.message_type:
            setattr(owner, field.name, _value(field, rng))
    elif rng.random() < 0.4:
        _damage_list(getattr(owner, field.name), rng)
    elif field.message_type:
        getattr(owner, field.name).add()
    else:
        getattr(owner, field.name).append(_value(field, rng))


def _damage_list(items, rng):
    if not len(items):
        return
    at = int(rng.integers(len(items)))
    if rng.random() < 0.5:
        del items[at]
    else:
        items.append(items[at])


def _value(field, rng):
    if field.cpp_type in CPP_INTEGERS:
        least, most = CPP_INTEGERS[field.cpp_type]
        return min(max(choose(rng, INTEGERS), least), most)
    if field.cpp_type == Field.CPPTYPE_ENUM:
        return choose(rng, field.enum_type.values).number
    if field.cpp_type == Field.CPPTYPE_BOOL:
        return bool(rng.integers(2))
    if field.type == Field.TYPE_BYTES:
        return rng.bytes(int(rng.integers(9)))
    if field.cpp_type == Field.CPPTYPE_STRING:
        return choose(rng, STRINGS)
    return choose(rng, FLOATS)
