"""The one entry to every check; its tools have their settings in pyproject.toml."""

import contextlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "docs", "tests"]
# nox would fail on one under CI. Without it, a version that is not there is reported as skipped.
nox.options.error_on_missing_interpreters = False

# Workers and sessions share the bytecode of the tests: pytest takes 9 s to make that of all.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PYPROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)


def is_there(python: str) -> bool:
    """Whether a Python of this version runs; what pyenv leaves on the path may only say no."""
    with contextlib.suppress(OSError):
        return (
            subprocess.run([f"python{python}", "-c", ""], stderr=subprocess.DEVNULL).returncode == 0
        )
    return False


NEWEST = next(filter(is_there, reversed(PYTHONS)), None)

KITS = {
    "saq": (
        ("redis", "saq"),
        (
            "test_error_data.py",
            "test_redis.py",
            "test_saq.py",
            "test_webhooks.py",
            "test_webhooks_aiohttp.py",
        ),
    ),
    "arq": ((), ("test_arq.py",)),
    "frameworks": (
        (),
        (
            *("test_aiohttp_web.py", "test_celery.py", "test_fastapi.py"),
            *("test_fastapi_browser.py", "test_jupyter.py", "test_procrastinate.py"),
            "test_task_group.py",
            *("test_taskiq.py", "test_temporal.py", "test_webhooks_fastapi.py"),
        ),
    ),
}
"""
Environments for tests/integrations: the extras of the package that each installs, and its tests.
A kit without extras covers no module of the package: its tests run examples of the docs.

Each also installs the dependency group ``kit-<name>``. They are apart because they need different
versions of the same packages.
"""


EXTRAS = PYPROJECT["project"]["optional-dependencies"]

UNCOMPILED = "--no-compile"
"""For pip, where most of what is installed is never imported: the first import compiles it."""


def groups(*names: str) -> tuple[str, ...]:
    """The requirements of the dependency groups *names*."""
    return nox.project.dependency_groups(PYPROJECT, *names)


def moment_of_the_commit() -> str | None:
    """The timestamp of all files of an archive; None where there is no git, as in an sdist."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        command = ["git", "log", "-1", "--format=%ct"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return None


def pin_oldest(requirement: str) -> str:
    """Turn a requirement into a constraint to its lower bound; each of ours has one."""
    parsed = Requirement(requirement)
    [lowest] = [part.version for part in parsed.specifier if part.operator == ">="]
    return f"{parsed.name}=={lowest}" + (f"; {parsed.marker}" if parsed.marker else "")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format; ``nox -s lint -- --fix`` fixes what can be fixed."""
    fix = "--fix" in session.posargs
    session.install(*groups("lint"))
    session.run("ruff", "check", *(["--fix"] if fix else []))
    session.run("ruff", "format", *([] if fix else ["--check"]))


@nox.session
def types(session: nox.Session) -> None:
    """Check the types of the package, and those that its users see."""
    session.install(".[cli,redis,saq,speed,testing]", *groups("types"), UNCOMPILED)
    users = [path for path in ("tests/typing",) if Path(path).is_dir()]
    session.run("mypy", "--strict", "sora_async", "pytest_sora_async", *users)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the pages into docs/_build/html, test their search, read all changelog fragments."""
    session.install(".[cli,redis,saq]", *groups("docs", "test-tools"), UNCOMPILED)
    session.run("towncrier", "build", "--draft", "--version", "next")
    pages = Path("docs/_build/html").absolute()
    # From nothing: what an earlier build has kept may lack index entries in the search.
    shutil.rmtree(pages, ignore_errors=True)
    options = ["-q", "-n", "-W", "--keep-going", "-b", "html"]
    session.run("sphinx-build", *options, *session.posargs, "docs", str(pages))
    env = {"PYTHONSAFEPATH": "1"}
    # The tests build the pages themselves where others than these were asked for.
    if not session.posargs:
        env["SORA_ASYNC_TEST_PAGES"] = str(pages)
    session.run("pytest", "tests/docs", env=env)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure what polls and waits cost: more than an hour, or minutes with ``-- --quick``."""
    session.install(".[cli]", *groups("benchmarks"))
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Run a thousand waits of an hour each, in minutes; it prints how late each kind ended."""
    session.install(".", *groups("tests"), UNCOMPILED)
    options = ["-m", "soak", "-s", "-o", "faulthandler_timeout=0"]
    session.run("pytest", *options, *session.posargs, env={"PYTHONSAFEPATH": "1"})


@nox.session(python=PYTHONS[0])
def oldest(session: nox.Session) -> None:
    """Run the tests on the oldest Python, with the lower bound of all that pyproject.toml names."""
    direct = [*PYPROJECT["project"]["dependencies"], *groups("tests")]
    direct += [requirement for extra in EXTRAS.values() for requirement in extra]
    constraints = Path(session.create_tmp(), "oldest.txt")
    constraints.write_text("\n".join(map(pin_oldest, direct)), "utf-8")
    package = f".[{','.join(EXTRAS)}]"
    session.install(package, *groups("tests"), "--constraint", str(constraints))
    env = {"PYTHONSAFEPATH": "1"}
    beside = "tests/integrations"
    command = ["pytest", f"-n{os.cpu_count() or 1}", "--dist=loadfile", f"--ignore={beside}"]
    session.run(*command, *session.posargs, env=env)
    # A process of their own: others' programs do as they like with signals and loops.
    if not session.posargs:
        session.run("pytest", beside, env=env)


@nox.session(python=NEWEST)
def build(session: nox.Session) -> None:
    """Build sdist and wheel into dist/, build them once more from the sdist, and inspect both."""
    session.install(*PYPROJECT["build-system"]["requires"], *groups("build"))
    first, again = Path("dist").absolute(), Path(session.create_tmp(), "again").absolute()
    for folder in (first, again):
        shutil.rmtree(folder, ignore_errors=True)
    env = {"SOURCE_DATE_EPOCH": moment_of_the_commit()}
    command = ["python", "-m", "build", "--no-isolation", "--outdir"]
    session.run(*command, str(first), env=env)
    [sdist] = first.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(again, filter="data")
    [source] = again.iterdir()
    (source / "PKG-INFO").unlink()  # the build's own; all else is the source
    session.run(*command, str(again), str(source), env=env)
    session.run("twine", "check", "--strict", *map(str, first.iterdir()))
    session.run("python", "tests/distribution/inspect_archives.py", str(first), str(again))


@nox.session(python=NEWEST, reuse_venv=False, requires=["build"])
@nox.parametrize("extra", [nox.param(name, id=name or "none") for name in ("", *EXTRAS)])
def extras(session: nox.Session, extra: str) -> None:
    """Install the wheel with one extra, or none, where nothing else is, and use what it brings."""
    [wheel] = Path("dist").absolute().glob("*.whl")
    session.install(f"{wheel}[{extra}]" if extra else str(wheel), UNCOMPILED)
    session.run("python", "-P", "tests/distribution/use_extra.py", extra)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """
    Run the tests; ``nox -s tests-3.13 -- -k wait`` runs a few of them.

    The dependencies are the newest of the day on which the environment was made:
    ``--reuse-venv=never`` makes it anew. ``oldest`` is the other end.
    """
    session.install(".", *groups("tests"))
    # A file is one worker's, with what its tests share. The working directory stays off sys.path:
    # what is tested is what a user installs.
    command = ["pytest", f"-n{os.cpu_count() or 1}", "--dist=loadfile", *session.posargs]
    environment = {"PYTHONSAFEPATH": "1"}
    if session.python != PYTHONS[-1]:
        session.run(*command, env=environment)
        return
    # To count lines takes longer than the tests themselves: on the newest Python only.
    session.run("coverage", "erase", silent=True)
    session.run("coverage", "run", "-m", *command, env=environment)
    session.run("coverage", "combine", "--quiet")
    # A few of the tests cannot cover all; what needs others' programs is covered beside them.
    least = 0 if session.posargs else 100
    session.run("coverage", "report", f"--fail-under={least}", "--omit=*/integrations/*")


@nox.session(python=NEWEST)
@nox.parametrize("kit", list(KITS))
def integrations(session: nox.Session, kit: str) -> None:
    """Run the tests with other programs: in real time, with a real Redis, on one Python."""
    extras, files = KITS[kit]
    package = f".[{','.join(extras)}]" if extras else "."
    session.install(package, *groups("test-tools", f"kit-{kit}"), UNCOMPILED)
    tests = [str(Path("tests", "integrations", file)) for file in files]
    env = {"PYTHONSAFEPATH": "1"}
    # These wait more than they work.
    command = ["pytest", "-n", "4", *tests, *session.posargs]
    if not extras:
        session.run(*command, env=env)
        return
    session.run("coverage", "erase", silent=True)
    session.run("coverage", "run", "-m", *command, env=env)
    session.run("coverage", "combine", "--quiet")
    include = "*/sora_async/integrations/*"
    # Some lines depend on the moment at which a real Redis comes back.
    least = 0 if session.posargs else 99
    session.run("coverage", "report", f"--fail-under={least}", f"--include={include}")
