"""What the command is told before it starts: a script file, as one value."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from .answers.answer import Answer
from .answers.random_faults import RandomFaults
from .scenario import Scenario, ScenarioRun, Script
from .script_reader import MisreadError, Place, read
from .servers.task_state import CreateCall, FilePlace, Shape


@attrs.frozen(kw_only=True)
class ScriptedTask:
    """
    One task: *scenario* or *script*, or neither for the default scenario.

    Attributes:
        id: The id; None means the next of a row.
        scenario: What it goes through by the clock.
        script: What it is answered, poll by poll.
        start: Whether a life begins when the task is made, or with its first poll.
        downloads: What its file is answered, one download after the other, at each place; a
            place that is missing serves a small video.
        model: What replies repeat, as the next three; None is what the fake says by itself.
    """

    id: str | None = None
    scenario: Scenario | None = None
    script: Sequence[Answer] | None = None
    start: Literal["now", "first_poll"] = "now"
    downloads: Mapping[FilePlace, Sequence[Answer]] = attrs.Factory(dict)
    model: str | None = None
    prompt: str | None = None
    seconds: str | None = None
    size: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.scenario is not None and self.script is not None:
            raise ValueError("a task has a scenario or a script, not both")
        scripts = [*self.downloads.values(), *([] if self.script is None else [self.script])]
        if not all(scripts):
            raise ValueError("a script is one or more answers")
        if self.id == "":
            raise ValueError("an id is not empty")

    @property
    def order(self) -> CreateCall:
        """What it was asked for."""
        given = {"model": self.model, "prompt": self.prompt}
        given |= {"seconds": self.seconds, "size": self.size}
        named: Any = {name: value for name, value in given.items() if value is not None}
        return CreateCall(**named)

    def course(self, default: Scenario, speed: float) -> ScenarioRun:
        """Return what it goes through, *speed* times as fast where it goes by the clock."""
        return (
            Script(tuple(self.script)) if self.script else (self.scenario or default).faster(speed)
        )


@attrs.frozen(kw_only=True)
class ScriptFile:
    """
    A script file. A field that is None, or missing, is as the command has it by itself.

    Attributes:
        shape: The kind of server, as ``--shape``.
        api_key: The key to ask for, as ``--api-key``.
        speed: How much faster lives are lived, as ``--speed``.
        random_faults: Faults by chance, as ``--random-faults`` and ``--seed``.
        default_scenario: The life of created tasks, and of those below without one.
        unknown_status: How an unknown id is answered.
        creates: What the next creates are answered.
        tasks: The tasks that are there from the start.
    """

    shape: Shape | None = None
    api_key: str | None = None
    speed: float | None = None
    random_faults: RandomFaults | None = None
    default_scenario: Scenario | None = None
    unknown_status: Literal[400, 404] | None = None
    creates: Sequence[Answer] = ()
    tasks: Sequence[ScriptedTask] | None = None

    def __attrs_post_init__(self) -> None:
        if self.speed is not None and not 0.0 < self.speed < float("inf"):
            raise ValueError("a speed is more than 0")
        ids = [task.id for task in self.tasks or () if task.id is not None]
        for each in ids:
            if ids.count(each) > 1:
                raise ValueError(f"there are two tasks with the id {each!r}")


def load_script(path: Path) -> ScriptFile:
    """
    Read a script file: JSON where its name ends in ``.json``, and YAML otherwise.

    Raises:
        ValueError: It cannot be read as a plan; the text begins with the file and, where it is
            known, the line.
        OSError: It cannot be read at all.
        ImportError: It is YAML, and PyYAML is not installed.
    """
    lines: dict[Place, int] = {}
    try:
        text = path.read_text("utf-8")
        data = _parse_json(text) if path.suffix == ".json" else _parse_yaml(text, lines)
    except MisreadError as error:
        raise ValueError(f"{path}:{error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: it is not in UTF-8") from error
    except RecursionError as error:
        raise ValueError(f"{path}: it is nested too deeply") from error
    try:
        plan: ScriptFile = read({} if data is None else data, ScriptFile)
    except MisreadError as error:
        line = _find_line(error.place, lines)
        raise ValueError(f"{path}{line}: {error}") from error
    return plan


def _find_line(place: Place, lines: Mapping[Place, int]) -> str:
    """Return the line of a place, or of the nearest one around it."""
    for end in range(len(place), -1, -1):
        if place[:end] in lines:
            return f":{lines[place[:end]]}"
    return ""


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_refuse_doubles)
    except json.JSONDecodeError as error:
        raise MisreadError((), f"{error.lineno}: {error.msg}") from error


def _refuse_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise MisreadError((), f" the field {name!r} is there twice")
    return dict(pairs)


def _parse_yaml(text: str, lines: dict[Place, int]) -> Any:
    """Return what YAML says, and note in *lines* where each value stands."""
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        top = loader.get_single_node()
        return None if top is None else _build(loader, top, (), lines, ())
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise MisreadError((), f"{line}: a character that cannot be here") from error
    except yaml.MarkedYAMLError as error:
        # There always is a mark in what parser, composer and constructor of a text raise.
        mark: Any = error.problem_mark
        raise MisreadError((), f"{mark.line + 1}: {error.problem}") from error


def _build(
    loader: Any, node: Any, place: Place, lines: dict[Place, int], above: tuple[Any, ...]
) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if node in above:
        raise MisreadError((), f"{line}: this is inside itself")
    above = (*above, node)
    if node.id == "sequence":
        return [
            _build(loader, each, (*place, number), lines, above)
            for number, each in enumerate(node.value)
        ]
    if node.id == "scalar":
        try:
            return loader.construct_object(node)
        except ValueError as error:  # such as a date in a thirteenth month
            raise MisreadError((), f"{line}: {error}") from error
    built: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _build(loader, key_node, (), lines, above)
        key_line = key_node.start_mark.line + 1
        if isinstance(key, dict | list):
            raise MisreadError((), f"{key_line}: a name is text")
        if key in built:
            raise MisreadError((), f"{key_line}: the field {key!r} is there twice")
        lines[(*place, key)] = key_line
        built[key] = _build(loader, value_node, (*place, key), lines, above)
    return built
