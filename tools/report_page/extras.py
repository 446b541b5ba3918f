"""The packages that reports are made with."""

from ...netlib.errors import import_extra

EXTRAS = ('jinja2', 'vl_convert', 'fast_sugiyama', 'matplotlib')


def check_extras() -> None:
    """Raises GoodinitError for a package that is missing, before any work is done."""
    for name in EXTRAS:
        import_extra(name, 'report')
