"""Origins, hosts and links: one reading for the key, for redirects and for the address guard."""

import itertools
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async._wire.origins import (
    Origin,
    encode_link,
    find_link_problem,
    is_loopback,
    is_private_host,
    is_public,
    is_same_origin,
    join_link,
    normalize_host,
    origin_of,
)

SAME = [
    ("http://LocalHost:80/a", "http://localhost/b?c"),
    ("HTTPS://api.Example", "https://api.example:443/v1"),
    ("http://127.1:8000", "http://127.0.0.1:8000"),
    ("http://0x7f.0.0.1", "http://2130706433"),
    ("http://017700000001/", "http://127.0.0.1"),
    ("http://[::1]:5/", "http://[0:0:0:0:0:0:0:1]:5/x"),
    ("https://bücher.example", "https://xn--bcher-kva.example"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_origin_has_one_spelling(one: str, other: str) -> None:
    assert is_same_origin(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://api.example", "https://api.example"),
        ("https://api.example", "https://api.example:8443"),
        ("https://api.example", "https://api.example.evil.test"),
        ("https://api.example", "https://api.example@evil.test"),
        ("https://api.example", "https://user@api.example"),
        ("https://api.example", "//api.example"),
        ("https://[::1", "https://[::1"),
        ("", ""),
    ],
)
def test_other_origins_and_none_at_all_are_not_the_same(one: str, other: str) -> None:
    assert not is_same_origin(one, other)


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1",
        "https://cdn℀.example/v.mp4",
        "https://api.example:99999/",
        "https://api.example:0/",
        "https://api.example:x/",
        "https://",
        "https://./",
        "https://a b/",
        "https://%61.example/",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://1.2.3.08/",
        "https://1..2/",
        "https://[1.2.3]/",
        "https://" + "ü" * 80 + ".example/",
        "ftp://api.example/",
        "data:video/mp4;base64,AAAA",
    ],
)
def test_what_is_no_http_address_has_no_origin(url: str) -> None:
    assert origin_of(url) is None
    assert join_link("https://api.example/", url) is None or origin_of(
        str(join_link("https://api.example/", url))
    )
    assert find_link_problem(url) is not None


def test_an_origin_is_written_as_the_beginning_of_a_url() -> None:
    assert str(Origin("https", "api.example", 443)) == "https://api.example"
    assert str(Origin("http", "::1", 8000)) == "http://[::1]:8000"


@pytest.mark.parametrize(
    "host", ["localhost", "a.LOCALHOST.", "127.9.9.9", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1"]
)
def test_this_machine_is_known_by_all_its_names(host: str) -> None:
    assert is_loopback(host)
    assert is_private_host(host)


@pytest.mark.parametrize("host", ["api.example", "128.0.0.1", "localhost.example", "::2", "a b"])
def test_other_machines_are_not_this_one(host: str) -> None:
    assert not is_loopback(host)


def test_an_origin_tells_whether_it_is_this_machine() -> None:
    origin = origin_of("http://0.0.0.0:8000/v1")

    assert origin is not None
    assert origin.is_local


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("10.0.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("240.0.0.1", False),
        ("224.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True),
        ("::ffff:8.8.8.8", True),
        ("2002:a00:1::", False),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", False),
        ("fec0::1", False),
        ("fe80::1%eth0", False),
        ("2606:4700::1111", True),
        ("api.example", False),
    ],
)
def test_public_addresses_are_those_of_the_internet(address: str, expected: bool) -> None:
    assert is_public(address) is expected


@pytest.mark.parametrize("host", ["10.1", "0xa9fea9fe", "[", "fe80::1", "", "1.2.3.4.5"])
def test_a_host_that_is_private_or_unreadable_is_not_followed(host: str) -> None:
    assert is_private_host(host)


@pytest.mark.parametrize("host", ["cdn.example", "8.8.8.8", "2606:4700::1111"])
def test_a_host_of_the_internet_is_followed(host: str) -> None:
    assert not is_private_host(host)


@pytest.mark.parametrize(
    ("base", "link", "expected"),
    [
        ("https://a.example/v1/videos/t", "/files/v.mp4", "https://a.example/files/v.mp4"),
        ("https://a.example/v1/videos/t", "content", "https://a.example/v1/videos/content"),
        ("https://a.example/x", "//b.example/v", "https://b.example/v"),
        ("https://a.example/x", "https://B.example/a%2Fb?s=%2b&", "https://B.example/a%2Fb?s=%2b&"),
        ("https://a.example/x", "ftp://b.example/v", None),
        ("https://a.example/x", "https://[::1", None),
        ("https://a.example/x", "//cdn℀.example", None),
    ],
)
def test_a_link_is_read_against_where_it_was_found(
    base: str, link: str, expected: str | None
) -> None:
    assert join_link(base, link) == expected


def test_a_base_that_cannot_be_read_gives_no_link() -> None:
    assert join_link("https://[::1", "/v.mp4") is None


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://a.example/v%2F.mp4?sig=a%2bB/+==", "https://a.example/v%2F.mp4?sig=a%2bB/+=="),
        ("https://a.example/my v.mp4?s=%2F", "https://a.example/my%20v.mp4?s=%2F"),
        ("https://a.example/视频.mp4?s=%2b", "https://a.example/%E8%A7%86%E9%A2%91.mp4?s=%2b"),
        ("https://bücher.example:8/ü", "https://xn--bcher-kva.example:8/%C3%BC"),
        ("no address ü", "no%20address%20%C3%BC"),
    ],
)
def test_a_signed_link_goes_out_byte_for_byte(link: str, expected: str) -> None:
    assert encode_link(link) == expected


@given(st.text() | st.text(alphabet="htps:/[]@.%\\0123456789aüx℀ ").map("http://".__add__))
def test_no_text_raises(text: str) -> None:
    origin_of(text)
    normalize_host(text)
    is_private_host(text)
    is_loopback(text)
    find_link_problem(text)
    join_link("https://a.example/", text)
    assert encode_link(text).isascii()


@given(st.text())
def test_an_encoded_link_is_what_it_was(text: str) -> None:
    link = "https://a.example/" + text.replace("%", "").encode("utf-8", "replace").decode()

    assert unquote(encode_link(link)) == link


@given(st.integers(0, 2**32 - 1))
def test_every_spelling_of_an_ipv4_address_is_one_host(number: int) -> None:
    parts = [number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255]
    dotted = ".".join(map(str, parts))
    spellings = [str(number), hex(number), f"0{number:o}"]
    spellings += [f"{parts[0]}.{number & 0xFFFFFF}", f"{parts[0]}.{parts[1]}.{number & 0xFFFF}"]
    spellings += [".".join(f"0x{part:x}" for part in parts)]

    hosts = {normalize_host(one) for one in itertools.chain(spellings, [dotted])}

    assert hosts == {dotted}
