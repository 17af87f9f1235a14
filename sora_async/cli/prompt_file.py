"""Creates from the options of ``create``, or from the lines of a prompt file of ``batch``."""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import InvalidArgumentError
from .._batch.items import BatchItems
from ..client.arguments import make_task_payload
from ..dialects import Dialect

PromptEntry = dict[str, Any]

_FIELDS = {
    "prompt": "prompt",
    "model": "model",
    "seconds": "seconds",
    "size": "size",
    "reference": "input_reference",
}
"""The fields that have an option of their own, by option."""

_NOT_FIELDS = frozenset({"self", "as_json", "headers", "idempotency_key"})
"""The arguments of the client's methods that are no fields of the service."""


def read_prompt(options: argparse.Namespace) -> PromptEntry:
    """
    Return the options of ``create`` or ``remix`` as arguments of the client's method.

    Raises:
        InvalidArgumentError: There is no prompt, or a field cannot be read.
    """
    prompt = sys.stdin.read().strip() if options.prompt == "-" else options.prompt
    if not prompt.strip():
        raise InvalidArgumentError("--prompt: it is empty")
    entry: PromptEntry = {}
    for option, name in _FIELDS.items():
        if getattr(options, option, None) is not None:
            entry[name] = getattr(options, option)
    entry["prompt"] = prompt
    for text in options.field:
        name, value = read_field(text)
        for option, taken in _FIELDS.items():
            if name == taken and hasattr(options, option):
                raise InvalidArgumentError(f"--field {name}: use --{option} instead")
        # The method of "remix" takes the id of the task as an argument of its own.
        if name in _NOT_FIELDS or (name == "task_id" and options.command == "remix"):
            raise InvalidArgumentError(f"--field {name}: the command has no such field")
        entry[name] = value
    return entry


def name_option(message: str, options: argparse.Namespace) -> str:
    """
    Return a message about an argument of the client with the option that has set it.

    Args:
        message: What the client says; it begins with the argument.
        options: Those of ``create`` or ``remix``.
    """
    for option, name in _FIELDS.items():
        if getattr(options, option, None) is not None and _is_about(message, name):
            return f"--{option}{message.removeprefix(name)}"
    for text in options.field:
        name, value = read_field(text)
        if _is_about(message, name):
            hint = f". For a value in JSON write --field {name}:={value}" if _is_json(value) else ""
            return f"--field {message}{hint}"
    return message


def _is_about(message: str, name: str) -> bool:
    return re.match(rf"{re.escape(name)}(?!\w)", message) is not None


def _is_json(value: object) -> bool:
    """Return whether a text is a number, a bool or another value in JSON."""
    try:
        return isinstance(value, str) and not isinstance(json.loads(value), str)
    except ValueError:
        return False


def read_field(text: str) -> tuple[str, Any]:
    """
    Return name and value of ``NAME=TEXT`` or ``NAME:=JSON``.

    Raises:
        InvalidArgumentError: It is neither.
    """
    name, equals, value = text.partition("=")
    is_json = name.endswith(":")
    name = name.removesuffix(":").strip()
    if not equals or not name:
        raise InvalidArgumentError(f"--field {text!r}: expected NAME=TEXT or NAME:=JSON")
    if not is_json:
        return name, value
    try:
        return name, json.loads(value)
    except ValueError as error:
        raise InvalidArgumentError(f"--field {name}: its value is not JSON: {error}") from error


def read_prompts(source: str) -> dict[int, PromptEntry]:
    """
    Return the entries of a prompt file by their line numbers: each a prompt or an object, in JSON.

    Empty lines are skipped. What the entries hold is checked by :func:`check_prompts`.

    Args:
        source: A path; "-" for stdin.

    Raises:
        InvalidArgumentError: It cannot be read; the message names the line.
    """
    name = _name_source(source)
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InvalidArgumentError(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"{name}: is not UTF-8: {error}") from error
    entries = {
        number: _read_line(line, f"{name}, line {number}")
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    }
    if not entries:
        raise InvalidArgumentError(f"{name}: it has no prompt")
    return entries


def check_prompts(entries: Mapping[int, PromptEntry], source: str, dialect: Dialect) -> None:
    """
    Check all entries before the first create is sent: a mistake in line 300 costs nothing.

    Files that an entry names are not opened.

    Raises:
        InvalidArgumentError: An entry cannot be created; the message names the line.
    """
    items = BatchItems(Path())
    for number, entry in entries.items():
        try:
            make_task_payload(dialect, items.add(entry).arguments)
        except InvalidArgumentError as error:
            where = f"{_name_source(source)}, line {number}"
            raise InvalidArgumentError(f"{where}: {error}") from error


def _name_source(source: str) -> str:
    return "stdin" if source == "-" else source


def _read_line(line: str, where: str) -> PromptEntry:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(
            f'{where}: is not JSON: {error}. Write a prompt in quotes: "a boat at sea"'
        ) from error
    entry = {"prompt": value} if isinstance(value, str) else value
    if not isinstance(entry, dict):
        raise InvalidArgumentError(f"{where}: expected a prompt or an object, got {line:.80}")
    prompt = entry.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidArgumentError(f'{where}: "prompt" is missing or no text')
    return entry
