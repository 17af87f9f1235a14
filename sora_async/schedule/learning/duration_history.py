"""
What a client learns of how long tasks take, from those it has waited for.

There is one duration model for each kind of task; a forecast is made of it on demand.
"""

import json
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from ...models.repr import brief
from .duration_model import DurationModel, TaskKind
from .forecast import MIN_ENDS, DurationForecast
from .observations import CensoredDuration

VERSION = 1
"""Of the saved form; the width of the histogram's bins is part of it."""

KINDS = 64
"""Kinds that are kept; one more replaces the one seen longest ago."""

STABLE_WEIGHT = 50.0
"""Ended tasks from which on one more changes a model little."""

ENDS_PER_FORECAST = 12
"""Ended tasks after which the forecast of such a model is made again."""


def task_kinds(
    model: str | None, size: str | None = None, seconds: float | None = None
) -> tuple[TaskKind, ...]:
    """Return the kinds a task is of, as far as is known, the widest first."""
    if size is None and seconds is None:
        return ((), (model,)) if model else ((),)
    narrow = (model or "", size or "", "" if seconds is None else f"{seconds:g}")
    return ((), narrow[:1], narrow)


@attrs.define
class _CachedForecast:
    """A forecast, and how many tasks have ended since it was made."""

    __repr__ = brief

    forecast: DurationForecast
    ends: int = 0

    def is_stale(self, record: DurationModel) -> bool:
        return self.ends >= (ENDS_PER_FORECAST if record.weight >= STABLE_WEIGHT else 1)


@attrs.define(repr=False)
class DurationHistory:
    """
    What was learned of how long tasks take, by kind of task.

    A client makes one of its own. One that is passed to a client lets it begin with
    what another has learned; it is used once a few tasks have confirmed it.

    It takes about 2 kB for each kind, of which it keeps at most 64. Old tasks fade: the
    80th before the newest weighs a third of it. It is not thread-safe of itself;
    clients take turns with theirs.
    """

    # The kind seen longest ago is the first.
    records: dict[TaskKind, DurationModel] = attrs.field(factory=dict)
    _forecasts: dict[TaskKind, _CachedForecast] = attrs.field(factory=dict, eq=False, init=False)

    def __repr__(self) -> str:
        ends = self.records[()].weight if () in self.records else 0.0
        return f"<DurationHistory of {ends:.0f} tasks, {len(self.records)} kinds>"

    def learn(self, kinds: Iterable[TaskKind], ending: CensoredDuration) -> None:
        """Learn how long a task of some kinds, the widest first, has taken."""
        if not ending.is_telling:
            return
        found: DurationForecast | None = None
        for kind in kinds:
            record = self.records.pop(kind, None) or DurationModel()
            self.records[kind] = record
            if record.weight > 0.0:
                found = self._forecast(kind, record, found)
            record.learn(ending, found)
            if kind in self._forecasts:
                self._forecasts[kind].ends += 1
        self._decay()

    def forecast(self, kinds: Iterable[TaskKind]) -> DurationForecast | None:
        """
        Return the forecast for a task of some kinds, the widest first.

        None where too little is known, or nothing of the narrowest kind: what holds
        for other kinds is not applied to a new one.
        """
        found: DurationForecast | None = None
        for kind in kinds:
            record = self.records.get(kind)
            if record is None:
                return None
            found = self._forecast(kind, record, found)
        return found if found is not None and found.weight >= MIN_ENDS else None

    def merge(self, other: "DurationHistory") -> None:
        """Learn all that another duration history has learned."""
        for kind, record in list(other.records.items()):
            mine = self.records.pop(kind, None) or DurationModel()
            mine.merge(record)
            self.records[kind] = mine
        self._forecasts.clear()
        self._decay()

    def _forecast(
        self, kind: TaskKind, record: DurationModel, wider: DurationForecast | None
    ) -> DurationForecast:
        """Return a forecast that is at most a few ended tasks old, with the trust of now."""
        found = self._forecasts.get(kind)
        if found is None or found.is_stale(record):
            found = self._forecasts[kind] = _CachedForecast(record.forecast(wider))
        elif found.forecast.trust != record.trust:
            found.forecast = attrs.evolve(found.forecast, trust=record.trust)
        return found.forecast

    def _decay(self) -> None:
        """Forget the kinds seen longest ago, but never the widest."""
        spare = [kind for kind in self.records if kind]
        for kind in spare[: max(0, len(self.records) - KINDS)]:
            del self.records[kind]
            self._forecasts.pop(kind, None)

    def save(self, path: str | Path) -> None:
        """
        Write this to a file, as JSON with a version.

        It is written to a temporary file, which then replaces the file: a reader finds
        the old content or the new one. It blocks for about a millisecond.

        Args:
            path: The file.

        Raises:
            OSError: The file cannot be written; an old one is unchanged.
        """
        target = Path(path)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            try:
                json.dump(self.to_json(), file)
            except BaseException:
                temporary.unlink()
                raise
        temporary.replace(target)

    @classmethod
    def load(cls, path: str | Path) -> "DurationHistory":
        """
        Return what a file holds, and a new duration history where there is no file.

        A damaged file, or one of another version, gives a :class:`RuntimeWarning` and a new
        duration history: the loss is some polls.

        Args:
            path: The file, as :meth:`save` writes it.

        Raises:
            OSError: The file is there and cannot be read.
        """
        try:
            saved = Path(path).read_bytes()
        except FileNotFoundError:
            return cls()
        try:
            return cls.from_json(json.loads(saved))
        except (ValueError, RecursionError) as error:
            warnings.warn(
                f"{path}: the duration history cannot be used, starting a new one ({error})",
                RuntimeWarning,
                stacklevel=2,
            )
            return cls()

    def to_json(self) -> dict[str, Any]:
        """Return the form to save, of numbers, text, lists and dicts: for ``json``."""
        kinds = [{"kind": list(kind), **one.to_json()} for kind, one in self.records.items()]
        return {"version": VERSION, "kinds": kinds}

    @classmethod
    def from_json(cls, saved: Any) -> "DurationHistory":
        """
        Return the duration history that was saved.

        Raises:
            ValueError: It is damaged, or of another version.
        """
        try:
            if saved["version"] != VERSION:
                raise ValueError(f"version {saved['version']!r}, and not {VERSION}")
            found = cls(
                {_read_kind(one["kind"]): DurationModel.from_json(one) for one in saved["kinds"]}
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"damaged: {error!r}") from error
        found._decay()
        return found


def _read_kind(saved: Any) -> TaskKind:
    if not isinstance(saved, list) or not all(isinstance(one, str) for one in saved):
        raise ValueError(f"{saved!r} is no kind")
    return tuple(saved)
