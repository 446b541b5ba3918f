"""The C++ sources: each header of the CPU kernels opens and compiles alone, for every instruction
set, and includes what it uses."""

import re
import shutil
import subprocess

import places
import pytest

KERNELS = places.ROOT / 'netlib/engines/fast/kernels'
ISAS = ('baseline', 'avx2', 'avx512', 'amx', 'amx_plain')
PRODUCTS_ONLY = ('amx', 'amx_plain')  # which have a matrix unit
PARTS = ('products.hpp', 'passes.hpp')  # which list the kernels
NOT_KERNELS = {'standard.hpp', *PARTS, *(f'isa_{isa}.hpp' for isa in ISAS)}
HEADERS = sorted(path.name for path in KERNELS.glob('*.hpp') if path.name not in NOT_KERNELS)
STANDARD = {
    'algorithm': r'std::(min|max|clamp|fill|fill_n|copy|reverse)\b',
    'cfloat': r'\bFLT_(MIN|MAX)\b',
    'climits': r'\b(INT|LONG)_(MIN|MAX)\b',
    'cmath': r'std::(sqrt|trunc|fmod)\b|\b(INFINITY|NAN|M_[A-Z0-9_]+)\b',
    'cstddef': r'std::size_t\b',
    'cstdint': r'std::u?int(\d+|ptr)_t\b',
    'cstdlib': r'std::(free|aligned_alloc|abort)\b',
    'cstring': r'std::mem(cpy|set)\b',
    'type_traits': r'std::integral_constant\b',
    'utility': r'std::(move|swap)\b',
    'vector': r'std::vector\b',
}
needs_compiler = pytest.mark.skipif(not shutil.which('g++'), reason='there is no g++')


def text_of(name):
    return (KERNELS / name).read_text(encoding='utf-8')


def included(header, kind=r'<(\w[\w.]*)>'):
    return set(re.findall(f'^#include {kind}', text_of(header), re.MULTILINE))


# -- headers that open alone


def compile_text(folder, text):
    """What g++ says to a source file of this text; nothing where it compiles."""
    source = folder / 'source.cpp'
    source.write_text(text, encoding='utf-8')
    options = ['-std=c++17', '-fopenmp', '-fsyntax-only', '-DAMX_PLAIN', f'-I{KERNELS}']
    command = ['g++', *options, str(source)]
    return subprocess.run(command, capture_output=True, text=True).stderr


def expanded(header, seen):
    """The lines of a header and of those that it includes, each of them once."""
    lines = []
    for number, line in enumerate(text_of(header).splitlines(), 1):
        include = re.match(r'#include "(.*)"', line)
        if include is None:
            lines.append(line.replace('#pragma once', ''))
        elif include[1] not in seen:
            seen.add(include[1])
            lines += expanded(include[1], seen)
            lines.append(f'#line {number + 1} "{header}"')
        else:
            lines.append('')
    return [f'#line 1 "{header}"', *lines]


def alone(header, isa):
    """A header with all that it includes, in a namespace of its own, where it sees no other one.
    So one run of the compiler tells of all headers whether they compile alone."""
    lines = expanded(header, set())
    macros = re.findall(r'^#define (\w+)', '\n'.join(lines), re.MULTILINE)
    forget = [f'#undef {macro}' for macro in macros if macro != 'LANES']
    namespace = f'{isa}_{header.removesuffix(".hpp")}'
    return '\n'.join(['#undef ISA', f'#define ISA {namespace}', *lines, *forget, ''])


@needs_compiler
@pytest.mark.parametrize('isa', ISAS)
def test_headers_compile_alone(isa, tmp_path):
    every = ''.join(alone(header, isa) for header in HEADERS)
    head = f'#include "isa_{isa}.hpp"\n#ifdef ISA\n'
    assert not compile_text(tmp_path, f'{head}{every}#endif\n')


@needs_compiler
def test_headers_need_no_definitions(tmp_path):
    """As an editor opens them: without an instruction set."""
    assert not compile_text(tmp_path, ''.join(f'#include "{part}"\n' for part in PARTS))


# -- what headers include


@pytest.mark.parametrize('header', HEADERS)
def test_headers_include_what_they_use_of_the_standard_library(header):
    text = text_of(header)
    used = {name for name, names in STANDARD.items() if re.search(names, text)}
    assert used == included(header) & STANDARD.keys()


def test_the_standard_library_comes_before_the_instruction_set():
    """isa_*.hpp include standard.hpp first: what another header included later would be compiled
    for an instruction set that not every processor has."""
    everything = set().union(*map(included, HEADERS))
    assert everything <= included('standard.hpp')


@pytest.mark.parametrize('header', HEADERS)
def test_headers_are_included_once_and_listed_once(header):
    assert '#pragma once' in text_of(header)
    assert [header in included(part, kind=r'"(.*)"') for part in PARTS].count(True) == 1


@pytest.mark.parametrize('isa', ISAS)
@pytest.mark.parametrize('part', PARTS)
def test_every_part_is_compiled_for_every_instruction_set(part, isa):
    source = f'{part.removesuffix(".hpp")}_{isa}.cpp'
    if part == 'passes.hpp' and isa in PRODUCTS_ONLY:
        assert not (KERNELS / source).exists()
        return
    assert included(source, kind=r'"(.*)"') == {f'isa_{isa}.hpp', part}
