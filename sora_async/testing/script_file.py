"""A script file, which says what the command ``python -m sora_async.testing`` serves."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from .answers.answer import Answer, ScenarioRun
from .profiles.task_state import CreateCall, FilePlace, Shape
from .scenario import Scenario, Script
from .script_decoder import FieldPath, ScriptError, decode
from .server.create_reader import ECHOED_FIELDS
from .server.random_faults import RandomFaults
from .webhooks import Webhooks


@attrs.frozen(kw_only=True)
class ScriptedTask:
    """
    One task: *scenario* or *script*, or neither for the default scenario.

    Attributes:
        id: The id; None means the next free one.
        scenario: What it goes through by the clock.
        script: The answers to its polls.
        start: Whether a scenario starts when the task is made, or with its first poll.
        downloads: The answers to downloads of its file, at each place; a place that is missing
            serves a small video.
        model: What responses repeat, as the next three; None means the fake's default.
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
    def create(self) -> CreateCall:
        """What it was created with."""
        given: Any = {name: getattr(self, name) for name in ECHOED_FIELDS}
        return CreateCall(**{name: value for name, value in given.items() if value is not None})

    def make_scenario(self, default: Scenario, speed: float) -> ScenarioRun:
        """Return its script, or its scenario *speed* times as fast."""
        if self.script:
            return Script(tuple(self.script))
        return (self.scenario or default).faster(speed)


@attrs.frozen(kw_only=True)
class ScriptedOutcome:
    """What becomes of creates whose prompt contains a text: a scenario, or else an answer."""

    scenario: Scenario | None = None
    answer: Answer | None = None

    def __attrs_post_init__(self) -> None:
        if (self.scenario is None) == (self.answer is None):
            raise ValueError("an outcome is a scenario or an answer")

    def make(self, speed: float) -> Scenario | Answer:
        """Return the answer, or the scenario *speed* times as fast."""
        if self.answer is not None:
            return self.answer
        assert self.scenario is not None, "it has one of both"
        return self.scenario.faster(speed)


@attrs.frozen(kw_only=True)
class ScriptedCharacter:
    """A character at the start; without an *id* it gets the next free one."""

    name: str
    id: str | None = None


@attrs.frozen(kw_only=True)
class ScriptFile:
    """
    The content of a script file. A field that is None, or missing, is the command's default.

    Attributes:
        shape: The kind of server, as ``--shape``.
        api_key: The key that requests must send, as ``--api-key``.
        speed: How much faster scenarios run, as ``--speed``.
        random_faults: Random faults, as ``--random-faults`` and ``--seed``.
        default_scenario: The scenario of created tasks, and of tasks below without one.
        unknown_status: The status of the response about an unknown id.
        outcomes: What becomes of creates, by a text in the prompt; None means the fake's default.
        create_encoding: The only encoding that creates are accepted in.
        deduplicates: Whether creates with the same ``Idempotency-Key`` make one task.
        cut_creates_every: The connection of each n-th create is reset after its task was made.
        webhooks: When webhooks are sent, and how they are signed.
        creates: The answers to the next creates.
        characters: The characters at the start.
        tasks: The tasks at the start.
    """

    shape: Shape | None = None
    api_key: str | None = None
    speed: float | None = None
    random_faults: RandomFaults | None = None
    default_scenario: Scenario | None = None
    unknown_status: Literal[400, 404] | None = None
    outcomes: Mapping[str, ScriptedOutcome] | None = None
    create_encoding: Literal["form", "json"] | None = None
    deduplicates: bool | None = None
    cut_creates_every: int | None = None
    webhooks: Webhooks | None = None
    creates: Sequence[Answer] = ()
    characters: Sequence[ScriptedCharacter] = ()
    tasks: Sequence[ScriptedTask] | None = None

    def __attrs_post_init__(self) -> None:
        if self.speed is not None and not 0.0 < self.speed < float("inf"):
            raise ValueError("a speed is more than 0")
        ids = [task.id for task in self.tasks or () if task.id is not None]
        for each in ids:
            if ids.count(each) > 1:
                raise ValueError(f"there are two tasks with the id {each!r}")

    def make_outcomes(self, speed: float) -> Mapping[str, Scenario | Answer] | None:
        """Return what becomes of creates, scenarios *speed* times as fast; None: the default."""
        if self.outcomes is None:
            return None
        return {text: outcome.make(speed) for text, outcome in self.outcomes.items()}


def load_script(path: Path) -> ScriptFile:
    """
    Read a script file: JSON where its name ends in ``.json``, and YAML otherwise.

    Raises:
        ValueError: It is not a valid script; the text begins with the file and, where it is known,
            the line.
        OSError: The file cannot be read.
        ImportError: It is YAML, and PyYAML is not installed.
    """
    lines: dict[FieldPath, int] = {}
    try:
        text = path.read_text("utf-8")
        data = _parse_json(text) if path.suffix == ".json" else _parse_yaml(text, lines)
    except ScriptError as error:
        raise ValueError(f"{path}:{error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: it is not in UTF-8") from error
    except RecursionError as error:
        raise ValueError(f"{path}: it is nested too deeply") from error
    try:
        script: ScriptFile = decode({} if data is None else data, ScriptFile)
    except ScriptError as error:
        line = _find_line(error.path, lines)
        raise ValueError(f"{path}{line}: {error}") from error
    return script


def _find_line(path: FieldPath, lines: Mapping[FieldPath, int]) -> str:
    """Return the line of a value, or of the nearest one around it."""
    for end in range(len(path), -1, -1):
        if path[:end] in lines:
            return f":{lines[path[:end]]}"
    return ""


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_check_unique)
    except json.JSONDecodeError as error:
        raise ScriptError((), f"{error.lineno}: {error.msg}") from error


def _check_unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ScriptError((), f" the field {name!r} is there twice")
    return dict(pairs)


def _parse_yaml(text: str, lines: dict[FieldPath, int]) -> Any:
    """Return the data of *text*, and store the line of each value in *lines*."""
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        top = loader.get_single_node()
        return None if top is None else _build(loader, top, (), lines, ())
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ScriptError((), f"{line}: a character that cannot be here") from error
    except yaml.MarkedYAMLError as error:
        # There always is a mark in what parser, composer and constructor of a text raise.
        mark: Any = error.problem_mark
        raise ScriptError((), f"{mark.line + 1}: {error.problem}") from error


def _build(
    loader: Any, node: Any, path: FieldPath, lines: dict[FieldPath, int], above: tuple[Any, ...]
) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if node in above:
        raise ScriptError((), f"{line}: this is inside itself")
    above = (*above, node)
    if node.id == "sequence":
        return [
            _build(loader, each, (*path, number), lines, above)
            for number, each in enumerate(node.value)
        ]
    if node.id == "scalar":
        try:
            return loader.construct_object(node)
        except ValueError as error:  # such as a date in a thirteenth month
            raise ScriptError((), f"{line}: {error}") from error
    built: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _build(loader, key_node, (), lines, above)
        key_line = key_node.start_mark.line + 1
        if isinstance(key, dict | list):
            raise ScriptError((), f"{key_line}: a name is text")
        if key in built:
            raise ScriptError((), f"{key_line}: the field {key!r} is there twice")
        lines[(*path, key)] = key_line
        built[key] = _build(loader, value_node, (*path, key), lines, above)
    return built
