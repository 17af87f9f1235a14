"""Which addresses a link may lead to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async._download.state import digest_url
from sora_async._wire.origins import find_link_problem, is_private_host, is_public
from sora_async._wire.redaction import without_query


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)
    assert not is_private_host(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::7f00:1"),
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)
def test_an_address_inside_a_network_is_not(address: str) -> None:
    assert not is_public(address)
    assert is_private_host(address)


@pytest.mark.parametrize(
    "host",
    ["2130706433", "127.1", "0x7f.0.0.1", "017700000001", "localhost", "a.localhost", "LOCALHOST."],
)
def test_other_spellings_of_this_machine_are_inside_as_well(host: str) -> None:
    assert is_private_host(host)


@pytest.mark.parametrize("host", ["cdn.example", "10.example", "1.2.3.4.example", "xn--fiqs8s"])
def test_a_name_alone_tells_nothing(host: str) -> None:
    assert not is_private_host(host)
    assert not is_public(host)


@given(st.text(max_size=40))
def test_no_text_is_too_strange(text: str) -> None:
    assert is_public(text) in (True, False)
    assert is_private_host(text) in (True, False)
    assert find_link_problem(text) is None or isinstance(find_link_problem(text), str)
    assert len(digest_url(text)) == 32


@pytest.mark.parametrize("url", ["https://cdn.example/a.mp4?x=1#y", "http://[2606::1]:8080/a"])
def test_a_sound_link_has_no_flaw(url: str) -> None:
    assert find_link_problem(url) is None


@pytest.mark.parametrize(
    ("url", "flaw"),
    [
        ("file:///etc/passwd", "'file'"),
        ("ftp://a/b", "'ftp'"),
        ("//a/b", "''"),
        ("https:///a", "without a valid host"),
        ("https://a:0/", "without a valid host"),
        ("https://a:b/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("https://user:secret@a/b", "differently"),
        ("https://api.example\\@evil.example/", "differently"),
    ],
)
def test_a_link_that_cannot_be_followed_tells_why(url: str, flaw: str) -> None:
    found = find_link_problem(url)

    assert found is not None and flaw in found
    assert "secret" not in found


def test_the_digest_url_a_file_knows_no_query() -> None:
    assert (
        digest_url("https://a/b?x=1")
        == digest_url("https://a/b?y=2#z")
        != digest_url("https://a/c")
    )
    assert without_query("https://a/b?sig=1#z") == "https://a/b"
