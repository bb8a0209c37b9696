"""How the documentation is built: `sphinx-build -W docs build/docs`; code cells are executed."""

import os

from hemosim_jax import __version__

os.environ["PYTHONWARNINGS"] = "ignore"  # of the notebook machinery, in the executed pages

project = "hemosim_jax"
author = "the hemosim_jax authors"
release = __version__

extensions = ["myst_nb", "autodoc2", "sphinx_copybutton"]
exclude_patterns = ["build"]
html_theme = "furo"
html_title = "hemosim_jax"
html_static_path: list[str] = []

myst_enable_extensions = ["dollarmath", "fieldlist"]
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_mime_priority_overrides = [("*", "text/markdown", 0)]
nb_render_markdown_format = "myst"
nb_execution_show_tb = True
# Names of array axes in annotations are no references.
suppress_warnings = ["ref.python"]

# The reference, from docstrings, which are Markdown.
autodoc2_packages = [{"path": "../hemosim_jax", "auto_mode": True}]
autodoc2_output_dir = "reference"
autodoc2_skip_module_regexes = [r"hemosim_jax\.plotting\.style"]  # inherits from matplotlib
autodoc2_docstring_parser_regexes = [(".*", "myst")]
autodoc2_render_plugin = "myst"
autodoc2_hidden_objects = ["private", "inherited", "dunder"]
autodoc2_index_template = None
