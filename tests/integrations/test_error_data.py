"""What jobs carry: errors as JSON, and back, and what is new of a wait."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async import Phase, ProgressEvent, SoraError, TaskFailure, VideoTask, errors
from sora_async.integrations.error_data import error_from_data, error_to_data, event_to_data

NOW = datetime(2025, 10, 1, tzinfo=UTC)
FAILED = VideoTask(
    id="video",
    phase=Phase.FAILED,
    failure=TaskFailure("code", None),
    created_at=NOW,
    raw={"status": "failed", "deep": {"er": [1, None]}},
)
SIMPLE = {"str": st.text(), "int": st.integers(), "float": st.floats(0, 1e9), "bool": st.booleans()}


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return the values of a field's type, or of one of its types."""
    names = str(kind.__name__ if isinstance(kind, type) else kind).split(" | ")
    known = {"VideoTask": st.just(FAILED), "SoraError": st.just(errors.RateLimitError("u", 429))}
    known |= {"None": st.none(), **SIMPLE}
    return st.one_of(*(known[name.rpartition(".")[2]] for name in names))


@st.composite
def any_error(draw: st.DrawFn) -> SoraError:
    kind = getattr(errors, draw(st.sampled_from(errors.__all__)))
    return kind(*(draw(values_of(field.type)) for field in attrs.fields(kind)))


@given(any_error())
def test_an_error_arrives_as_the_very_same(error: SoraError) -> None:
    data = through_json(error_to_data(error))
    back = error_from_data(data)

    assert type(back) is type(error)
    assert str(back) == str(error) == data["message"]
    assert repr(back) == repr(error)


@pytest.mark.parametrize("name", ["OfTomorrowError", "ClassVar", "attrs"])
def test_an_error_that_this_version_does_not_know_is_none(name: str) -> None:
    assert error_from_data({"error": name, "values": []}) is None


def test_a_value_that_json_cannot_carry_arrives_as_its_text() -> None:
    error = errors.ConnectionFailedError("u", Path("video.mp4"))

    assert through_json(error_to_data(error))["values"] == ["u", "video.mp4"]


def test_an_event_says_what_is_the_matter() -> None:
    event = ProgressEvent(
        task=FAILED,
        progress=0.5,
        elapsed=1.23456,
        polls=3,
        last_error=errors.RateLimitError("u", 429),
    )

    data = through_json(event_to_data(event))

    assert (data["phase"], data["progress"], data["elapsed"]) == ("failed", 0.5, 1.235)
    assert data["last_error"] == str(event.last_error)
