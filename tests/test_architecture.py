"""Which package may import which, what the pure modules never touch, and what is public."""

import ast
import functools
import gc
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from support import ROOT

import sora_async
from sora_async import dialects, errors, progress, schedule, testing
from sora_async.models import detail

PACKAGE = Path(sora_async.__file__).parent

ALLOWED = {
    "models": set(),
    "errors": {"models"},
    "schedule": {"errors", "models"},
    "_wire": {"errors", "models"},
    "_http": {"_wire", "schedule", "errors", "models", "_version"},
    "_polling": {"_http", "_wire", "schedule", "errors", "models"},
    "_download": {"_polling", "_http", "_wire", "schedule", "errors", "models"},
    "_batch": {"_download", "_polling", "_http", "_wire", "schedule", "errors", "models"},
    "client": {
        *("_batch", "_download", "_polling", "_http", "_wire", "schedule", "errors", "models"),
    },
    "testing": set(),
    "integrations": {"sora_async", "_batch", "_http", "_wire", "schedule", "errors"},
    "cli": {"sora_async", "testing", "dialects", "client", "_batch", "_http", "_wire"},
}
"""Which packages each package may import from; ``sora_async`` is what the root makes public."""

ROOT_MODULES = {
    "__init__": {
        *("_version", "client", "_batch", "_download", "_polling", "_http", "_wire"),
        *("schedule", "errors", "models"),
    },
    "__main__": {"cli"},
    "_version": set(),
    "dialects": {"_wire"},
    "progress": {"cli"},
}
"""The modules of the root, and what each may import."""

PURE_PACKAGES = {"_wire", "schedule", "errors", "models"}
PURE_MODULES = {"_polling/decide.py", "_download/decide.py"}
IMPURE = {"asyncio", "aiohttp", "time", "socket", "threading", "os", "logging", "ssl", "environ"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def package_of(path: Path) -> str:
    """Return the package of a module, or the module itself where it lies in the root."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def parse(path: Path) -> ast.Module:
    """Return the syntax of a module; the collector, let in meanwhile, can break Python 3.11's."""
    gc.disable()
    try:
        return ast.parse(path.read_text("utf-8"))
    finally:
        gc.enable()


def imports(path: Path) -> Iterator[str]:
    """Yield the full names of the modules, or of the names in them, that a module imports."""
    inner = ("sora_async", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = inner[: len(inner) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def packages_imported(path: Path) -> Iterator[str]:
    """Yield the packages of ours that a module imports from, its own left out."""
    for name in imports(path):
        top, *rest = name.split(".")
        if top != "sora_async":
            continue
        first = rest[0] if rest else ""
        package = first if first in ALLOWED or first in ROOT_MODULES else "sora_async"
        if package != package_of(path):
            yield package


def test_the_packages_are_those_of_the_list() -> None:
    assert {package_of(path) for path in modules()} == {*ALLOWED, *ROOT_MODULES}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_package_imports_only_from_those_it_may(path: Path) -> None:
    allowed = {**ALLOWED, **ROOT_MODULES}[package_of(path)]

    assert set(packages_imported(path)) - allowed == set()


def test_no_two_packages_import_each_other() -> None:
    """The list above has no cycle: taking away what imports nothing left empties it."""
    left = {package: needs & {*ALLOWED} for package, needs in ALLOWED.items()}

    while free := {package for package, needs in left.items() if not needs & {*left}}:
        left = {package: needs for package, needs in left.items() if package not in free}

    assert left == {}


def rows(page: str) -> Iterator[list[str]]:
    """Yield the cells of each row of a page's list tables, each as one line."""
    for row in re.findall(r"^   \* - (.*(?:\n     .*)*)", page, re.MULTILINE):
        yield [" ".join(cell.split()) for cell in re.split(r"\n     - ?", row)]


def test_the_architecture_page_shows_what_each_package_may_import() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.rst").read_text("utf-8")

    shown = {
        cells[0].strip("`/"): set(re.findall(r"``(\w+)``", cells[2]))
        for cells in rows(page)
        if cells[0].endswith("/``")
    }

    assert shown == ALLOWED


def test_the_drawing_shows_every_package() -> None:
    drawing = (ROOT / "docs" / "_static" / "packages.svg").read_text("utf-8")

    assert set(re.findall(r'class="a-name"[^>]*>(\w+)<', drawing)) == {*ALLOWED}


@pytest.mark.parametrize("page", ["docs/explanation/architecture.rst", "CONTRIBUTING.rst"])
def test_a_file_that_a_page_names_is_there(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")

    names = set(re.findall(r"``([\w./]+/[\w.]*)``", text)) - {"dist/", "docs/_build/html"}

    assert names
    assert {
        name for name in names if not (PACKAGE / name).exists() and not (ROOT / name).exists()
    } == set()


def test_the_list_of_renames_names_what_there_is() -> None:
    page = (ROOT / "docs" / "changes-since-0.1.0.rst").read_text("utf-8")
    public = {
        *sora_async.__all__,
        *(f"testing.{name}" for name in testing.__all__),
        "integrations.redis.SharedRateLimit",
    }

    renamed = [cells for cells in rows(page) if len(cells) == 2 and cells[1] != "Now"]

    assert renamed
    assert {new for _, cell in renamed for new in re.findall("``(.+?)``", cell)} - public == set()
    assert {old.strip("`") for old, _ in renamed} & public == set()


def test_the_error_page_has_each_class_in_its_table_and_in_its_tree() -> None:
    from sora_async import errors

    page = (ROOT / "docs" / "reference" / "errors.rst").read_text("utf-8")

    table = [cells[0][len(":exc:`~sora_async.") : -1] for cells in rows(page)][1:]
    tree = re.findall(r"^((?:  )*)- :exc:`~sora_async\.(\w+)`", page, re.MULTILINE)

    assert sorted(table) == sorted(errors.__all__) == sorted(name for _, name in tree)
    path: list[str] = []
    for indent, name in tree:
        path = [*path[: len(indent) // 2], name]
        base = path[-2] if len(path) > 1 else "Exception"
        assert base in [parent.__name__ for parent in getattr(errors, name).__bases__]


def module_graph() -> dict[str, set[str]]:
    """Return which modules each module imports, by full name; a package stands for its init."""
    names = {
        ".".join(("sora_async", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in modules()
    }
    return {
        name: {
            found
            for imported in imports(path)
            for found in [imported if imported in names else imported.rpartition(".")[0]]
            if found in names and found != name
        }
        for name, path in names.items()
    }


def test_no_modules_import_each_other_in_a_cycle() -> None:
    """Packages import their own modules to make names public; that is no cycle of modules."""
    packages = {
        ".".join(("sora_async", *path.parent.relative_to(PACKAGE).parts))
        for path in modules()
        if path.name == "__init__.py"
    }
    left = {
        name: needs - packages for name, needs in module_graph().items() if name not in packages
    }

    while free := {name for name, needs in left.items() if not needs & {*left}}:
        left = {name: needs for name, needs in left.items() if name not in free}

    assert left == {}


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in modules()
        if package_of(path) in PURE_PACKAGES or path.relative_to(PACKAGE).as_posix() in PURE_MODULES
    ],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_a_pure_module_touches_no_clock_no_loop_and_no_network(path: Path) -> None:
    assert {name.partition(".")[0] for name in imports(path)} & IMPURE == set()


def test_no_two_classes_have_the_same_name() -> None:
    names = [
        node.name
        for path in modules()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef)
    ]

    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_only_the_client_reads_the_environment() -> None:
    readers = {
        package_of(path) for path in modules() if 'SORA_BASE_URL")' in path.read_text("utf-8")
    }

    assert readers == {"client"}


def test_what_is_public_is_pinned() -> None:
    """A change here is a change of the public interface: it wants a changelog fragment."""
    assert sorted(sora_async.__all__) == sorted(
        [
            *(
                "SoraClient",
                "Watch",
                "VideoTask",
                "Phase",
                "TaskFailure",
                "Cost",
                "ProgressEvent",
                "Download",
                "DownloadEvent",
                "VideoFile",
                "Until",
                "ETA",
                "Failed",
                "Outcome",
                "Succeeded",
                "BatchEvent",
                "BatchOutcome",
                "Character",
                "ClientStats",
                "Dialect",
                "RateLimit",
                "Schedule",
                "LearningSchedule",
                "DurationHistory",
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
    assert dialects.__all__ == [
        *("ARK", "DIALECTS", "GATEWAY", "GEMINI", "INWORLD", "LITELLM", "MINIMAX", "NEWAPI"),
        *("OFOX", "OPENAI", "OPENROUTER", "SGLANG", "TASKS", "UNIFIED", "VLLM", "XAI"),
        *("Dialect", "FieldSpelling"),
    ]
    assert set(schedule.__all__) == {
        *(
            "DEFAULT_SCHEDULE",
            "History",
            "Jitter",
            "LearningSchedule",
            "Outage",
            "Policy",
            "Schedule",
        ),
        *("ramp", "spread", "spread_phase"),
    }


@pytest.mark.parametrize("module", [sora_async, schedule, progress, dialects, detail, testing])
def test_what_is_public_says_that_it_is_of_the_module_it_is_imported_from(
    module: ModuleType,
) -> None:
    values = {name: getattr(module, name) for name in module.__all__}

    assert {
        name: value.__module__
        for name, value in values.items()
        if isinstance(value, type | FunctionType)
        and value.__module__ not in (module.__name__, "sora_async")
    } == {}


def test_the_root_shows_no_module_of_the_standard_library() -> None:
    modules = {name for name, value in vars(sora_async).items() if isinstance(value, ModuleType)}

    # pytest adds some of its own, whose names are no identifiers, where it rewrites assertions.
    assert {name for name in modules if name.isidentifier() and not name.startswith("__")} <= {
        *ALLOWED,
        *ROOT_MODULES,
    }
    assert {"Any", "_FunctionType", "annotations", "TYPE_CHECKING"} & {*dir(sora_async)} == set()


def test_what_is_public_beside_others_is_pinned_and_in_the_reference() -> None:
    """Read and not imported: each needs packages of its own."""
    pages = (ROOT / "docs" / "reference" / "integrations.rst").read_text("utf-8")
    folder = PACKAGE / "integrations"

    names = {
        f"{path.relative_to(folder).parts[0].removesuffix('.py')}.{name}"
        for path in (*folder.glob("[!_]*.py"), *folder.glob("[!_]*/__init__.py"))
        for name in re.findall(
            r'"(\w+)"', path.read_text("utf-8").partition("__all__ = ")[2].split("]")[0]
        )
    }

    assert names == {
        "redis.SharedRateLimit",
        *("webhooks.WebhookEvent", "webhooks.aiohttp_handler", "webhooks.asgi_app"),
        "webhooks.parse",
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


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(path.read_text("utf-8") for path in (ROOT / "docs" / "reference").glob("*.rst"))
    names = {
        *(f"sora_async.{name}" for name in sora_async.__all__ if name != "__version__"),
        *(f"sora_async.testing.{name}" for name in testing.__all__),
        "sora_async.progress.track",
    }

    assert {name for name in names if not re.search(rf":: {name}\b", pages)} == set()
