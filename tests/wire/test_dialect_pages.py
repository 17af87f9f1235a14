"""The pages about dialects have what the dialects are."""

import re
from collections.abc import Iterator, Mapping

from support import ROOT

from sora_async._wire.dialects import (
    DIALECTS,
    DOMAINS,
    OPENAI,
    PATH_ENDS,
    Dialect,
    guess_dialect,
)

REFERENCE = ROOT / "docs" / "reference" / "dialects.rst"
HOW_TO = ROOT / "docs" / "how-to" / "another-server.rst"

ADDRESSES = {
    "openai": "https://api.openai.com",
    "openrouter": "https://openrouter.ai",
    "unified": "https://api.jxincm.cn/v1/video",
    "xai": "https://api.x.ai",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai",
    "ark": "https://ark.cn-beijing.volces.com/api/v3",
    "minimax": "https://api.minimax.io",
}
"""The addresses of services that each have a dialect of their own."""

BODIES = {"auto": "form or JSON", "form": "form", "json": "JSON"}

CALLS = {
    "content_path": "download",
    "list_path": "list",
    "delete_path": "delete",
    "cancel_path": "cancel",
    "remix_path": "remix",
    "create_character_path": "characters",
}


def describe(dialect: Dialect) -> str:
    """Return what the reference says of a dialect, beside its text."""
    address = ADDRESSES.get(dialect.name)
    calls = [call for path, call in CALLS.items() if getattr(dialect, path) is not None]
    fields = {
        "Address": f"``{address}``" if address else "your service's",
        "Create": f"``POST {dialect.create_path}``, {BODIES[dialect.body]}",
        "Get": f"``GET {dialect.poll_path}``",
        "References": describe_references(dialect),
        "Further calls": ", ".join(calls) or "none",
    }
    return "".join(f"   - {name}: {text}\n" for name, text in fields.items())


def describe_references(dialect: Dialect) -> str:
    spellings = [dialect.spelling(role) for role in dialect.references]
    takes_urls = all(
        one is not None and (one.url_field if dialect.body == "form" else one.json)
        for one in spellings
    )
    how = "files or addresses" if takes_urls else "files"
    return f"{', '.join(f'``{role}``' for role in dialect.references)}, as {how}"


def read_how_to() -> Iterator[tuple[list[str], str]]:
    """Yield the dialects of each row of the how-to, and what they are chosen for."""
    text = HOW_TO.read_text().partition(".. list-table::")[2].partition("A call that")[0]
    for row in text.split("   * - ")[2:]:
        cells = re.split(r"\n     -", row.strip())
        yield re.findall(r"``(\w+)``", cells[0]), cells[3].strip().partition("\n")[0]


def find_automatic(names: list[str], rules: Mapping[str, Dialect]) -> list[str]:
    return [text for text, dialect in rules.items() if dialect.name in names]


def test_the_reference_has_each_dialect_as_it_is() -> None:
    sections = REFERENCE.read_text().split(".. py:data:: ")[1:-1]

    assert [section.partition("\n")[0].lower() for section in sections] == list(DIALECTS)
    for section, dialect in zip(sections, DIALECTS.values(), strict=True):
        assert f"\n\n{describe(dialect)}" in section


def test_an_address_of_the_reference_tells_its_dialect() -> None:
    assert {name: guess_dialect(url).name for name, url in ADDRESSES.items()} == {
        name: name for name in ADDRESSES
    }


def test_the_how_to_names_all_that_chooses_a_dialect() -> None:
    rows = list(read_how_to())

    assert sorted(name for names, _ in rows for name in names) == sorted(DIALECTS)
    for names, chosen_for in rows:
        if names == [OPENAI.name]:
            assert chosen_for == "all other addresses"
            continue
        ends = [f"addresses that end in ``{end}``" for end in find_automatic(names, PATH_ENDS)]
        assert chosen_for == ", ".join([*find_automatic(names, DOMAINS), *ends])
