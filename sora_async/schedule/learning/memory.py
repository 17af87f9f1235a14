"""
What a client learns from the tasks it has waited for.

One record for each kind of task; an outlook is made of a record when somebody asks for it.
"""

from collections.abc import Iterable
from typing import Any

import attrs

from ...models.repr import brief
from .duration_model import DurationModel, TaskKind
from .forecast import MIN_ENDS, DurationForecast
from .observations import CensoredDuration

VERSION = 1
"""Of the saved form; the width of the ruler's bins is part of it."""

KINDS = 64
"""How many kinds are remembered; of one more, the one seen longest ago is forgotten."""

SETTLED = 50.0
"""Of a record that rests on so many ends, one more changes little."""

PATIENT = 12
"""How many ends a settled record takes in before its outlook is made anew."""


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
    """An outlook, and how many ends came since it was made."""

    __repr__ = brief

    forecast: DurationForecast
    ends: int = 0

    def is_stale(self, record: DurationModel) -> bool:
        return self.ends >= (PATIENT if record.weight >= SETTLED else 1)


@attrs.define(repr=False)
class DurationHistory:
    """
    All that was learned of how long tasks take, by kind.

    A client makes one of its own; to hand one in lets it begin with what another
    has learned, once its first tasks have borne that out.

    It is small (some 2 kB for each kind, of which there are at most 64) and fades: an
    end that lies 80 ends back weighs a third of the newest. It is not made for
    several threads; clients see to it that theirs take turns.
    """

    # The kind seen longest ago is the first.
    records: dict[TaskKind, DurationModel] = attrs.field(factory=dict)
    _forecasts: dict[TaskKind, _CachedForecast] = attrs.field(factory=dict, eq=False, init=False)

    def __repr__(self) -> str:
        ends = self.records[()].weight if () in self.records else 0.0
        return f"<Memory of {ends:.0f} ends, {len(self.records)} kinds>"

    def learn(self, kinds: Iterable[TaskKind], ending: CensoredDuration) -> None:
        """Take in how a task of some kinds has ended, the widest kind first."""
        if not ending.is_telling:
            return
        found: DurationForecast | None = None
        for kind in kinds:
            record = self.records.pop(kind, None) or DurationModel()
            self.records[kind] = record
            if record.weight > 0.0:
                found = self._outlook(kind, record, found)
            record.learn(ending, found)
            if kind in self._forecasts:
                self._forecasts[kind].ends += 1
        self._forget()

    def forecast(self, kinds: Iterable[TaskKind]) -> DurationForecast | None:
        """
        Return what to expect of a task of some kinds, the widest first.

        None where too little is known, or nothing of the narrowest kind: what holds
        for others must prove itself for it first.
        """
        found: DurationForecast | None = None
        for kind in kinds:
            record = self.records.get(kind)
            if record is None:
                return None
            found = self._outlook(kind, record, found)
        return found if found is not None and found.weight >= MIN_ENDS else None

    def merge(self, other: "DurationHistory") -> None:
        """Learn all that another memory has learned."""
        for kind, record in list(other.records.items()):
            mine = self.records.pop(kind, None) or DurationModel()
            mine.merge(record)
            self.records[kind] = mine
        self._forecasts.clear()
        self._forget()

    def _outlook(
        self, kind: TaskKind, record: DurationModel, elder: DurationForecast | None
    ) -> DurationForecast:
        """Return an outlook of now, or of a few ends ago, but with the trust of now."""
        found = self._forecasts.get(kind)
        if found is None or found.is_stale(record):
            found = self._forecasts[kind] = _CachedForecast(record.forecast(elder))
        elif found.forecast.trust != record.trust:
            found.forecast = attrs.evolve(found.forecast, trust=record.trust)
        return found.forecast

    def _forget(self) -> None:
        """Forget the kinds seen longest ago, but never the widest."""
        spare = [kind for kind in self.records if kind]
        for kind in spare[: max(0, len(self.records) - KINDS)]:
            del self.records[kind]
            self._forecasts.pop(kind, None)

    def to_json(self) -> dict[str, Any]:
        """Return the form to save, of numbers, text, lists and dicts: for ``json``."""
        kinds = [{"kind": list(kind), **one.to_json()} for kind, one in self.records.items()]
        return {"version": VERSION, "kinds": kinds}

    @classmethod
    def from_json(cls, saved: Any) -> "DurationHistory":
        """
        Return the memory that was saved.

        Raises:
            ValueError: It is damaged, or of another version.
        """
        try:
            if saved["version"] != VERSION:
                raise ValueError(f"version {saved['version']!r}, and not {VERSION}")
            memory = cls(
                {_read_kind(one["kind"]): DurationModel.from_json(one) for one in saved["kinds"]}
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"damaged: {error!r}") from error
        memory._forget()
        return memory


def _read_kind(saved: Any) -> TaskKind:
    if not isinstance(saved, list) or not all(isinstance(one, str) for one in saved):
        raise ValueError(f"{saved!r} is no kind")
    return tuple(saved)
