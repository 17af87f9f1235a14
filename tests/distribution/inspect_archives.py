"""
What is wrong with the archives in a folder, a line each; nothing if all is well.

``nox -s build`` runs it: ``inspect_archives.py dist again``, where *again* holds what was built
once more from the sdist.
"""

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

OF_THE_WHEEL = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
"""All that its folder ``.dist-info`` holds."""


def is_ours(name: str) -> bool:
    """Whether a wheel should hold a file of the source: code and the mark of typed code."""
    return name.startswith(("sora_async/", "pytest_sora_async/")) and name.endswith(
        (".py", "/py.typed")
    )


def compare(what: str, found: set[str], wanted: set[str]) -> Iterator[str]:
    yield from (f"{what} holds {name}, which it should not" for name in sorted(found - wanted))
    yield from (f"{what} lacks {name}" for name in sorted(wanted - found))


def compare_bytes(first: Path, again: Path) -> Iterator[str]:
    for path in sorted(first.iterdir()):
        if path.read_bytes() != (again / path.name).read_bytes():
            yield f"{path.name} has other bytes when it is built elsewhere"


def read_sdist(path: Path) -> set[str]:
    """Return the files of an sdist, without its one folder."""
    with tarfile.open(path) as archive:
        return {info.name.partition("/")[2] for info in archive if not info.isdir()}


def read_wheel(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def in_git() -> set[str] | None:
    """Return what git holds, None where it holds nothing: in an unpacked sdist."""
    if not Path(".git").exists():
        print("There is no repository here to compare the sdist with.")
        return None
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True)
    return set(listed.stdout.decode().split("\0")) - {""}


def inspect(first: Path, again: Path) -> Iterator[str]:
    [sdist], [wheel] = first.glob("*.tar.gz"), first.glob("*.whl")
    source = read_sdist(sdist)
    yield from compare("the sdist", source, (in_git() or source) | {"PKG-INFO"})
    name, version, *_ = wheel.name.split("-")
    info = {f"{name}-{version}.dist-info/{file}" for file in OF_THE_WHEEL}
    yield from compare("the wheel", read_wheel(wheel), info | set(filter(is_ours, source)))
    yield from compare_bytes(first, again)


def main(first: str, again: str) -> int:
    faults = list(inspect(Path(first), Path(again)))
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    for path in sorted(Path(first).iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
