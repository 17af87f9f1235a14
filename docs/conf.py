"""Settings of Sphinx. A build needs no network: inventories of other projects are in the tree."""

import html
import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from sora_async._version import __version__
from sora_async._wire import vocabulary

project = "sora_async"
author = "The sora_async authors"
copyright = "2026, The sora_async authors"
release = version = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "examples", "inventories"]

# Those names of Python and aiohttp that the pages use, in the plain text of inventory version 1.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", "inventories/python.inv"),
    "aiohttp": ("https://docs.aiohttp.org/en/stable", "inventories/aiohttp.inv"),
}

copybutton_prompt_text = "$ "

html_theme = "furo"
html_title = f"sora_async {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Fields of attrs classes are documented in "Attributes:"; their types come from the class.
napoleon_attr_annotations = True
maximum_signature_line_length = 88
python_use_unqualified_type_names = True

# Only names of other projects may stay unresolved; one of ours that leads nowhere is an error.
FOREIGN = (
    "aiohttp",
    "asyncio",
    "attr",
    "attrs",
    "backoff",
    "cattrs",
    "collections",
    "concurrent",
    "contextlib",
    "datetime",
    "enum",
    "http",
    "logging",
    "multidict",
    "os",
    "pathlib",
    "pytest",
    "random",
    "redis",
    "rich",
    "saq",
    "ssl",
    "types",
    "typing",
    "yarl",
)
nitpick_ignore_regex = [
    ("py:.*", rf"({'|'.join(FOREIGN)})\..+"),
    ("py:mod", "|".join(FOREIGN)),
    # A structural type: any object with these methods.
    ("py:class", r"sora_async\._http\.upload\.Picture"),
    # What ``track`` passes through.
    ("py:class", r"sora_async\.(progress\.\w+|cli\.display\.track\.Tracked)"),
]


TYPE_NAMES = {
    r"str \| ~os\.PathLike\[str\] \| bytes(?:(?! = |Sequence).)*?\.Picture": "FileInput",
    r"~typing\.Literal\['openai'[^\]]*\]": "DialectName",
    r"aiohttp\.client\.ClientSession": "aiohttp.ClientSession",
    r"aiohttp\.tracing\.TraceConfig": "aiohttp.TraceConfig",
}
"""Types as a signature has them, and the names under which the reference and others have them."""


def tidy_signature(
    _app: Sphinx,
    _what: str,
    _name: str,
    _value: object,
    _options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Show functions and long types by their names, and ``...`` for what attrs makes each time."""
    if signature is not None:
        signature = re.sub(r"<function (\w+)( at \w+)?>", r"\1", signature)
        signature = re.sub(r"\bNOTHING\b", "...", signature)
        for pattern, name in TYPE_NAMES.items():
            signature = re.sub(pattern, name, signature)
    return signature, returns


def move_types(
    _app: Sphinx, _what: str, _name: str, _value: object, _options: object, lines: list[str]
) -> None:
    """Put the type of an attribute behind its name; napoleon gives it two lines of its own."""
    text = re.sub(
        r"^(\.\. attribute:: \w+)$(\n(?:(?:   .*)?\n)*?)   :type: (.*)$",
        r"\1\n   :type: \3\2",
        "\n".join(lines),
        flags=re.MULTILINE,
    )
    lines[:] = text.split("\n")


def describe_page(
    _app: Sphinx, page: str, _template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add the Open Graph title and description, which chats and search engines show."""
    if doctree is None:
        return
    name = re.sub("<.*?>", "", context["title"])
    title = name if page == "index" else f"{name} - sora_async"
    text = next((found.astext() for found in doctree.findall(is_prose)), "")
    description = html.escape(" ".join(text.split())[:200], quote=True)
    context["metatags"] += (
        f'\n<meta property="og:title" content="{title}" />'
        f'\n<meta property="og:type" content="website" />'
        f'\n<meta property="og:description" content="{description}" />'
        f'\n<meta name="description" content="{description}" />\n'
    )


def is_prose(node: nodes.Node) -> bool:
    """Whether a node is a paragraph of the text, not of a table or a list."""
    return isinstance(node, nodes.paragraph) and isinstance(node.parent, nodes.section)


class VocabularyTable(SphinxDirective):
    """A table of ``sora_async._wire.vocabulary``, by its name: what the code reads, no copy."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        table = getattr(vocabulary, self.arguments[0])
        if isinstance(table, dict):
            rows = [(f"``{place}``", services) for place, services in table.items()]
            head = ("Place", "Services")
        else:
            rows = [
                (str(phase), ", ".join(f"``{word}``" for word in words.split()), services)
                for phase, words, services in table
            ]
            head = ("Phase", "Words", "Services")
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for first, *others in [head, *rows]:
            lines += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: Sphinx) -> None:
    """Connect the above to Sphinx."""
    app.add_directive("vocabulary", VocabularyTable)
    app.connect("html-page-context", describe_page)
    app.connect("autodoc-process-signature", tidy_signature)
    # After napoleon, which has made directives of the docstrings' sections by then.
    app.connect("autodoc-process-docstring", move_types, priority=900)
