"""The items of a batch, each with a key and a file of its own."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async import InvalidArgumentError, SoraClient
from sora_async._batch.items import BatchItems

OUT = Path("out")


def test_the_same_items_have_the_same_keys_in_every_run() -> None:
    given = ["a cat", {"prompt": "a cat", "seconds": 4}, "a cat", {"prompt": "a cat"}]

    first, second = (
        [items.add(one) for one in given] for items in (BatchItems(OUT), BatchItems(OUT))
    )

    assert first == second
    assert len({item.key for item in first}) == 4
    assert first[2].key == f"{first[0].key}-2"
    assert first[0].arguments == first[3].arguments == {"prompt": "a cat"}


def test_the_sequence_of_the_fields_changes_no_key_and_a_name_does() -> None:
    item = BatchItems(OUT).add({"seconds": 4, "prompt": "a cat", "name": "cat"})
    same = BatchItems(OUT).add({"name": "cat", "prompt": "a cat", "seconds": 4})
    other = BatchItems(OUT).add({"prompt": "a cat", "seconds": 4, "name": "tom"})

    assert item.key == same.key != other.key
    assert item.path == OUT / "cat.mp4"
    assert "name" not in item.arguments


def test_items_of_one_prompt_keep_their_files_whatever_stands_before_them() -> None:
    first = [BatchItems(OUT).add({"prompt": "a", "name": "two"})]
    items = BatchItems(OUT)
    then = [items.add({"prompt": "a", "name": name}) for name in ("zero", "two")]

    assert then[1] == first[0]


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A paper boat, in the rain!", r"a-paper-boat-in-the-rain-[0-9a-f]{12}\.mp4"),
        ("../../etc/passwd", r"etc-passwd-[0-9a-f]{12}\.mp4"),
        ("纸船在雨中", r"纸船在雨中-[0-9a-f]{12}\.mp4"),
        ("?!", r"[0-9a-f]{12}\.mp4"),
        ("long " * 99, r"(long-){7}long-[0-9a-f]{12}\.mp4"),
    ],
)
def test_a_file_is_named_after_its_prompt(prompt: str, name: str) -> None:
    assert re.fullmatch(name, BatchItems(OUT).add(prompt).path.name)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_any_prompt_has_a_file_in_the_folder(prompt: str) -> None:
    path = BatchItems(OUT).add(prompt).path

    assert path.parent == OUT
    assert len(path.name.encode("utf-8", "surrogatepass")) < 100
    assert not path.name.startswith((".", "-"))


@pytest.mark.parametrize(
    "given_item",
    [
        *("", "  ", None, 7, [], {}, {"prompt": ""}, {"prompt": 7}, {1: "a"}),
        {"prompt": "a", "extra": {1, 2}},
        {"prompt": "a", "extra": float("nan")},
        {"prompt": "\ud83d"},
        {"prompt": "a", "name": "n" * 300},
        {"prompt": "a", "name": "\ud83d"},
        *({"prompt": "a", "name": name} for name in ("", "a/b", "..", ".x", "a\\b", 7, "a\x00")),
    ],
    ids=repr,
)
def test_what_cannot_be_created_is_refused(given_item: object) -> None:
    with pytest.raises(InvalidArgumentError):
        BatchItems(OUT).add(given_item)


@pytest.mark.parametrize(
    ("given_item", "message"),
    [
        (7, "item: expected a prompt or a mapping, got 7"),
        ({"model": "sora-2"}, "item: prompt: expected a text, got None"),
        ({"prompt": " "}, "item: prompt: expected a text, got ' '"),
        ({7: "a"}, "item: expected names of arguments, got 7"),
    ],
)
def test_the_error_of_an_item_shows_no_key(given_item: Any, message: str) -> None:
    if isinstance(given_item, dict):
        given_item["headers"] = {"Authorization": "Bearer SECRET"}

    with pytest.raises(InvalidArgumentError) as caught:
        BatchItems(OUT).add(given_item)

    assert str(caught.value) == message


def test_two_items_cannot_have_one_file() -> None:
    items = BatchItems(OUT)
    items.add({"prompt": "a", "name": "boat.mp4"})

    with pytest.raises(InvalidArgumentError, match="an earlier item"):
        items.add({"prompt": "b", "name": "Boat"}).check_name()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["v", "V", "w.mp4"]),
            st.sampled_from(["", ".mp4", ".mp4.part", ".part", ".mp4.part.note", ".part.note"]),
        ),
        max_size=8,
    )
)
def test_no_file_is_the_part_file_or_note_of_another(names: list[tuple[str, str]]) -> None:
    items, written = BatchItems(OUT), set[str]()
    for start, end in names:
        try:
            item = items.add({"prompt": "a", "name": start + end})
            item.check_name()
        except InvalidArgumentError:
            continue

        name = item.path.name.casefold()
        new = {name, f"{name}.part", f"{name}.part.note"}
        assert not new & written
        written |= new


def test_an_item_whose_file_is_there_already_is_not_created(tmp_path: Path) -> None:
    item = BatchItems(tmp_path).add({"prompt": "a", "name": "boat"})
    item.check_path()
    item.path.touch()

    with pytest.raises(InvalidArgumentError, match="exists and is not of this batch"):
        item.check_path()


@pytest.mark.parametrize("items", ["a boat", b"a boat", {"prompt": "a boat"}], ids=repr)
async def test_a_single_item_is_not_taken_for_many(items: Any, tmp_path: Path) -> None:
    async with SoraClient(base_url="http://127.0.0.1:1") as client:
        with pytest.raises(InvalidArgumentError, match="items: "):
            client.batch(items, output_dir=tmp_path)
