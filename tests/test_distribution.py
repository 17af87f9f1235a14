"""What is shipped: what it needs, and what not. ``nox -s build extras`` look at the wheel."""

import json
import runpy
import tomllib
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support import ROOT, run_python

import sora_async

PACKAGE = Path(sora_async.__file__).parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]

IMPORT_WITHOUT = """
import importlib, json, sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        is_missing = name.partition(".")[0] in blocked
        return None if is_missing else self.finder.find_spec(name, path, target)

doors, blocked = json.load(sys.stdin)
sys.meta_path[:] = map(Without, sys.meta_path)
for door in doors:
    importlib.import_module(door)
"""


def doors() -> list[str]:
    """Return the modules that anybody may import, whatever is installed beside the package."""
    names = {path.stem for path in PACKAGE.iterdir() if path.stem[0] not in "_."}
    return [
        "sora_async",
        *(f"sora_async.{name}" for name in sorted(names - {"integrations", "py"})),
        *("sora_async.__main__", "sora_async.integrations", "sora_async.testing.__main__"),
    ]


def needed(*names: str) -> set[str]:
    """Return the distributions that come with some, and they themselves."""
    found: set[str] = set()
    left = [canonicalize_name(name) for name in names]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        try:
            inner = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:  # not for this platform
            continue
        left += [
            canonicalize_name(one.name)
            for one in inner
            if one.marker is None or one.marker.evaluate({"extra": ""})
        ]
    return found


def not_needed() -> set[str]:
    """Return the modules that are installed here, and are not where only the package is."""
    ours = needed("sora-async")
    return {
        module
        for module, names in packages_distributions().items()
        if not ours & set(map(canonicalize_name, names))
    }


def requirements() -> list[tuple[str, str]]:
    """Return all that pyproject.toml names, each with where it stands."""
    groups = PYPROJECT["dependency-groups"]
    named = {"dependencies": PROJECT["dependencies"], **EXTRAS, **groups}
    return [
        (where, text) for where, inner in named.items() for text in inner if isinstance(text, str)
    ]


def test_no_door_needs_an_extra() -> None:
    # What counts the lines of a process is in it before all else.
    blocked = sorted(not_needed() - {"coverage"})

    done = run_python(IMPORT_WITHOUT, input=json.dumps([doors(), blocked]), timeout=30)

    assert "rich" in blocked
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_wait_has_no_need_of_is_not_imported_with_the_package() -> None:
    later = ["cattrs", "sora_async._batch.batch"]
    later += [
        f"sora_async._download.{module}" for module in ("http_stream", "part_file", "transfer")
    ]
    later += ["sora_async.models.detail_decoder"]
    check = f"import sys, sora_async; print(sorted({{*sys.modules}} & {{*{later}}}))"

    done = run_python(check, timeout=30)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_every_extra_is_used_alone_by_a_session() -> None:
    script = runpy.run_path(str(ROOT / "tests" / "distribution" / "use_extra.py"))

    assert set(script["USES"]) == {"", *EXTRAS} == set(script["BRINGS"])


@pytest.mark.parametrize(("where", "text"), requirements())
def test_a_requirement_has_a_lower_bound_to_test_and_no_other(where: str, text: str) -> None:
    """An upper bound would keep users from versions that may well do, or mend something."""
    assert [part.operator for part in Requirement(text).specifier] == [">="]


def test_a_package_has_one_lower_bound_wherever_it_is_named() -> None:
    bounds: dict[str, set[str]] = defaultdict(set)
    for _, text in requirements():
        bounds[Requirement(text).name].add(str(Requirement(text).specifier))

    assert {name: versions for name, versions in bounds.items() if len(versions) > 1} == {}


def test_the_package_says_that_it_is_typed_and_whose_it_is() -> None:
    assert (PACKAGE / "py.typed").read_bytes() == b""
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert (PROJECT["license"], PROJECT["license-files"]) == ("MIT", ["LICENSE"])
    # A licence has one place: indexes refuse a classifier beside the expression.
    assert not [text for text in PROJECT["classifiers"] if text.startswith("License ::")]


def test_the_oldest_python_is_the_first_that_is_tested() -> None:
    tested = [
        text.rpartition(" ")[2]
        for text in PROJECT["classifiers"]
        if text.startswith("Programming Language :: Python :: 3.")
    ]

    assert PROJECT["requires-python"] == f">={tested[0]}"
