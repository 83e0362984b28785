"""How the documentation is built: ``python3 dev.py docs``, into ``dist/docs``. A warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

import htmap

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "HTMap"
author = "The authors of HTMap"
version = release = htmap.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
    "from_code",
]
exclude_patterns = ["pictures/*.py", "tables/*.py"]

html_theme = "furo"
html_title = f"HTMap {version}"
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["blocks.css"]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

smartquotes = False  # the two dashes of an option are two dashes

# Docstrings name things in single backticks.
default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True

# What is copied from a console block is what has to be typed.
copybutton_prompt_text = r"\$ |> "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.highlight-output):not(.highlight-text) > div.highlight > pre"
