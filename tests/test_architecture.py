"""The rooms of the house: who may import whom, and what the pure rooms never touch."""

import ast
import functools
import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sora_async
from sora_async import testing

PACKAGE = Path(sora_async.__file__).parent

ROOMS = (
    "_version",
    "_units",
    "_numbers",
    "_reprs",
    "detail",
    "models",
    "errors",
    "dialects",
    "learning",
    "schedule",
    "_outages",
    "verdict",
    "budget",
    "_wire",
    "_origins",
    "_errand",
    "_course",
    "_transfer",
    "_refusals",
    "_notes",
    "_structure",
    "_plain",
    "_checks",
    "_saving",
    "_upload",
    "_body",
    "_limits",
    "_sessions",
    "_transport",
    "_stream",
    "_disk",
    "_making",
    "_slots",
    "_transfers",
    "_shelf",
    "_fetcher",
    "_entry",
    "_lessons",
    "_poller",
    "_wakes",
    "_events",
    "_birth",
    "_watch",
    "_download",
    "_many",
    "_addresses",
    "_pace",
    "_home",
    "_homes",
    "_asks",
    "_creates",
    "_journal",
    "_jobs",
    "_fates",
    "_news",
    "_doubts",
    "_buyer",
    "_batch",
    "_saves",
    "client",
    "__init__",
    "progress",
    "testing",
    "cli",
    "integrations",
    "__main__",
)
"""From the innermost to the door: a room imports only from rooms before it."""

PURE = ROOMS[: ROOMS.index("_checks") + 1]
IMPURE_MODULES = {"asyncio", "aiohttp", "time", "socket", "threading", "os", "logging"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@functools.cache
def parse(path: Path) -> ast.Module:
    """Return the syntax of a module; the collector, let in meanwhile, can break Python 3.11's."""
    gc.disable()
    try:
        return ast.parse(path.read_text("utf-8"))
    finally:
        gc.enable()


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield what a module imports: ("ours", room) or ("foreign", top-level module)."""
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == depth:
            inner = [node.module] if node.module else [alias.name for alias in node.names]
            names = [f"sora_async.{name}" for name in inner]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue  # a neighbour in the same room, or no import
        for name in names:
            top, _, rest = name.partition(".")
            room = rest.partition(".")[0]
            if top == "sora_async":
                yield "ours", room if room in ROOMS else "__init__"
            else:
                yield "foreign", top


def is_for_types_only(path: Path, room: str) -> bool:
    """Of later types only one is named there, for a checker: a wait's event may hold an error."""
    return room_of(path) == "models" and room == "errors"


def is_at_first_use(path: Path, room: str) -> bool:
    """What no poll has need of is read from a task's answer, or made plain, when asked for."""
    return room_of(path) == "models" and room in {"_structure", "_plain", "_wire"}


def test_every_module_is_in_a_room() -> None:
    assert {room_of(path) for path in modules()} <= {*ROOMS, "py.typed"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_before_it(path: Path) -> None:
    own = ROOMS.index(room_of(path))

    later = [
        room
        for kind, room in imports(path)
        if kind == "ours" and ROOMS.index(room) > own
        if not is_for_types_only(path, room) and not is_at_first_use(path, room)
    ]

    assert later == []


@pytest.mark.parametrize(
    "path", [path for path in modules() if room_of(path) in PURE], ids=lambda path: path.stem
)
def test_a_pure_room_touches_no_clock_no_loop_and_no_network(path: Path) -> None:
    assert not {name for kind, name in imports(path) if kind == "foreign"} & IMPURE_MODULES


def test_only_the_client_reads_the_environment() -> None:
    readers = {room_of(path) for path in modules() if 'SORA_BASE_URL")' in path.read_text("utf-8")}

    assert readers == {"client"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_and_its_functions_can_be_read_in_one_go(path: Path) -> None:
    text = path.read_text("utf-8")
    functions = [
        node
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert len(text.splitlines()) <= LONGER_MODULES.get(path.name, LONGEST_MODULE)
    long = {node.name for node in functions if code_lines(node) > LONGEST_FUNCTION}
    assert long == set()


LONGEST_MODULE = 300
LONGER_MODULES = {
    "_poller.py": 360,  # one machine: what wakes it, what it asks and whom it tells hang together
    "_watch.py": 360,  # one protocol: awaited, iterated, left and timed out, in any order
    "budget.py": 340,  # the arithmetic of one rate, of which no half says anything by itself
}
LONGEST_FUNCTION = 32


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function's body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_what_is_public_is_pinned() -> None:
    """A change here is a change of the public interface: it wants a changelog fragment."""
    from sora_async import detail, dialects, errors, progress, schedule

    assert sorted(sora_async.__all__) == sorted(
        [
            *(
                "SoraClient",
                "Watch",
                "VideoTask",
                "Phase",
                "TaskFailure",
                "ProgressEvent",
                "Download",
                "DownloadEvent",
                "VideoFile",
                "Until",
                "Outcome",
                "BatchEvent",
                "BatchOutcome",
                "Character",
                "Dialect",
                "Budget",
                "Schedule",
                "LearningSchedule",
                "Memory",
                "load_memory",
                "save_memory",
            ),
            *errors.__all__,
            "__version__",
        ]
    )
    assert all(hasattr(sora_async, name) for name in sora_async.__all__)
    assert detail.__all__ == [
        *("Detail", "DraftInfo", "Encoding", "Generation", "InpaintItem", "ModerationResult"),
        *("PendingInfo", "TaskInput"),
    ]
    assert progress.__all__ == ["track"]
    assert dialects.__all__ == ["DIALECTS", "OPENAI", "OPENROUTER", "UNIFIED", "Dialect"]
    assert set(schedule.__all__) == {
        *("DEFAULT_SCHEDULE", "History", "Jitter", "LearningSchedule", "Policy", "Schedule"),
        *("ramp", "spread", "spread_phase"),
    }


def test_what_is_public_beside_others_is_pinned_and_in_the_reference() -> None:
    """Read and not imported: each needs packages of its own."""
    pages = (PAGE.parent.parent / "reference" / "integrations.rst").read_text("utf-8")
    rooms = PACKAGE / "integrations"

    names = {
        f"{path.relative_to(rooms).parts[0].removesuffix('.py')}.{name}"
        for path in (*rooms.glob("[!_]*.py"), *rooms.glob("[!_]*/__init__.py"))
        for name in re.findall(
            r'"(\w+)"', path.read_text("utf-8").partition("__all__ = ")[2].split("]")[0]
        )
    }

    assert names == {
        "redis.SharedBudget",
        *("saq.VideoQueue", "saq.create_job", "saq.read_outcome", "saq.wait_job"),
        "saq.worker_settings",
    }
    assert {name for name in names if f":: sora_async.integrations.{name}\n" not in pages} == set()


@pytest.mark.parametrize("name", sora_async.__all__)
def test_everything_public_has_a_docstring(name: str) -> None:
    value = getattr(sora_async, name)
    if not isinstance(value, type):
        return
    assert value.__doc__
    for member, inner in vars(value).items():
        if callable(inner) and not member.startswith("_"):
            assert inner.__doc__, f"{name}.{member}"


PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "architecture.rst"


def rooms_on_the_page() -> Iterator[tuple[str, set[str]]]:
    """Yield each room of the page's table, with the packages that it may import."""
    row = re.compile(r"^   \* - ``([\w/.]+)``\n     - .*\n     -(.*)$", re.MULTILINE)
    for name, packages in row.findall(PAGE.read_text("utf-8")):
        yield name, set(re.findall(r"``(\w+)``", packages))


def test_the_page_shows_the_rooms_in_their_order() -> None:
    files = [f"{room}/" if (PACKAGE / room).is_dir() else f"{room}.py" for room in ROOMS]

    assert [name for name, _ in rooms_on_the_page()] == files


def test_the_page_names_the_packages_that_each_room_imports() -> None:
    plain = sys.stdlib_module_names - IMPURE_MODULES
    for name, packages in rooms_on_the_page():
        room = name.rstrip("/").removesuffix(".py")
        inner = [path for path in modules() if room_of(path) == room]
        used = {top for path in inner for kind, top in imports(path) if kind == "foreign"}
        assert used - plain == packages, name


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(
        path.read_text("utf-8") for path in (PAGE.parent.parent / "reference").glob("*.rst")
    )
    names = {
        *(f"sora_async.{name}" for name in sora_async.__all__ if name != "__version__"),
        *(f"sora_async.testing.{name}" for name in testing.__all__),
        "sora_async.progress.track",
    }

    assert {name for name in names if not re.search(rf":: {name}\b", pages)} == set()
