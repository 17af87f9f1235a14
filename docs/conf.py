"""The settings of Sphinx. A build asks no network: names of other projects stay plain text."""

import re

from sphinx.application import Sphinx

from sora_async._version import __version__

project = "sora_async"
author = "The sora_async authors"
copyright = "2026, The sora_async authors"
release = version = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples"]

html_theme = "furo"
html_title = "sora_async"
html_static_path = ["_static"]
html_css_files = ["pages.css"]

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Fields of attrs classes are told in "Attributes:"; their types come from the class.
napoleon_attr_annotations = True
maximum_signature_line_length = 88
python_use_unqualified_type_names = True

# Only what other projects own may stay unresolved; a name of ours that leads nowhere is an error.
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
    # What a loop is told in any case: a type that stands for others, and what nobody has to name.
    ("py:class", r"sora_async\.(progress\.\w+|cli\.display\.tracked\.Tracked)"),
]


def tidy_defaults(
    _app: Sphinx,
    _what: str,
    _name: str,
    _value: object,
    _options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Show a function as its name, and ``...`` for what attrs makes anew each time."""
    if signature is not None:
        signature = re.sub(r"<function (\w+)( at \w+)?>", r"\1", signature)
        signature = re.sub(r"\bNOTHING\b", "...", signature)
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


def setup(app: Sphinx) -> None:
    """Let Sphinx call the above."""
    app.connect("autodoc-process-signature", tidy_defaults)
    # After napoleon, which has made directives of the docstrings' sections by then.
    app.connect("autodoc-process-docstring", move_types, priority=900)
