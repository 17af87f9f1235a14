"""Scenarios and shapes: the state of a task at an age, and how each kind of server spells it."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async.testing import (
    ABSENT,
    Answer,
    Scenario,
    Shape,
    completed,
    failed,
    http_error,
    queued,
    running,
)
from sora_async.testing.profiles.task_state import CreateCall, TaskFacts

SHAPES: list[Shape] = ["page", "relay", "openai"]


def rendered(answer: Answer, shape: Shape = "relay", **facts: Any) -> dict[str, Any]:
    """Return the body of an answer about a task made at second 1000 and finished at 1032."""
    known: dict[str, Any] = {
        "task_id": "sora-2:task_1",
        "create": CreateCall(),
        "now": 1040.5,
        "created_at": 1000.0,
        "ended_at": 1032.0,
        "poll": 1,
        "file_url": "http://cdn/task_1.mp4",
        "unknown_status": 404,
    }
    body = json.loads(answer.message(TaskFacts(shape=shape, **(known | facts))).body)
    assert isinstance(body, dict)
    return body


def status_at(scenario: Scenario, age: float, poll: int = 1) -> str:
    status = rendered(scenario.answer(age, poll)).get("status", "unknown")
    assert isinstance(status, str)
    return status


def progress_at(scenario: Scenario, age: float) -> float | None:
    body = rendered(scenario.answer(age, 1), "page")
    progress = body["detail"]["pending_info"]["progress_pct"]
    assert progress is None or isinstance(progress, float)
    return progress


def test_a_scenario_goes_from_unknown_to_a_url() -> None:
    scenario = Scenario(visible_after=1, queued=3, running=6, url_delay=20)

    seen = [status_at(scenario, age) for age in (0, 0.9, 1, 2.9, 3, 8.9, 9)]
    urls = [rendered(scenario.answer(age, 1))["video_url"] for age in (9, 28.9, 29)]

    assert seen == [
        "unknown",
        "unknown",
        "queued",
        "queued",
        "in_progress",
        "in_progress",
        "completed",
    ]
    assert urls == [None, None, "http://cdn/task_1.mp4"]
    assert scenario.duration == 9


def test_a_url_may_never_come() -> None:
    scenario = Scenario(queued=0, running=1, url_delay=None)

    assert rendered(scenario.answer(1e9, 1))["video_url"] is None


def test_a_scenario_may_end_in_failure() -> None:
    scenario = Scenario(queued=1, running=1, failure=("moderation_blocked", "No."))

    assert rendered(scenario.answer(2, 1))["error"] == {
        "code": "moderation_blocked",
        "message": "No.",
    }
    assert scenario.state_at(2, 1) == failed("moderation_blocked", "No.").state


def test_single_polls_of_a_scenario_may_go_wrong() -> None:
    scenario = Scenario(queued=10, faults={2: http_error(503), 3: completed()})

    assert [status_at(scenario, 0, poll) for poll in (1, 2, 3, 4)] == [
        "queued",
        "unknown",
        "completed",
        "queued",
    ]


def test_progress_moves_evenly_between_the_pairs_and_stands_still_outside() -> None:
    scenario = Scenario(
        queued=10, running=100, trajectory=[(0.1, 0.2), (0.5, 0.6), (0.5, 0.3), (0.9, 0.4)]
    )

    seen = [progress_at(scenario, 10 + age) for age in (0, 10, 30, 50, 70, 90, 99)]

    assert seen == pytest.approx([0.2, 0.2, 0.4, 0.3, 0.35, 0.4, 0.4])


def test_the_usual_progress_stands_still_near_the_end() -> None:
    scenario = Scenario(queued=0, running=200)

    assert progress_at(scenario, 0) == 0.0
    assert progress_at(scenario, 100) == 0.54
    assert progress_at(scenario, 172) == progress_at(scenario, 199) == 0.93


def test_a_server_may_send_no_progress() -> None:
    scenario = Scenario(queued=0, running=1, trajectory=None)

    assert progress_at(scenario, 0) is None
    assert "progress" not in rendered(scenario.answer(0, 1), "relay")
    assert "progress" not in rendered(scenario.answer(0, 1), "openai")


def test_a_scenario_may_hang_for_ever() -> None:
    assert status_at(Scenario(queued=math.inf), 1e12) == "queued"
    assert progress_at(Scenario(queued=0, running=math.inf), 1e12) == 0.0


@given(
    scenario=st.builds(
        Scenario,
        queued=st.floats(0, 1e6),
        running=st.floats(0, 1e6),
        url_delay=st.none() | st.floats(0, 1e3),
        visible_after=st.floats(0, 1e6),
        failure=st.none() | st.just(("code", "text")),
        trajectory=st.none()
        | st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1).map(sorted),
    ),
    age=st.floats(0, 1e7),
    shape=st.sampled_from(SHAPES),
)
def test_any_scenario_has_an_answer_at_any_age(scenario, age, shape) -> None:
    body = rendered(scenario.answer(age, 1), shape)

    assert "error" in body or "status" in body
    if age >= max(scenario.duration, scenario.visible_after):
        assert body["status"] == ("failed" if scenario.failure else "completed")


def test_a_faster_scenario_is_the_same_in_less_time() -> None:
    scenario = Scenario(queued=10, running=100, url_delay=20, visible_after=5, faults={1: queued()})
    bare = Scenario(url_delay=None)

    fast = scenario.faster(10)

    assert fast == Scenario(
        queued=1, running=10, url_delay=2, visible_after=0.5, faults=scenario.faults
    )
    assert bare.faster(2) == Scenario(queued=5, running=128, url_delay=None)


@pytest.mark.parametrize("trajectory", [[], [(0.5, 0.1), (0.4, 0.2)]])
def test_a_trajectory_out_of_order_is_refused(trajectory) -> None:
    with pytest.raises(ValueError, match="trajectory"):
        Scenario(trajectory=trajectory)


@pytest.mark.parametrize("progress", [-0.01, 1.01, 37, float("nan")])
def test_progress_is_a_fraction(progress) -> None:
    with pytest.raises(ValueError, match=r"0\.0 to 1\.0"):
        running(progress)


def test_an_unknown_shape_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="page, relay, openai"):
        completed(shape="azure")  # type: ignore[arg-type]


def test_the_page_nests_a_task_that_is_not_done() -> None:
    answer = running(0.25)
    body = rendered(answer, "page")

    assert list(body) == ["id", "detail", "status", "status_update_time"]
    assert body["status"] == body["detail"]["status"] == "pending"
    assert body["id"] == "sora-2:task_1"
    assert body["detail"]["id"] == body["detail"]["pending_info"]["id"] == "task_1"
    assert body["detail"]["pending_info"]["status"] == "processing"
    assert body["detail"]["pending_info"]["progress_pct"] == 0.25
    assert body["detail"]["pending_info"]["created_at"] == "1970-01-01T00:16:40.000000Z"
    assert 1700 < len(json.dumps(body, separators=(",", ":"))) < 1900


def test_the_page_says_queued_only_inside() -> None:
    body = rendered(queued(), "page")

    assert body["status"] == "pending"
    assert body["detail"]["pending_info"]["status"] == "queued"
    assert body["detail"]["pending_info"]["progress_pct"] is None


def test_the_page_is_flat_once_the_task_is_done() -> None:
    assert rendered(completed(), "page") == {
        "id": "sora-2:task_1",
        "size": "1280x720",
        "model": "sora-2",
        "object": "video",
        "status": "completed",
        "seconds": "10",
        "progress": 100,
        "video_url": "http://cdn/task_1.mp4",
        "created_at": 1000,
        "completed_at": 1032,
    }


def test_the_page_hides_the_reason_of_a_failure() -> None:
    body = rendered(failed("input_moderation", "Not this."), "page")

    assert body["status"] == "failed"
    assert body["detail"]["pending_info"]["failure_reason"] == "input_moderation"
    assert body["detail"]["draft_info"]["reason_str"] == "Not this."


def test_the_update_time_of_the_page_moves_with_each_response() -> None:
    moments = [rendered(running(), "page", poll=poll)["status_update_time"] for poll in (1, 2)]

    assert moments == [1_040_501, 1_040_502]


def test_the_relay_is_flat_from_first_to_last() -> None:
    flat = {
        "id": "sora-2:task_1",
        "object": "video",
        "model": "sora-2",
        "created_at": 1000,
        "seconds": "10",
        "size": "1280x720",
        "video_url": None,
    }

    assert rendered(queued()) == flat | {"status": "queued", "progress": 0}
    assert rendered(running(0.29)) == flat | {"status": "in_progress", "progress": 29}
    assert rendered(failed(None, None)) == flat | {
        "status": "failed",
        "progress": 0,
        "error": {"code": None, "message": None},
    }
    assert rendered(completed("https://else.where/a.mp4")) == flat | {
        "status": "completed",
        "progress": 100,
        "completed_at": 1032,
        "video_url": "https://else.where/a.mp4",
    }


def test_openai_never_has_a_url() -> None:
    done = rendered(completed("https://else.where/a.mp4"), "openai")
    lost = rendered(failed("code", "text"), "openai")
    going = rendered(running(0.5), "openai")

    assert not any("url" in name for name in done | lost | going)
    assert (done["status"], done["progress"]) == ("completed", 100)
    assert (done["completed_at"], done["expires_at"]) == (1032, 1032 + 3600)
    assert lost["error"] == {"code": "code", "message": "text"}
    assert (going["progress"], going["error"], going["completed_at"]) == (50, None, None)
    assert list(done) == list(lost) == list(going)


def test_one_answer_may_have_another_shape() -> None:
    assert "detail" in rendered(running(shape="page"), "openai")


def test_raw_fields_are_added_overridden_merged_and_taken_out() -> None:
    body = rendered(
        running(
            0.1,
            id=ABSENT,
            nothing=ABSENT,
            status="IN_PROGRESS",
            extra={"a": {"b": ABSENT, "c": 1}},
            detail={"pending_info": {"progress_pos_in_queue": 4, "seed": ABSENT}, "input": 3},
        ),
        "page",
    )

    assert "id" not in body
    assert "nothing" not in body
    assert body["status"] == "IN_PROGRESS"
    assert body["extra"] == {"a": {"c": 1}}
    assert body["detail"]["input"] == 3
    assert body["detail"]["pending_info"]["progress_pos_in_queue"] == 4
    assert "seed" not in body["detail"]["pending_info"]
    assert body["detail"]["pending_info"]["progress_pct"] == 0.1
    assert repr(ABSENT) == "ABSENT"


def test_raw_fields_of_one_response_do_not_leak_into_the_next() -> None:
    rendered(running(detail={"pending_info": {"seed": 1}}), "page")

    assert rendered(running(), "page")["detail"]["pending_info"]["seed"] is None
