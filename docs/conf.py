"""The documentation as a site: `make docs` builds it from these pages as they stand, and asks the network nothing.

The pages are read on a forge too, so they are plain Markdown with relative links. What only a site needs stands beside
them: the order of the pages (index.rst), the Python reference (reference/python.rst), and pages outside of this folder
that others point to (reference/data-*.rst). A link to what is not on the site is shown as its words alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import openleo

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parent

project = "OpenLEO"
author = "The OpenLEO authors"
copyright = "The OpenLEO authors; Apache-2.0"  # Sphinx calls it so
version = release = openleo.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc"]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_build"]

# Markdown as a forge reads it: with its anchors, and without extensions that a forge would show as they stand.
myst_enable_extensions: list[str] = []
myst_heading_anchors = 6

# Notebooks are run at each build; one that fails, or takes too long, fails the build.
nb_execution_mode = "force"
nb_execution_timeout = 60
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # what draws widgets would be asked of another server

autodoc_member_order = "bysource"
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"OpenLEO {release}"
html_copy_source = False
html_show_sourcelink = False

LINK = re.compile(r"\[([^\]]*)\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")


def on_the_site(text: str, docname: str) -> str:
    """A page's text, with links that lead out of this folder led to the site's own pages, or taken away."""

    def instead(link: re.Match[str]) -> str:
        words, path, anchor = link.groups(default="")
        target = (DOCS / docname).parent.joinpath(path).resolve()
        if target.is_relative_to(DOCS) or (target.is_file() and target.suffix != ".md"):
            return link[0]  # a file that is no page is handed out as it is
        shown = DOCS / "reference" / f"data-{target.parent.name}.rst"
        if target.name == "README.md" and shown.exists():
            return f"[{words}](/reference/{shown.name}{anchor})"
        return words

    return LINK.sub(instead, text)


def _read(app: Sphinx, docname: str, content: list[str]) -> None:
    if str(app.env.doc2path(docname)).endswith(".md"):
        content[0] = on_the_site(content[0], docname)


def setup(app: Sphinx) -> None:
    """Kinds of blocks that Pygments has no lexer for are shown as they stand."""
    from pygments.lexers.special import TextLexer

    app.connect("source-read", _read)
    for language in ("csv", "jq"):
        app.add_lexer(language, TextLexer)
