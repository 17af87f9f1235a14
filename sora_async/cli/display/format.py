"""Numbers and texts for one line of output; text from a server is made harmless."""

import unicodedata


def clean(text: str) -> str:
    """
    Return a text as one line that cannot steer a terminal.

    Line breaks, escapes, other control characters and those that change the direction of writing
    become spaces; runs of spaces become one.
    """
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def measure(text: str) -> int:
    """Return the columns that a text takes on a terminal: East Asian characters take two."""
    return sum(map(_measure_char, text))


def _measure_char(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shorten(text: str, width: int) -> str:
    """Return a text cut in its middle to a number of columns: ids differ at both ends."""
    if measure(text) <= width:
        return text
    end = (width - 1) // 2
    tail = _take(text[::-1], end)[::-1]
    return f"{_take(text, width - 1 - end)}…{tail}"


def truncate(text: str, width: int) -> str:
    """Return a text cut at its end to a number of columns: a prompt begins with its subject."""
    return text if measure(text) <= width else f"{_take(text, width - 1).rstrip()}…"


def _take(text: str, width: int) -> str:
    """Return as much of the beginning of a text as fits."""
    index = 0
    while measure(text[: index + 1]) <= width:
        index += 1
    return text[:index]


def format_seconds(seconds: float) -> str:
    """Return a duration as ``12.3 s``, and from a minute on as ``4:26`` or ``1:04:26``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def format_duration(seconds: float) -> str:
    """Return a duration as options have it: ``1h30m``, ``45s`` or ``2.5s``."""
    if not seconds.is_integer():
        return f"{seconds:.15g}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def format_percent(part: float | None) -> str:
    """Return a fraction as ``45%``, rounded down: 100 % is only shown at the end."""
    return "" if part is None else f"{int(part * 100 + 1e-9)}%"


def format_size(size: float) -> str:
    """Return a number of bytes as ``12.3 MB``, in powers of 1000."""
    unit, factor = _find_unit(size)
    return f"{size / factor:.0f} {unit}" if unit == "B" else f"{size / factor:.1f} {unit}"


def format_received(received: int, total: int | None) -> str:
    """Return how much of a file was received, as ``12.3 of 45.6 MB``."""
    if total is None:
        return format_size(received)
    unit, factor = _find_unit(total)
    digits = 0 if unit == "B" else 1
    return f"{received / factor:.{digits}f} of {total / factor:.{digits}f} {unit}"


def _find_unit(size: float) -> tuple[str, float]:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return unit, factor
    return "B", 1.0


def count(number: int, thing: str) -> str:
    """Return a number of things: ``1 task``, ``3 tasks``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def format_line(elapsed: float, name: str, state: str, progress: float | None, note: str) -> str:
    """Return what is known of a task as one plain line."""
    line = f"{elapsed:7.1f} s  {name}  {state:<11}  {format_percent(progress):>4}  {note}"
    return line.rstrip()
