"""The part file and its note: what is kept, what is found damaged, and how it becomes the file."""

import errno
import json
import os
import random
import resource
import stat
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sora_async._download.part_file import (
    MAX_BOXES,
    PartFile,
    ResumeInfo,
    check_target,
    missing_bytes,
    move_without_overwriting,
    rename_unless_exists,
)
from sora_async._download.request import IfExists
from sora_async.testing import make_video

ORIGIN = ResumeInfo(source="task_1", url_digest="p", validator='"v"', total=3000)
FILM = make_video(3000)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "a.mp4"


def leave(target: Path, *sizes: int, source: str = "task_1") -> None:
    """Leave a part file behind, with one write up to each of the sizes."""
    part = PartFile(target, source)
    part.begin(ResumeInfo(source=source, url_digest="p", validator='"v"', total=3000))
    before = 0
    for size in sizes:
        part.write([FILM[before:size]])
        before = size
    part.close()


def write(target: Path) -> PartFile:
    """Write the whole film into a part file, and leave it open."""
    part = PartFile(target, "task_1")
    part.begin(ORIGIN)
    part.write([FILM])
    return part


def files(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()}


def publish(part: PartFile, if_exists: IfExists = "error") -> None:
    try:
        part.publish(if_exists)
    finally:
        part.close()


def test_a_part_file_becomes_the_file_whole_and_leaves_nothing(target: Path) -> None:
    part = PartFile(target, "task_1")
    part.begin(ORIGIN)
    part.write([FILM[:1000], FILM[1000:1500]])
    part.write([FILM[1500:]])
    before = files(target)

    publish(part)

    assert before == {"a.mp4.part", "a.mp4.part.note"}
    assert (part.published, part.content_type, part.size) == (True, "video/mp4", 3000)
    assert target.read_bytes() == FILM
    assert files(target) == {"a.mp4"}


def test_what_is_left_is_gone_on_with(target: Path) -> None:
    leave(target, 1000, 2000)

    part = PartFile(target, "task_1")

    assert (part.size, part.resume_info) == (2000, ORIGIN)
    part.write([FILM[2000:]])
    publish(part)
    assert target.read_bytes() == FILM


def test_what_is_left_of_another_source_is_of_no_use(target: Path) -> None:
    leave(target, 1000, source="task_2")

    part = PartFile(target, "task_1")
    part.close()

    assert (part.size, part.resume_info) == (0, ResumeInfo(source="task_1"))
    assert files(target) == set()


def test_a_download_that_brought_nothing_leaves_nothing(target: Path) -> None:
    leave(target)

    assert files(target) == set()


def test_a_new_beginning_throws_away_what_was_there(target: Path) -> None:
    leave(target, 2000)
    part = PartFile(target, "task_1")

    part.begin(ORIGIN)
    part.write([b"abc"])
    part.close()

    assert PartFile(target, "task_1").size == 3
    assert target.with_name("a.mp4.part").read_bytes() == b"abc"


def test_damage_is_found_and_what_is_before_it_is_kept(target: Path) -> None:
    leave(target, 1000, 2000, 3000)
    path = target.with_name("a.mp4.part")
    path.write_bytes(FILM[:2500] + b"\0" + FILM[2501:])

    part = PartFile(target, "task_1")

    assert part.size == 2000
    part.write([FILM[2000:]])
    publish(part)
    assert target.read_bytes() == FILM


def test_a_part_file_cut_short_is_cut_to_its_last_sound_write(target: Path) -> None:
    leave(target, 1000, 2000, 3000)
    os.truncate(target.with_name("a.mp4.part"), 2999)

    assert PartFile(target, "task_1").size == 2000


def test_bytes_that_no_note_knows_are_cut_off(target: Path) -> None:
    leave(target, 1000)
    with target.with_name("a.mp4.part").open("ab") as file:
        file.write(b"written when the machine went down")

    part = PartFile(target, "task_1")
    part.close()

    assert target.with_name("a.mp4.part").stat().st_size == part.size == 1000


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\n",
        b"{",
        b"[]\n",
        b'{"version": 2, "source": "task_1"}\n[1000, 1]\n',
        b'{"version": 1, "source": "task_1", "total": "x"}\n[1000, 1]\n',
        b'{"version": 1, "source": "task_1", "validator": "a\\nEvil: b"}\n[1000, 1]\n',
        b'{"version": 1, "source": "task_1", "more": 1}\n[1000, 1]\n',
        b'{"version": 1, "source": "task_1"}\n[1000]\n',
        b'{"version": 1, "source": "task_1"}\n[-5, 0]\n',
        b'{"version": 1, "source": "task_1"}\n[1000, 1',
        b"[" * 100_000,
    ],
)
def test_a_note_that_tells_nothing_sound_is_a_new_beginning(target: Path, note: bytes) -> None:
    leave(target, 1000)
    target.with_name("a.mp4.part.note").write_bytes(note)

    assert PartFile(target, "task_1").size == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.randoms(use_true_random=False), st.sampled_from(["part", "part.note"]))
def test_whatever_is_damaged_what_is_kept_is_sound(
    tmp_path: Path, chance: random.Random, which: str
) -> None:
    target = tmp_path / "a.mp4"
    leave(target, 700, 1400, 2100, 3000)
    path = target.with_name(f"a.mp4.{which}")
    data = bytearray(path.read_bytes())
    for _ in range(chance.randrange(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])

    part = PartFile(target, "task_1")
    kept = target.with_name("a.mp4.part").read_bytes()
    part.discard_on_close()
    part.close()

    assert kept == FILM[: len(kept)]
    assert files(target) == set()


def test_two_downloads_never_write_one_part_file(target: Path) -> None:
    part = PartFile(target, "task_1")

    with pytest.raises(OSError, match="another download") as caught:
        PartFile(target, "task_1")

    assert caught.value.errno == errno.EBUSY
    part.close()
    PartFile(target, "task_1").close()


def test_a_file_that_has_appeared_is_never_touched(target: Path) -> None:
    part = write(target)
    target.write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        publish(part)

    assert target.read_bytes() == b"mine"
    assert PartFile(target, "task_1").size == 3000


def test_it_is_replaced_if_that_is_wanted(target: Path) -> None:
    part = write(target)
    target.write_bytes(b"mine")

    publish(part, "overwrite")

    assert target.read_bytes() == FILM


def test_without_hard_links_a_file_is_not_touched_either(target: Path) -> None:
    part = target.with_name("part")
    part.write_bytes(b"new")
    target.write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        rename_unless_exists(part, target)
    assert target.read_bytes() == b"mine"

    target.unlink()
    rename_unless_exists(part, target)
    assert target.read_bytes() == b"new"


def test_a_crash_between_two_names_harms_no_file(target: Path) -> None:
    """The file has its name already, and the part file is the same file still."""
    leave(target, 3000)
    os.link(target.with_name("a.mp4.part"), target)

    part = PartFile(target, "task_1")
    part.begin(ORIGIN)
    part.write([b"other"])
    part.close()

    assert target.read_bytes() == FILM


@pytest.mark.parametrize("has_part", [True, False])
def test_what_a_kill_leaves_beside_a_whole_file_is_removed(target: Path, has_part: bool) -> None:
    leave(target, 3000)
    os.link(target.with_name("a.mp4.part"), target)
    if not has_part:
        target.with_name("a.mp4.part").unlink()

    assert check_target(target, "skip") == (3000, "video/mp4")

    assert files(target) == {"a.mp4"}
    assert target.read_bytes() == FILM


@pytest.mark.parametrize("note", [b"mine", None])
def test_what_is_of_another_download_is_not_removed(target: Path, note: bytes | None) -> None:
    leave(target, 1000)
    if note is not None:
        target.with_name("a.mp4.part").unlink()
        target.with_name("a.mp4.part.note").write_bytes(note)
    target.write_bytes(FILM)
    before = files(target)

    check_target(target, "skip")

    assert files(target) == before


def test_a_pipe_in_place_of_the_note_is_not_opened_either(target: Path) -> None:
    target.write_bytes(FILM)
    os.mkfifo(target.with_name("a.mp4.part.note"))

    assert check_target(target, "skip") == (3000, "video/mp4")

    assert files(target) == {"a.mp4", "a.mp4.part.note"}


def test_a_link_in_place_of_the_part_file_is_not_followed(target: Path) -> None:
    victim = target.with_name("victim")
    victim.write_bytes(b"precious")
    target.with_name("a.mp4.part").symlink_to(victim)

    with pytest.raises(OSError):
        PartFile(target, "task_1")

    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("name", ["a.mp4.part", "a.mp4.part.note"])
def test_something_else_in_place_of_the_part_file_or_note_is_an_error(
    target: Path, name: str
) -> None:
    os.mkfifo(target.with_name(name))

    with pytest.raises(OSError, match="is not a regular file"):
        PartFile(target, "task_1")

    assert stat.S_ISFIFO(target.with_name(name).stat().st_mode)


@pytest.mark.parametrize("if_exists", ["error", "overwrite", "skip"])
def test_a_pipe_under_the_path_is_never_opened(target: Path, if_exists: IfExists) -> None:
    os.mkfifo(target)

    with pytest.raises(FileExistsError, match="not a regular file"):
        check_target(target, if_exists)  # to open it would wait for a writer, for ever


@pytest.mark.parametrize("name", ["a.mp4.part", "a.mp4.part.note"])
def test_a_second_name_of_another_file_is_taken_away_and_the_file_left_alone(
    target: Path, name: str
) -> None:
    leave(target, 1000)
    victim = target.with_name("victim")
    victim.write_bytes(b"precious")
    target.with_name(name).unlink()
    os.link(victim, target.with_name(name))

    part = write(target)
    publish(part)

    assert victim.read_bytes() == b"precious"
    assert target.read_bytes() == FILM


def test_a_file_that_is_called_like_a_part_file_is_never_touched(target: Path) -> None:
    video = target.with_name("a.mp4.part")
    video.write_bytes(b"a video of its own")

    with pytest.raises(OSError, match="is not a part file"):
        PartFile(target, "task_1")

    assert files(target) == {"a.mp4.part"}
    assert video.read_bytes() == b"a video of its own"


def test_an_empty_file_is_no_video_to_keep(target: Path) -> None:
    target.touch()
    assert check_target(target, "skip") is None
    part = write(target)

    publish(part, "skip")

    assert target.read_bytes() == FILM


def test_a_file_that_appears_is_kept_by_skip(target: Path) -> None:
    part = write(target)
    target.write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        publish(part, "skip")

    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize("sizes", [(3000,), ()])
def test_a_cancelled_download_reads_no_further_and_keeps_what_is_there(
    target: Path, sizes: tuple[int, ...]
) -> None:
    leave(target, *sizes)
    target.with_name("a.mp4.part").touch()
    cancelled = threading.Event()
    part = PartFile(target, "task_1", cancelled)
    cancelled.set()

    with pytest.raises(OSError) as caught:
        part.count_missing()
    part.close()
    if sizes:
        with pytest.raises(OSError, match="cancelled"):
            PartFile(target, "task_1", cancelled)

    assert caught.value.errno == errno.ECANCELED
    assert files(target) == ({"a.mp4.part", "a.mp4.part.note"} if sizes else set())
    assert PartFile(target, "task_1").size == sum(sizes)


def test_a_part_file_that_was_just_made_does_not_stay_when_its_note_cannot_be(target: Path) -> None:
    target.with_name("a.mp4.part.note").mkdir()

    with pytest.raises(OSError, match="not a regular file"):
        PartFile(target, "task_1")

    assert files(target) == {"a.mp4.part.note"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"free", b"moov", b"mdat", b"\xff\xff\xff\xff"]), st.integers(0, 40)
        ),
        max_size=30,
    ),
    st.integers(0, 9),
)
def test_boxes_of_any_length_are_counted_in_bounded_time(
    boxes: list[tuple[bytes, int]], cut: int
) -> None:
    data = struct.pack(">I4s", 16, b"ftyp") + b"isom" + bytes(4)
    data += b"".join(struct.pack(">I4s", size, kind) + bytes(size) for kind, size in boxes)
    data = data[: len(data) - cut]
    reads = 0

    def read(position: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        return data[position : position + size]

    assert missing_bytes(read, len(data)) >= 0
    assert reads <= len(data) / 8 + 2


def test_millions_of_empty_boxes_are_not_all_read() -> None:
    head = struct.pack(">I4s", 16, b"ftyp") + b"isom" + bytes(4)
    reads = 0

    def read(position: int, size: int) -> bytes:
        nonlocal reads
        reads += 1
        return head if position == 0 else struct.pack(">I4s", 8, b"free") + bytes(8)

    assert missing_bytes(read, 1 << 40) == 0
    assert reads <= MAX_BOXES + 1


def test_after_a_full_disk_there_is_as_much_as_before(target: Path) -> None:
    part = PartFile(target, "task_1")
    part.begin(ORIGIN)
    part.write([FILM[:1000]])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            part.write([FILM[1000:2000]])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert caught.value.errno == errno.EFBIG
    assert part.size == 1000
    part.write([FILM[1000:]])
    publish(part)
    assert target.read_bytes() == FILM


def test_a_target_is_looked_at_before_anything_is_sent(target: Path) -> None:
    assert check_target(target, "error") is None
    target.write_bytes(FILM)

    assert check_target(target, "overwrite") is None
    assert check_target(target, "skip") == (3000, "video/mp4")
    with pytest.raises(FileExistsError):
        check_target(target, "error")


def test_a_dangling_link_is_in_the_way_as_well(target: Path) -> None:
    target.symlink_to("nowhere")

    for if_exists in ("error", "skip"):
        with pytest.raises(FileExistsError):
            check_target(target, if_exists)
    assert check_target(target, "overwrite") is None


@pytest.mark.parametrize("if_exists", ["error", "overwrite", "skip"])
def test_a_directory_is_no_target(tmp_path: Path, if_exists: IfExists) -> None:
    with pytest.raises(IsADirectoryError):
        check_target(tmp_path, if_exists)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="missing"):
        check_target(tmp_path / "missing" / "a.mp4", "error")


def test_a_file_that_cannot_be_moved_says_why(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        move_without_overwriting(tmp_path / "nothing", tmp_path / "a.mp4")


def test_a_note_is_plain_lines(target: Path) -> None:
    leave(target, 1000)

    lines = target.with_name("a.mp4.part.note").read_text().splitlines()

    assert json.loads(lines[0])["source"] == "task_1"
    assert json.loads(lines[1])[0] == 1000


def test_a_directory_that_cannot_be_written_to_is_found_out_at_once() -> None:
    with pytest.raises(OSError):
        check_target(Path("/proc/a.mp4"), "error")


def test_where_the_system_refuses_a_second_name_there_is_another_way(tmp_path: Path) -> None:
    """A directory can have no second name, as no file can have one on some file systems."""
    (tmp_path / "part").mkdir()

    move_without_overwriting(tmp_path / "part", tmp_path / "a.mp4")
    (tmp_path / "part").mkdir()
    with pytest.raises(FileExistsError):
        move_without_overwriting(tmp_path / "part", tmp_path / "a.mp4")

    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "part"}


def test_a_part_file_that_was_taken_away_is_not_missed(target: Path) -> None:
    part = PartFile(target, "task_1")
    target.with_name("a.mp4.part").unlink()
    target.with_name("a.mp4.part.note").rename(target.with_name("b"))
    target.with_name("a.mp4.part.note").write_bytes(b"of somebody else")

    part.close()

    assert files(target) == {"b", "a.mp4.part.note"}


def test_only_our_own_part_file_becomes_the_file(target: Path) -> None:
    part = write(target)
    target.with_name("a.mp4.part").unlink()
    target.with_name("a.mp4.part").write_bytes(b"of somebody else")

    with pytest.raises(FileNotFoundError, match="was removed"):
        publish(part, "overwrite")

    assert not target.exists()


def test_the_longest_name_there_can_be_is_a_name(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 251 + ".mp4")
    part = write(target)

    publish(part)

    assert files(target) == {target.name}
