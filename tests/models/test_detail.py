"""The typed ``detail`` tree."""

import json
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from support import JSON_VALUES, RESPONSES

from sora_async import VideoTask
from sora_async.models import detail
from sora_async.models.detail_decoder import structure_detail


def load(name: str) -> Any:
    return json.loads((RESPONSES / name).read_text("utf-8"))


def test_every_key_of_the_page_has_a_typed_field() -> None:
    tree = structure_detail(load("001_page_pending_verbatim.json")["detail"])

    pending = tree.pending_info
    assert pending is not None and pending.moderation_result is not None and tree.input is not None
    assert not (tree.extra or tree.input.extra or pending.extra or pending.moderation_result.extra)
    assert pending.created_at == datetime(2025, 10, 6, 15, 10, 26, 875729, tzinfo=UTC)
    assert pending.progress_pct == 0.9302178175176704
    assert (pending.width, pending.height, pending.n_frames) == (352, 640, 450)
    assert [item.upload_media_id for item in pending.inpaint_items] == [
        "media_01k6x15tnzezbst05sth2qgd8r",
        "media_01k6x15tzafwztz74t018v3enw",
    ]
    assert not any(item.extra for item in pending.inpaint_items)
    assert len(tree.input.images) == 2
    assert pending.moderation_result.type == "passed"


def test_a_finished_task_has_its_draft() -> None:
    tree = structure_detail(load("027_unified_completed_full.json")["detail"])

    draft = tree.draft_info
    assert draft is not None and not draft.extra and not tree.extra
    assert draft.created_at == datetime(2026, 1, 14, 8, 3, 24, 222531, tzinfo=UTC)
    assert draft.encodings["unfurl"] is None
    thumbnail = draft.encodings["thumbnail"]
    assert thumbnail is not None and str(thumbnail.path).partition("?")[0].endswith(
        "thumbnail.webp"
    )


def test_unknown_keys_stay_reachable_at_every_level() -> None:
    tree = structure_detail({"new": 1, "extra": 2, "pending_info": {"newer": [3], "width": 4}})

    assert tree.extra == {"new": 1, "extra": 2}
    assert tree.pending_info == detail.PendingInfo(width=4, extra={"newer": [3]})


def test_a_value_of_a_wrong_type_reads_as_none() -> None:
    wrong = {
        "id": 5,
        "input": "text",
        "generations": {"url": "x"},
        "pending_info": {
            "seed": "not a number",
            "is_storyboard": "no",
            "created_at": "soon",
            "inpaint_items": [None, 3, {"frame_index": {}}],
            "moderation_result": {"results_by_frame_index": []},
        },
    }

    tree = structure_detail(wrong)

    assert tree == detail.Detail(
        pending_info=detail.PendingInfo(
            inpaint_items=(detail.InpaintItem(),), moderation_result=detail.ModerationResult()
        )
    )


@given(JSON_VALUES)
def test_no_value_makes_the_tree_raise(value: object) -> None:
    """The whole tree, and each field of two of its levels, takes any JSON."""
    assert isinstance(structure_detail(value), detail.Detail)
    for cls, key in ((detail.Detail, None), (detail.PendingInfo, "pending_info")):
        names = [field.name for field in attrs.fields(cls)]
        level: object = dict.fromkeys(names, value)

        tree = structure_detail({key: level} if key else level)

        assert isinstance(tree, detail.Detail)


def test_a_task_structures_its_detail_once() -> None:
    task = VideoTask(id="x", raw={"id": "x", "detail": {"status": "pending"}})

    assert task.detail is task.detail
    assert task.detail.status == "pending"
    assert VideoTask(id="x").detail == detail.Detail()


WRAPPED = {"id": "x", "status": "processing", "detail": {"status": "pending"}}


@pytest.mark.parametrize(
    "answer",
    [
        *(WRAPPED, {"data": WRAPPED}, {"task": WRAPPED}, {"result": WRAPPED}, {"video": WRAPPED}),
        *({"data": [WRAPPED]}, {"code": "success", "message": "", "data": WRAPPED}),
        {"data": {"status": "success", "result": WRAPPED}},
    ],
    ids=lambda answer: "-".join(answer),
)
def test_a_tree_is_found_in_every_envelope_that_a_task_is_found_in(answer: dict[str, Any]) -> None:
    assert VideoTask(id="x", raw=answer).detail.status == "pending"


def test_the_tree_of_another_task_inside_is_not_taken_for_ours() -> None:
    record = {"task_id": "x", "status": "SUCCESS", "data": WRAPPED}

    assert VideoTask(id="x", raw=record).detail == detail.Detail()
