"""What every built page has: a description for chats and search engines, the version, buttons."""

import re
from pathlib import Path

import sora_async


def test_a_page_has_an_open_graph_title_and_description(pages: Path) -> None:
    html = (pages / "how-to" / "rate-limit.html").read_text("utf-8")

    found = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)"', html))

    assert found["title"] == "Limit requests: rate, concurrency, 429 - sora_async"
    assert found["description"].startswith("All requests of a client share one RateLimit")


def test_a_page_shows_the_version_and_copies_code(pages: Path) -> None:
    html = (pages / "index.html").read_text("utf-8")

    assert f"sora_async {sora_async.__version__}" in html
    assert "copybutton.js" in html


def test_names_of_python_and_aiohttp_are_links(pages: Path) -> None:
    html = (pages / "reference" / "client.html").read_text("utf-8")

    assert "https://docs.python.org/3/library/ssl.html#ssl.SSLContext" in html
    assert "https://docs.aiohttp.org/en/stable/client_reference.html#aiohttp.ClientSession" in html


def test_no_page_tells_to_install_from_an_index(pages: Path) -> None:
    """The package is not on one."""
    texts = {path.name: path.read_text("utf-8") for path in pages.rglob("*.html")}

    assert [name for name, text in texts.items() if "pip install sora" in text] == []
