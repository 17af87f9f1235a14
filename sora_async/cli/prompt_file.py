"""Orders from what was written: in options of ``create``, or in lines of a file for ``batch``."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from .. import InvalidArgumentError

PromptEntry = dict[str, Any]


def read_prompt(options: argparse.Namespace) -> PromptEntry:
    """
    Return the arguments of ``create_task`` that the options of ``create`` are for.

    Raises:
        InvalidArgumentError: There is no prompt, or a field cannot be read.
    """
    prompt = sys.stdin.read().strip() if options.prompt == "-" else options.prompt
    if not prompt.strip():
        raise InvalidArgumentError("--prompt: there is nothing in it")
    named = {
        "model": options.model,
        "seconds": options.seconds,
        "size": options.size,
        "input_reference": options.reference,
    }
    order: PromptEntry = {"prompt": prompt}
    order |= {name: value for name, value in named.items() if value is not None}
    for text in options.field:
        name, value = read_field(text)
        if name in {"prompt", "as_json", *named}:
            raise InvalidArgumentError(f"--field {name}: there is an option of its own for it")
        order[name] = value
    return order


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
        raise InvalidArgumentError(f"--field {name}: its value is no JSON: {error}") from error


def read_prompts(source: str) -> dict[int, PromptEntry]:
    """
    Return the orders of a file, by their lines: each a prompt or an object, in JSON.

    All of it is read before anything is ordered, so that a mistake in line 300 costs nothing.
    Empty lines are left out.

    Args:
        source: A path; "-" for stdin.

    Raises:
        InvalidArgumentError: It cannot be read; says which line it is about.
    """
    name = "stdin" if source == "-" else source
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InvalidArgumentError(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"{name}: is no text in UTF-8: {error}") from error
    orders = {
        number: _read_line(line, f"{name}, line {number}")
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    }
    if not orders:
        raise InvalidArgumentError(f"{name}: there is no order in it")
    return orders


def _read_line(line: str, where: str) -> PromptEntry:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(
            f'{where}: is no JSON: {error}. Write a prompt in quotes: "a boat at sea"'
        ) from error
    order = {"prompt": value} if isinstance(value, str) else value
    if not isinstance(order, dict):
        raise InvalidArgumentError(f"{where}: expected a prompt or an object, got {line:.80}")
    prompt = order.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidArgumentError(f'{where}: has no text as its "prompt"')
    return order
