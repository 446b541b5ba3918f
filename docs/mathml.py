"""A Sphinx extension: formulas as MathML, which browsers show without a script or a font from
elsewhere."""

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert


def setup(app: Any) -> dict[str, Any]:
    app.add_html_math_renderer('mathml', (inline_math, None), (display_math, None))
    return {'parallel_read_safe': True, 'parallel_write_safe': True}


def inline_math(visitor: Any, node: nodes.Node) -> None:
    visitor.body.append(convert(node.astext()))
    raise nodes.SkipNode


def display_math(visitor: Any, node: nodes.Node) -> None:
    visitor.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode
