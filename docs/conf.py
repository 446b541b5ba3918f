"""The site: `sphinx-build -W -j 2 docs DIR` makes it, and runs the code of its pages."""

import os
import sys
from pathlib import Path

import matplotlib.font_manager  # noqa: F401  (lists the fonts: on a page that would be a warning)

from goodinit import __version__

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)  # for the extensions below

project = 'goodinit'
author = 'The goodinit developers'
version = release = __version__
extensions = [
    'accessible',
    'myst_nb',
    'sphinx.ext.autodoc',
    'sphinx_copybutton',
    'mathml',
    'outside_links',
    'plain_docstrings',
]
exclude_patterns = ['_build', '**.ipynb_checkpoints']
nitpicky = False

html_theme = 'furo'
html_title = 'goodinit'
html_favicon = '_static/icon.svg'
html_static_path = ['_static']
html_css_files = ['book.css']
html_copy_source = False
html_show_copyright = False
html_math_renderer = 'mathml'
highlight_language = 'text'  # of code that does not say its language: what a command prints

myst_enable_extensions = ['colon_fence', 'deflist', 'dollarmath']
myst_heading_anchors = 4
nb_execution_mode = 'force'
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_output_stderr = 'error'

autodoc_typehints = 'signature'
autodoc_preserve_defaults = True
autodoc_member_order = 'bysource'

# The programs that run the pages find pictures.py, and use two threads.
os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [HERE, os.environ.get('PYTHONPATH')]))
os.environ.setdefault('OMP_NUM_THREADS', '2')
