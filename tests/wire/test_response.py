"""From bytes to a task or an error: the rules behind the recorded replies."""

import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from multidict import CIMultiDict
from support import RESPONSES

from sora_async import errors
from sora_async._wire.origins import origin_of
from sora_async._wire.response import NOT_MODIFIED_PAUSE, Response, decode_response
from sora_async._wire.secrets import SecretStr, check_api_key
from sora_async._wire.urls import check_base_url, check_task_id, fill_in
from sora_async.models import Cost, Phase, TaskFailure, VideoTask

ID = "sora-2:task_01"
URL = "https://api.example/v1/videos/sora-2:task_01"
CONTENT = "https://api.example/v1/videos/{id}/content"
RECEIVED = datetime(2026, 1, 14, 8, 0, tzinfo=UTC)
VIDEO = "https://cdn.example/v.mp4"
KEY = "sk-0123456789abcdef"


def response(body: object, status: int = 200, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(
        url=URL, status=status, headers=CIMultiDict(named), body=content, received=RECEIVED
    )


def decode(body: object, status: int = 200, **headers: str) -> VideoTask:
    answer = response(body, status, **headers)
    return decode_response(answer, task_id=ID, secrets=(KEY,), content=CONTENT)


def error_of(body: object, status: int = 200, **headers: str) -> Any:
    with pytest.raises(errors.SoraError) as caught:
        decode(body, status, **headers)
    return caught.value


class TestAddress:
    @pytest.mark.parametrize(
        ("task_id", "path"),
        [
            ("sora-2:task_01k", "sora-2:task_01k"),
            ("video_5c6a605a-30c0", "video_5c6a605a-30c0"),
            ("dmlkZW8tYWJj==", "dmlkZW8tYWJj=="),
            ("任务", "%E4%BB%BB%E5%8A%A1"),
            ("a b", "a%20b"),
            ("a%2Fb", "a%252Fb"),
            ("..a", "..a"),
            ("models/veo-3.1/operations/abc", "models%2Fveo-3.1%2Foperations%2Fabc"),
            ("operations/abc", "operations%2Fabc"),
        ],
    )
    def test_an_id_is_one_segment_of_the_path(self, task_id: str, path: str) -> None:
        assert fill_in("/v1/videos/{id}", check_task_id(task_id)) == f"/v1/videos/{path}"

    @pytest.mark.parametrize(
        "task_id",
        [
            "",
            " ",
            "a ",
            "../x",
            "a/b",
            "../operations/x",
            "a/../operations/x",
            "a\\b",
            "a?b",
            "a#b",
            ".",
            "..",
            "a\nb",
            "\x00",
            "\x7f",
            "\ud800",
            7,
            None,
            b"x",
        ],
    )
    def test_a_hostile_id_is_refused(self, task_id: object) -> None:
        with pytest.raises(errors.InvalidArgumentError, match="task_id: "):
            check_task_id(task_id)

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://api.example", "https://api.example"),
            ("https://api.example/", "https://api.example"),
            ("https://api.example/v1", "https://api.example"),
            ("https://api.example/v1/", "https://api.example"),
            (" http://127.0.0.1:8080/relay/v1", "http://127.0.0.1:8080/relay"),
            ("https://[::1]:8443", "https://[::1]:8443"),
        ],
    )
    def test_a_base_url_is_taken_with_and_without_its_version(
        self, url: str, expected: str
    ) -> None:
        assert check_base_url(url) == expected

    @pytest.mark.parametrize(
        "url",
        [
            *(
                "",
                "api.example",
                "ftp://api.example",
                "https://",
                "https://h:99999",
                "https://h:x",
                5,
                "https://[x",
            ),
            *(
                "https://h/?a=1",
                "https://h/#a",
                "https://user:pass@h",
                "https://h/\x00a",
                "https://h\\a",
            ),
        ],
    )
    def test_a_base_url_that_cannot_work_is_refused(self, url: object) -> None:
        with pytest.raises(errors.InvalidArgumentError, match="base_url"):
            check_base_url(url)

    def test_a_refused_base_url_does_not_quote_its_password(self) -> None:
        with pytest.raises(errors.InvalidArgumentError) as caught:
            check_base_url("https://user:secret@h")

        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        "url",
        [
            f"https://user:{KEY}@host.example:99999/v1",
            f"htps://{KEY}@host.example/v1",
            f"https://{KEY}@host .example",
            f"https://host.example/?key={KEY}",
            f"https://host.example/#{KEY}",
            f"ftp://{KEY}.example",
            KEY,
        ],
    )
    def test_a_key_in_the_wrong_place_is_never_shown(self, url: str) -> None:
        with pytest.raises(errors.InvalidArgumentError) as caught:
            check_base_url(url)

        assert KEY not in str(caught.value)

    def test_a_base_url_with_other_letters_is_encoded(self) -> None:
        assert check_base_url("https://h.example/视频/v1") == (
            "https://h.example/%E8%A7%86%E9%A2%91"
        )

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://127.0.0.1:80", True),
            ("http://127.9.9.9", True),
            ("http://[::1]", True),
            ("http://localhost:1", True),
            ("http://a.localhost", True),
            ("http://10.0.0.1", False),
            ("http://api.example", False),
            ("http://localhost.example", False),
        ],
    )
    def test_only_this_machine_is_loopback(self, url: str, expected: bool) -> None:
        origin = origin_of(url)
        assert origin is not None
        assert origin.is_local is expected

    @pytest.mark.parametrize(
        ("key", "expected"),
        [(None, None), ("", None), (" sk-1\n", "sk-1"), ("Bearer sk-1", "sk-1"), ("sk-1", "sk-1")],
    )
    def test_a_key_is_taken_as_people_paste_it(self, key: object, expected: str | None) -> None:
        found = check_api_key(SecretStr(key))

        assert (found and found.reveal()) == expected

    @pytest.mark.parametrize("key", ["a\nb", "a b", "schlüssel", 5])
    def test_a_key_that_no_header_carries_is_refused_and_not_quoted(self, key: object) -> None:
        with pytest.raises(errors.InvalidArgumentError, match="api_key") as caught:
            check_api_key(SecretStr(key))

        assert str(key) not in str(caught.value)


class TestPhase:
    def test_a_word_is_known_in_any_case_and_spelling(self) -> None:
        assert decode({"id": ID, "status": " In-Progress "}).phase is Phase.RUNNING
        assert decode({"id": ID, "status": "NOT START"}).phase is Phase.QUEUED
        assert decode({"id": ID, "status": "COMPLETED"}).phase is Phase.SUCCEEDED

    def test_an_unknown_word_is_still_going_and_stays_readable(self) -> None:
        task = decode({"id": ID, "status": "Enhancing_Audio "})

        assert (task.phase, task.status) == (Phase.RUNNING, "Enhancing_Audio")

    @pytest.mark.parametrize("status", [None, 3, [], {}, True, ""])
    def test_a_status_that_is_no_word_is_none(self, status: object) -> None:
        task = decode({"id": ID, "status": status})

        assert (task.phase, task.status.strip("3")) == (Phase.QUEUED, "")

    def test_the_status_is_the_word_that_decided(self) -> None:
        assert decode({"id": ID, "status": None, "state": "Completed"}).status == "Completed"
        assert decode({"id": ID, "status": 200, "task_status": "failed"}).status == "failed"
        assert decode({"id": ID, "status": "queued", "state": "failed"}).status == "queued"

    def test_pending_info_only_tells_queued_from_running(self) -> None:
        def phase(top: str | None, inner: str) -> Phase:
            return decode(
                {"id": ID, "status": top, "detail": {"pending_info": {"status": inner}}}
            ).phase

        assert phase("pending", "processing") is Phase.RUNNING
        assert phase("in_progress", "queued") is Phase.QUEUED
        assert phase("pending", "completed") is Phase.RUNNING
        assert phase("pending", "failed") is Phase.RUNNING
        assert phase(None, "queued") is Phase.QUEUED
        assert phase("completed", "queued") is Phase.SUCCEEDED

    def test_a_reason_in_pending_info_is_a_failure(self) -> None:
        task = decode(
            {"id": ID, "status": "pending", "detail": {"pending_info": {"failure_reason": "nsfw"}}}
        )

        assert (task.phase, task.failure) == (Phase.FAILED, TaskFailure("nsfw"))

    def test_a_reason_may_be_an_object(self) -> None:
        reason = {"failure_reason": {"code": "moderation"}}
        task = decode({"id": ID, "status": "pending", "detail": {"pending_info": reason}})

        assert (task.phase, task.failure) == (Phase.FAILED, TaskFailure("moderation"))

    @pytest.mark.parametrize("reason", [None, "", 0, False, [], {}])
    def test_an_empty_reason_is_none(self, reason: object) -> None:
        body = {
            "id": ID,
            "status": "pending",
            "detail": {"pending_info": {"failure_reason": reason}},
        }

        assert decode(body).phase is Phase.QUEUED

    def test_an_envelope_is_opened_and_a_record_with_data_is_not(self) -> None:
        inner = {"id": ID, "status": "processing"}

        assert decode({"code": 0, "data": inner}).phase is Phase.RUNNING
        assert decode({"status": "success", "data": inner}).phase is Phase.RUNNING
        assert decode({"status": "processing", "data": {"id": ID}}).phase is Phase.RUNNING
        assert decode({"data": {"task_id": ID}}).phase is Phase.QUEUED
        assert decode({"task_id": ID, "status": "SUCCESS", "data": inner}).phase is Phase.SUCCEEDED

    @pytest.mark.parametrize(
        "body",
        [
            {"id": "req_9", "status": "success", "data": {"task_id": ID, "status": "processing"}},
            {"status": "success", "model": "m", "result": {"status": "processing"}},
            {"task": {"id": ID, "status": "processing"}},
            {"data": [{"id": ID, "status": "processing"}]},
            {"code": 0, "data": {"task_id": ID, "task_status": "processing"}},
            {"id": ID, "state": "processing"},
        ],
        ids=json.dumps,
    )
    def test_a_task_is_found_in_every_wrapping(self, body: dict[str, Any]) -> None:
        assert decode(body).phase is Phase.RUNNING
        ended = json.loads(json.dumps(body).replace("processing", "failed"))
        assert decode(ended).phase is Phase.FAILED

    @pytest.mark.parametrize(
        "body",
        [
            {"status": "error", "detail": "upstream request timeout"},
            {"id": "req_9", "status": "error", "message": "upstream timeout"},
            {"status": "fail", "url": "/v1/videos/x", "message": "try again"},
            {"status": "unauthorized", "message": "bad key"},
            {"status": "ok", "code": "task_not_exist"},
            {"message": "Invalid token"},
            {"ret": -1, "msg": "invalid api key"},
            {"id": None, "code": "invalid_key", "message": "bad"},
        ],
        ids=json.dumps,
    )
    def test_a_good_status_with_bad_words_is_an_error(self, body: dict[str, Any]) -> None:
        assert isinstance(error_of(body), errors.ResponseError)

    @pytest.mark.parametrize(
        "body",
        [
            {"status": "success", "detail": "task is being processed"},
            {"code": 0, "message": "ok", "data": None},
            {"success": True, "message": "ok"},
        ],
        ids=json.dumps,
    )
    def test_a_good_word_of_the_call_is_no_end(self, body: dict[str, Any]) -> None:
        assert isinstance(error_of(body), errors.InvalidResponseError)
        assert decode({"id": ID, "model": "m", **body, "status": "running"}).phase is Phase.RUNNING

    @pytest.mark.parametrize(
        ("body", "phase"),
        [
            ({"status": "in_progress", "video": {"id": "x", "status": "completed"}}, Phase.RUNNING),
            ({"status": "processing", "result": {"status": "failed"}}, Phase.RUNNING),
            ({"status": "queued", "task": {"state": "done"}}, Phase.QUEUED),
            ({"status": "completed", "result": {"status": "pending"}}, Phase.SUCCEEDED),
            ({"status": "failed", "data": {"status": "processing"}}, Phase.FAILED),
            ({"id": ID, "status": None, "state": "completed"}, Phase.SUCCEEDED),
            ({"id": ID, "status": 200, "task_status": "failed"}, Phase.FAILED),
        ],
        ids=str,
    )
    def test_the_outermost_word_of_a_task_decides(self, body: Any, phase: Phase) -> None:
        assert decode(body).phase is phase

    @pytest.mark.parametrize("body", [{"message": "", "data": None}, {"msg": " "}, {"detail": []}])
    def test_an_empty_text_is_no_error(self, body: dict[str, Any]) -> None:
        assert isinstance(error_of(body), errors.InvalidResponseError)
        assert decode({"id": ID, **body}).phase is Phase.QUEUED

    def test_a_word_about_the_call_does_not_end_the_task(self) -> None:
        assert isinstance(
            error_of({"status": "success", "message": "ok"}), errors.InvalidResponseError
        )
        assert isinstance(
            error_of({"status": "error", "message": "try later"}), errors.ResponseError
        )


class TestVideoUrl:
    @pytest.mark.parametrize(
        "body",
        [
            *(
                {"video_url": VIDEO},
                {"url": VIDEO},
                {"result_url": VIDEO},
                {"video": {"url": VIDEO}},
            ),
            *({"output": VIDEO}, {"output": {"url": VIDEO}}, {"output": {"video_url": VIDEO}}),
            *({"output": {"videos": [{"url": VIDEO}]}}, {"outputs": {"video_url": VIDEO}}),
            *(
                {"data": {"output": VIDEO}},
                {"data": {"video_url": VIDEO}},
                {"data": {"url": VIDEO}},
            ),
            *(
                {"data": {"result_url": VIDEO}},
                {"result": {"video_url": VIDEO}},
                {"metadata": {"url": VIDEO}},
            ),
            *({"unsigned_urls": [VIDEO]}, {"urls": [VIDEO]}, {"detail": {"url": VIDEO}}),
            *(
                {"detail": {"video_url": VIDEO}},
                {"detail": {"draft_info": {"downloadable_url": VIDEO}}},
            ),
            *(
                {"detail": {"draft_info": {"url": VIDEO}}},
                {"detail": {"generations": [{"url": VIDEO}]}},
            ),
            {"detail": {"pending_info": {"generations": [{"url": VIDEO}]}}},
        ],
        ids=json.dumps,
    )
    def test_a_url_is_found_wherever_a_server_puts_it(self, body: dict[str, Any]) -> None:
        task = decode({"id": ID, "status": "in_progress", **body})

        assert (task.video_url, task.phase, task.progress) == (VIDEO, Phase.SUCCEEDED, 1.0)

    @pytest.mark.parametrize(
        "value", ["", None, 5, [], {}, "not yet", "/v.mp4", [VIDEO], {"href": VIDEO}]
    )
    def test_what_is_no_address_means_not_yet(self, value: object) -> None:
        for key in ("video_url", "url", "output", "urls", "video"):
            if key == "urls" and value == [VIDEO]:
                continue
            assert decode({"id": ID, "status": "in_progress", key: value}).video_url is None

    def test_a_decoy_is_not_the_video(self) -> None:
        still = "https://cdn.example/thumb.webp?sig=1"
        body = {
            "id": ID,
            "status": "in_progress",
            "url": still,
            "thumbnail_url": still,
            "video_url": URL,
            "detail": {"gif_url": VIDEO, "input": {"images": [VIDEO]}},
            "fail_reason": VIDEO,
        }

        assert decode(body).video_url is None

    @pytest.mark.parametrize(
        "link",
        [
            *(URL, f"{URL}/", f"{URL}/status", URL.replace(":task", "%3Atask")),
            *("https://relay/v1/videos/task_01", "https://relay/v1/video/another"),
            *("https://cdn.example/p.HEIC?x=1", "https://relay/logs/1.txt"),
        ],
    )
    def test_a_running_tasks_link_to_itself_is_no_video(self, link: str) -> None:
        for key in ("url", "output", "video_url"):
            assert decode({"id": ID, "status": "processing", key: link}).video_url is None

    @pytest.mark.parametrize(
        "body",
        [
            *({"output": [VIDEO]}, {"output": [{"url": VIDEO}]}, {"videos": [{"url": VIDEO}]}),
            *({"generations": [{"url": VIDEO}]}, {"video_url": {"url": VIDEO}}),
            {"task_result": {"videos": [{"url": VIDEO}]}},
        ],
        ids=json.dumps,
    )
    def test_some_places_count_only_after_success(self, body: dict[str, Any]) -> None:
        assert decode({"id": ID, "status": "processing", **body}).video_url is None
        assert decode({"id": ID, "status": "completed", **body}).video_url == VIDEO

    @pytest.mark.parametrize(
        "link",
        [
            *(f"https://cdn.example/videos/{ID}", f"{URL}/download", f"{URL}/source?x=1"),
            "https://cdn.example/v2/video/0b7c1d52",
        ],
    )
    def test_a_finished_video_may_have_any_address_but_the_tasks_own(self, link: str) -> None:
        assert decode({"id": ID, "status": "completed", "url": link}).video_url == link
        for own in (URL, f"{URL}/", URL.replace(":task", "%3Atask")):
            assert decode({"id": ID, "status": "completed", "url": own}).video_url is None

    def test_the_services_own_content_address_counts_only_after_success(self) -> None:
        body = {"id": ID, "metadata": {"url": f"{URL}/content"}}

        assert decode({**body, "status": "in_progress"}).video_url is None
        assert decode({**body, "status": "completed"}).video_url == f"{URL}/content"

    def test_a_fail_reason_may_be_the_url_of_a_success(self) -> None:
        assert decode({"id": ID, "status": "SUCCESS", "fail_reason": VIDEO}).video_url == VIDEO

    def test_a_failed_task_has_no_video_whatever_it_sends(self) -> None:
        task = decode({"id": ID, "status": "failed", "video_url": VIDEO, "progress": 100})

        assert (task.video_url, task.content_url, task.progress) == (None, None, None)

    def test_a_success_without_url_has_its_content_address(self) -> None:
        assert decode({"id": ID, "status": "completed"}).content_url == f"{URL}/content"
        assert decode({"id": ID, "status": "queued"}).content_url is None


class TestFields:
    def test_progress_prefers_the_field_whose_scale_is_certain(self) -> None:
        def progress(**body: object) -> float | None:
            return decode({"id": ID, "status": "in_progress", **body}).progress

        assert progress(progress=37) == 0.37
        assert progress(progress_pct=0.5, progress=10) == 0.5
        assert progress(detail={"pending_info": {"progress_pct": 0.93}}) == 0.93
        assert progress(detail={"pending_info": {"progress_pct": None}}, progress=5) == 0.05
        assert progress() is None

    def test_descriptive_fields_come_from_either_shape(self) -> None:
        flat = decode(
            {
                "id": ID,
                "model": "m",
                "prompt": "p",
                "size": "1x1",
                "seconds": "10",
                "created_at": 1761622232,
            }
        )
        nested = decode(
            {"id": ID, "detail": {"input": {"model": "m", "prompt": "p", "size": "small"}}}
        )
        record = decode(
            {"task_id": ID, "properties": {"origin_model_name": "m"}, "submit_time": 1761622232}
        )

        assert (flat.model, flat.prompt, flat.size, flat.seconds) == ("m", "p", "1x1", 10.0)
        assert (nested.model, nested.prompt, nested.size, nested.seconds) == (
            "m",
            "p",
            "small",
            None,
        )
        assert record.model == "m"
        assert flat.created_at == record.created_at == datetime(2025, 10, 28, 3, 30, 32, tzinfo=UTC)

    def test_the_time_of_change_is_in_milliseconds(self) -> None:
        assert decode({"id": ID, "status_update_time": 1761622232000}).updated_at == datetime(
            2025, 10, 28, 3, 30, 32, tzinfo=UTC
        )

    def test_the_place_in_the_queue_is_told(self) -> None:
        assert (
            decode(
                {"id": ID, "detail": {"pending_info": {"progress_pos_in_queue": 4}}}
            ).queue_position
            == 4
        )

    def test_the_id_is_the_one_that_was_asked_for(self) -> None:
        assert decode({"id": "other", "status": "queued"}).id == ID

    def test_a_number_is_an_id_while_all_parsers_read_it_alike(self) -> None:
        assert decode({"id": 2**64 - 1, "error": "odd", "status": "later"}).phase is Phase.RUNNING
        assert isinstance(error_of({"id": 2**64, "code": "odd"}), errors.ResponseError)

    def test_an_id_alone_is_a_task_of_which_nothing_is_known(self) -> None:
        assert decode({"id": ID}) == VideoTask(id=ID)

    @pytest.mark.parametrize(
        "body", [{}, {"status": "ok"}, {"data": []}, {"data": None}, {"data": {}}, {"a": {"b": 1}}]
    )
    def test_what_has_no_sign_of_a_task_is_none(self, body: dict[str, Any]) -> None:
        error = error_of(body)

        assert isinstance(error, errors.InvalidResponseError)
        assert error.reason == "JSON that is no task"

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"ErrCode": 400013, "ErrMsg": "invalid"}, "400013"),
            ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "1004"),
            ({"errorCode": "E7", "data": None}, "E7"),
        ],
    )
    def test_an_error_with_a_good_status_has_its_code(self, body: Any, code: str) -> None:
        error = error_of(body)

        assert isinstance(error, errors.ResponseError)
        assert error.code == code

    def test_a_poll_hint_comes_with_the_task(self) -> None:
        assert decode({"id": ID}, openai_poll_after_ms="5000").poll_after == 5.0
        assert decode({"id": ID}, openai_poll_after_ms="-1").poll_after is None
        assert decode({"id": ID}, openai_poll_after_ms="1e9").poll_after == 3600.0


class TestCost:
    @pytest.mark.parametrize(
        ("body", "cost"),
        [
            ({"usage": {"cost": 0.5}}, Cost(0.5)),
            ({"usage": {"cost": "0.5", "currency": "EUR"}}, Cost(0.5, "EUR")),
            ({"cost": 2, "currency": "USD"}, Cost(2.0, "USD")),
            ({"cost": {"amount": 2, "currency": "USD"}}, Cost(2.0, "USD")),
            ({"cost_usd": 0.1}, Cost(0.1, "USD")),
            ({"credits": 20}, Cost(20.0, "credits")),
            ({"usage": {"credits_reserved": 8}}, Cost(8.0, "credits")),
            ({"outputs": {"cost": 0.8}}, Cost(0.8)),
            ({"cost": -1}, None),
            ({"cost": "free"}, None),
            ({"costTime": 8000}, None),
            ({}, None),
        ],
    )
    def test_a_price_is_read_with_its_unit(self, body: dict[str, Any], cost: Cost | None) -> None:
        assert decode({"id": ID, **body}).cost == cost
        if "currency" not in body:
            assert decode({"code": 0, "data": {"id": ID, "status": "queued"}, **body}).cost == cost

    def test_a_price_prints_with_its_unit(self) -> None:
        assert (str(Cost(0.5, "USD")), str(Cost(20.0))) == ("0.5 USD", "20")

    def test_usage_is_what_the_service_says(self) -> None:
        usage = {"total_tokens": 246840}

        assert decode({"id": ID, "usage": usage}).usage == usage
        assert decode({"output": {"task_id": ID}, "usage": usage}).usage == usage
        assert decode({"id": ID, "usage": {}}).usage is None
        # To look for a key in megabytes of escapes takes seconds.
        assert decode({"id": ID, "usage": {"a": ["%41" * 5000]}}).usage is not None
        assert decode({"id": ID, "usage": {"a": ["%41" * 500] * 50}}).usage is None
        assert decode({"id": ID, "usage": dict.fromkeys(map(str, range(99)), 1)}).usage is None

    @pytest.mark.parametrize(
        ("body", "seconds"),
        [
            ({"task_info": {"estimated_time": 165}}, 165.0),
            ({"estimated_time": "90s"}, 90.0),
            ({"eta": 0}, None),
            ({"eta": -5}, None),
            ({"eta": 1e12}, 86400.0),
            ({"eta": "soon"}, None),
        ],
    )
    def test_an_estimate_is_bounded(self, body: dict[str, Any], seconds: float | None) -> None:
        assert decode({"id": ID, **body}).estimated_time == seconds


class TestPollAfter:
    @pytest.mark.parametrize(
        ("headers", "body", "seconds"),
        [
            ({"Retry_After": "7"}, {}, 7.0),
            ({"Retry_After": "Wed, 14 Jan 2026 08:01:00 GMT"}, {}, 60.0),
            ({"retry_after_ms": "1500"}, {}, 1.5),
            ({"openai_poll_after_ms": "2500", "Retry_After": "7"}, {}, 2.5),
            ({}, {"poll_after_seconds": 4}, 4.0),
            ({}, {"retryAfter": "4"}, 4.0),
            ({"Retry_After": "7"}, {"poll_after_seconds": 4}, 7.0),
            ({"Retry_After": "99999999999"}, {}, 3600.0),
            ({}, {"poll_after_seconds": 1e300}, 3600.0),
            ({"Retry_After": "nan"}, {}, None),
            ({}, {"poll_after_seconds": -1}, None),
            ({}, {"poll_after_seconds": "later"}, None),
        ],
    )
    def test_a_good_response_may_ask_to_wait(
        self, headers: dict[str, str], body: dict[str, Any], seconds: float | None
    ) -> None:
        for status in (200, 202):
            assert decode({"id": ID, **body}, status, **headers).poll_after == seconds

    def test_a_304_is_the_snapshot_before_and_slows_polls_down(self) -> None:
        before = decode({"id": ID, "status": "in_progress", "progress": 40})

        plain, hinted = (
            decode_response(response(b"", 304, **headers), task_id=ID, previous=before)
            for headers in ({}, {"Retry_After": "3"})
        )

        assert (plain, plain.poll_after) == (before, NOT_MODIFIED_PAUSE)
        assert (hinted, hinted.poll_after) == (before, 3.0)


class TestOneOfManyVideos:
    def test_a_task_is_as_far_as_the_last_of_its_videos(self) -> None:
        def phase(*words: str) -> Phase:
            items = [{"id": word, "status": word} for word in words]
            return decode({"taskId": ID, "generations": items}).phase

        assert phase("succeed", "failed") is Phase.SUCCEEDED
        assert phase("succeed", "processing") is Phase.RUNNING
        assert phase("failed", "failed") is Phase.FAILED
        assert phase("waiting", "waiting") is Phase.QUEUED
        assert phase("", "") is Phase.QUEUED

    def test_a_record_without_a_status_has_that_of_the_task_in_it(self) -> None:
        assert decode({"id": "log", "data": {"status": "processing"}}).phase is Phase.RUNNING
        assert decode({"id": "log", "data": {"id": "x"}}).phase is Phase.QUEUED

    def test_a_word_of_the_call_beside_the_id_of_a_request_is_no_end(self) -> None:
        assert decode({"request_id": "r", "status": "success"}).phase is Phase.RUNNING

    def test_a_status_that_is_no_number_of_its_table_is_no_end(self) -> None:
        assert decode({"taskId": ID, "successFlag": "1"}).phase is Phase.QUEUED
        assert decode({"taskId": ID, "successFlag": 9}).phase is Phase.RUNNING

    @pytest.mark.parametrize("text", ["A" * 65, "A" * 200, "a boat", "data:image/png;base64,AAAA"])
    def test_a_text_that_is_no_video_in_base64_is_none(self, text: str) -> None:
        assert decode({"id": ID, "status": "completed", "video": text}).video_url is None

    def test_an_operation_that_is_not_done_is_running(self) -> None:
        assert decode({"name": "a/operations/b", "done": False}).phase is Phase.RUNNING

    def test_an_envelope_in_an_envelope_is_opened_so_often(self) -> None:
        body: dict[str, Any] = {"id": ID, "status": "processing"}
        for depth in range(6):
            body = {"status": "success", "data": body}
            if depth < 4:
                assert decode(body).phase is Phase.RUNNING
            else:
                assert isinstance(error_of(body), errors.InvalidResponseError)

    def test_a_success_with_an_error_and_without_a_video_is_a_failure(self) -> None:
        done = {"id": ID, "status": "completed", "object": "video"}

        assert decode({**done, "error": {"code": "E", "message": "m"}}).failure == TaskFailure(
            "E", "m"
        )
        assert decode({**done, "error": "m"}).phase is Phase.FAILED
        assert decode({**done, "error": {"code": 0, "message": ""}}).phase is Phase.SUCCEEDED
        assert decode({**done, "error": "m", "video_url": VIDEO}).phase is Phase.SUCCEEDED
        assert decode({**done, "detail": {"status": "x"}}).phase is Phase.SUCCEEDED


class TestRaw:
    def test_an_answer_is_kept_whole_and_untouched(self) -> None:
        body = {"code": 0, "data": {"id": ID, "n": 10**30}}

        assert decode(body).raw == body
        assert decode(b" \r\n\t" + json.dumps(body).encode() + b"\n ").raw == body
        assert decode(json.dumps(body).encode("utf-16")).raw == body

    def test_a_failed_task_sent_as_an_http_error_has_its_answer_and_its_tree(self) -> None:
        task = {"id": ID, "status": "failed", "n": 10**30, "detail": {"status": "over"}}

        for body in (task, {"detail": task}, {"code": 1, "data": task}):
            assert decode(body, 500).detail.status == "over"
        assert decode({"detail": task}, 500).raw == task

    def test_a_task_is_little_more_than_the_bytes_of_its_answer(self) -> None:
        page = (RESPONSES / "001_page_pending_verbatim.json").read_text()
        body = json.dumps(json.loads(page)).encode()
        decode(body)

        tracemalloc.start()
        held = [decode(bytes(bytearray(body))) for _ in range(50)]
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert size / len(held) < len(body) + 1000


class TestPrevious:
    BODY = json.dumps({"id": ID, "object": "video", "status": "in_progress"}).encode()

    def again(self, body: bytes, status: int = 200, **headers: str) -> bool:
        """Return whether a reply after that of BODY gives the snapshot of BODY once more."""
        before = decode(self.BODY, openai_poll_after_ms="5000")
        after = decode_response(
            response(body, status, **headers), task_id=ID, secrets=(KEY,), previous=before
        )
        assert after == decode(body, status, **headers)
        return after is before

    def test_a_service_that_repeats_itself_gives_the_snapshot_once_more(self) -> None:
        assert self.again(self.BODY, openai_poll_after_ms="5000")
        assert self.again(self.BODY, 201, openai_poll_after_ms="5000")

    def test_what_differs_is_read_anew(self) -> None:
        assert not self.again(self.BODY + b" ", openai_poll_after_ms="5000")
        assert not self.again(self.BODY, openai_poll_after_ms="6000")
        assert not self.again(self.BODY)
        assert not self.again(self.BODY, 503, openai_poll_after_ms="5000")

    def test_the_same_bytes_are_no_task_under_every_status(self) -> None:
        before = decode(self.BODY)

        with pytest.raises(errors.RateLimitError):
            decode_response(response(self.BODY, 429), task_id=ID, previous=before)

    def test_a_task_that_came_as_an_http_error_is_read_anew(self) -> None:
        before = decode(self.BODY, 503)

        after = decode_response(response(self.BODY), task_id=ID, previous=before)

        assert after == before and after is not before


class TestFailure:
    @pytest.mark.parametrize(
        ("body", "failure"),
        [
            ({"error": {"code": "a", "message": "b"}}, TaskFailure("a", "b")),
            ({"error": {"code": 13, "message": "b"}}, TaskFailure("13", "b")),
            ({"error": {"code": "", "message": "b"}}, TaskFailure(None, "b")),
            ({"error": "b"}, TaskFailure(None, "b")),
            ({"error": {}, "message": "b"}, TaskFailure(None, "b")),
            ({"fail_reason": "b"}, TaskFailure(None, "b")),
            ({"failure_reason": "a"}, TaskFailure("a")),
            ({"detail": {"failure_reason": "a"}}, TaskFailure("a")),
            ({"error": {"message": '{"error":{"code":"a","message":"b"}}'}}, TaskFailure("a", "b")),
            ({"error": {"code": "c", "message": '{"no":"json'}}, TaskFailure("c", '{"no":"json')),
            ({"error": {"code": "c", "message": '{"x":1}'}}, TaskFailure("c", '{"x":1}')),
            ({"error": {"message_zh": "失败"}}, TaskFailure(None, "失败")),
            ({"message": "b", "code": "success"}, TaskFailure(None, "b")),
            ({"error": [1]}, TaskFailure()),
            ({"detail": {"draft_info": {"kind": "sora_draft"}}}, TaskFailure()),
        ],
    )
    def test_a_reason_is_found_wherever_a_server_hid_it(
        self, body: dict[str, Any], failure: TaskFailure
    ) -> None:
        assert decode({"id": ID, "status": "FAILURE", **body}).failure == failure

    @pytest.mark.parametrize("status", [400, 422, 500])
    def test_a_failed_task_may_come_as_an_http_error(self, status: int) -> None:
        body = {
            "id": "video_gen_1",
            "model": "wan",
            "status": "failed",
            "error": {"message": "oom"},
        }

        task = decode(body, status)

        assert (task.phase, task.failure) == (Phase.FAILED, TaskFailure(None, "oom"))

    def test_a_task_may_be_inside_the_detail_of_an_http_error(self) -> None:
        assert decode({"detail": {"id": ID, "status": "failed"}}, 500).phase is Phase.FAILED
        assert decode({"object": "video", "status": "in_progress"}, 503).phase is Phase.RUNNING
        assert decode({"id": "task_01", "status": "failed"}, 500).phase is Phase.FAILED

    def test_only_a_failed_task_is_inside_an_error_of_a_good_response(self) -> None:
        error = {"message": "no", "code": "x"}

        assert decode({"error": error, "detail": {"status": "failed"}}).phase is Phase.FAILED
        assert error_of({"error": error, "detail": {"status": "completed"}}).code == "x"

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"type": "about:blank", "title": "Gone", "status": 404, "detail": "no"}, 404),
            ({"status": "error", "message": "try later"}, 500),
            ({"id": "req_1", "status": "error", "message": "too many"}, 429),
            ({"id": "req_1", "status": "error", "message": "oops"}, 500),
            ({"id": "req_1", "status": "failed"}, 503),
            ({"id": "req_1", "status": "failed", "message": "internal"}, 500),
            ({"task_id": ID, "status": "error", "message": "upstream timeout"}, 504),
            ({"id": ID, "status": "error", "message": "rate limited"}, 429),
            ({"id": ID, "status": "not_found"}, 404),
            ({"id": ID, "status": "unavailable"}, 503),
            ({"id": 1, "status": "failed"}, 503),
            ({"id": ID, "object": "video", "status": "error", "error": "overloaded"}, 503),
            ({"id": ID, "status": "failed", "message": "upstream timeout"}, 504),
            ({"id": ID, "status": "failed"}, 409),
            ({"object": "video", "status": "queued", "error": {"code": "insufficient_quota"}}, 402),
            ({"detail": {"status": 3}}, 500),
            (["failed"], 500),
        ],
    )
    def test_an_error_that_has_a_status_word_is_no_failed_task(
        self, body: object, status: int
    ) -> None:
        assert isinstance(error_of(body, status), errors.ResponseError)


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "body", "expected"),
        [
            (401, {}, errors.AuthenticationError),
            (403, {"error": {"message": "no rights"}}, errors.PermissionDeniedError),
            (403, {"error": {"message": "用户额度不足"}}, errors.InsufficientQuotaError),
            (402, {}, errors.InsufficientQuotaError),
            (429, {"error": {"code": "insufficient_user_quota"}}, errors.InsufficientQuotaError),
            (429, {"error": {"type": "insufficient_quota"}}, errors.InsufficientQuotaError),
            (429, {"error": "slow down"}, errors.RateLimitError),
            (404, {"detail": "Not Found"}, errors.TaskNotFoundError),
            (404, {"error": {"code": "model_not_found"}}, errors.ResponseError),
            (404, {"error": {"code": "DEPLOYMENT NOT-FOUND"}}, errors.ResponseError),
            (404, {"error": {"message": "Invalid URL (GET /v1/v1/x)"}}, errors.ResponseError),
            (404, {"message": "no Route matched with those values"}, errors.ResponseError),
            (404, {"error_msg": "404", "message": "Route not found"}, errors.ResponseError),
            (404, {"message": "接口不存在"}, errors.ResponseError),
            (404, {"error": {"code": "task_not_exist"}}, errors.TaskNotFoundError),
            (404, {"error": {"code": "video_not_found"}}, errors.TaskNotFoundError),
            (404, {"error": {"message": "Video with id 'x' not found."}}, errors.TaskNotFoundError),
            (
                400,
                {"code": "task_not_exist", "message": "task_not_exist"},
                errors.TaskNotFoundError,
            ),
            (400, {"detail": [{"loc": ["id"], "msg": "too short"}]}, errors.ResponseError),
            (422, {"detail": ["too short"]}, errors.ResponseError),
            (410, {}, errors.ResponseError),
            (304, b"", errors.ServiceUnavailableError),
            (503, {"error": {"code": "model_not_found"}}, errors.ResponseError),
            (503, {"error": {"code": "task_not_found"}}, errors.ServiceUnavailableError),
            (408, {}, errors.ServiceUnavailableError),
            (409, {}, errors.ServiceUnavailableError),
            (425, {}, errors.ServiceUnavailableError),
            (500, b"<html>oops</html>", errors.ServiceUnavailableError),
            (524, b"error code: 524", errors.ServiceUnavailableError),
            (200, {"error": {"code": "task_not_found"}}, errors.TaskNotFoundError),
            (200, {"error": {"code": "rate_limit_exceeded"}}, errors.RateLimitError),
            (200, {"error": {"type": "server_error"}}, errors.ServiceUnavailableError),
            (200, {"error": {"type": "authentication_error"}}, errors.AuthenticationError),
            (200, {"code": 503, "message": "busy"}, errors.ServiceUnavailableError),
            (200, {"code": "401", "message": "who"}, errors.AuthenticationError),
            (200, {"code": 2001, "msg": "busy", "retryAfter": 15}, errors.ServiceUnavailableError),
            (200, {"code": 2001, "msg": "odd"}, errors.ResponseError),
            (200, {"success": False, "message": "odd"}, errors.ResponseError),
            (200, {"detail": "odd"}, errors.ResponseError),
            (200, {"id": ID, "error": {"message": "odd"}}, errors.ResponseError),
        ],
    )
    def test_an_error_has_the_class_that_says_what_to_do(
        self, status: int, body: object, expected: type[errors.ResponseError]
    ) -> None:
        error = error_of(body, status)

        assert type(error) is expected
        assert error.status == status

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"error": {"message": "m"}}, "m"),
            ({"error": "m"}, "m"),
            ({"detail": "m"}, "m"),
            ({"detail": [{"msg": "m"}]}, "m"),
            ({"detail": [[]]}, None),
            ({"message": "m"}, "m"),
            ({"msg": "m"}, "m"),
            (b"m", "m"),
            (b"<html>m</html>", None),
            (b"", None),
            ([1], None),
        ],
    )
    def test_a_message_is_found_in_every_shape_of_body(
        self, body: object, message: str | None
    ) -> None:
        assert error_of(body, 500).message == message

    def test_no_whole_body_enters_a_message(self) -> None:
        assert len(error_of(b"x" * 100_000, 500).message) <= 501

    def test_a_request_id_is_taken_from_header_body_or_message(self) -> None:
        assert error_of({}, 500, X_Request_Id="r1").request_id == "r1"
        assert error_of({"request_id": "r2"}, 500).request_id == "r2"
        assert error_of({"message": "broken (request id: r3)"}, 500).request_id == "r3"
        assert error_of({}, 500).request_id is None

    def test_a_missing_key_is_told_from_a_wrong_one(self) -> None:
        with pytest.raises(errors.AuthenticationError) as caught:
            decode_response(response({}, 401), task_id=ID)

        assert caught.value.is_keyless
        assert not error_of({}, 401).is_keyless

    @pytest.mark.parametrize(
        ("body", "status", "is_html", "reason"),
        [
            (b"\xef\xbb\xbf <!doctype html>", 200, True, "a web page"),
            (b"<html>404</html>", 404, True, "a web page"),
            (b"<!DOCTYPE html><title>Just a moment...</title>", 403, True, "a web page"),
            (b"", 200, False, "an empty body"),
            (b'{"id": ', 200, False, "a body that is no JSON"),
            ("ü".encode("latin-1"), 200, False, "a body that is no JSON"),
            (b"[1]", 200, False, "JSON that is no object: list"),
            (b"null", 200, False, "JSON that is no object: null"),
            (b"[" * 101 + b"]" * 101, 200, False, "JSON nested deeper than 100 levels"),
            (b"[" * 100_000, 200, False, "JSON of more than 60000 values"),
            (b'{"n":' + b"9" * 5000 + b"}", 200, False, "a body that is no JSON"),
            ({"object": "list", "data": []}, 200, False, "another endpoint's answer, not a task"),
            ({"id": ID, "deleted": True}, 200, False, "another endpoint's answer, not a task"),
        ],
    )
    def test_what_is_no_task_and_no_error_says_what_it_is(
        self, body: object, status: int, is_html: bool, reason: str
    ) -> None:
        error = error_of(body, status)

        assert isinstance(error, errors.InvalidResponseError)
        assert (error.is_html, error.reason) == (is_html, reason)

    def test_brackets_in_a_text_are_no_nesting(self) -> None:
        prompt = '[{"\\' * 60
        wide = {"id": ID, "prompt": prompt, "list": [[]] * 120}

        assert decode(wide).prompt == prompt

    def test_odd_numbers_and_duplicate_keys_do_no_harm(self) -> None:
        body = f'''{{
            "id": "{ID}", "progress": NaN, "created_at": 1e400, "seconds": {"9" * 400},
            "status": "queued", "status": "running"
        }}'''

        task = decode(body.encode())

        assert (task.phase, task.progress, task.created_at) == (Phase.RUNNING, None, None)


class TestHints:
    @pytest.mark.parametrize(
        ("headers", "body", "expected"),
        [
            ({"Retry_After": "37"}, {}, 37.0),
            ({"Retry_After": " 1.5 "}, {}, 1.5),
            ({"Retry_After": "12", "retry_after_ms": "11840"}, {}, 11.84),
            ({"retry_after_ms": "-5", "Retry_After": "3"}, {}, 3.0),
            ({"Retry_After": "Wed, 14 Jan 2026 08:01:00 GMT"}, {}, 60.0),
            ({"Retry_After": "Wed, 14 Jan 2026 08:01:00 -0000"}, {}, 60.0),
            ({"Retry_After": "Wed, 14 Jan 2026 07:59:00 GMT"}, {}, 0.0),
            ({"Retry_After": "2026-01-14T08:00:30Z"}, {}, 30.0),
            (
                # The server's clock is a year behind ours: only its own two times count.
                {
                    "Retry_After": "Tue, 14 Jan 2025 08:00:30 GMT",
                    "Date": "Tue, 14 Jan 2025 08:00:00 GMT",
                },
                {},
                30.0,
            ),
            ({"Retry_After": "soon"}, {}, None),
            ({"Retry_After": "-3"}, {}, 0.0),
            ({"Retry_After": "nan"}, {}, None),
            ({"Retry_After": "999999999"}, {}, 3600.0),
            ({"llm_provider_retry_after": "9"}, {}, None),
            ({}, {"retryAfter": 15}, 15.0),
            ({}, {"error": {"retry_after": "7"}}, 7.0),
            ({}, {"retryAfter": -1}, None),
            ({}, {}, None),
        ],
    )
    def test_a_hint_is_read_in_every_spelling(
        self, headers: dict[str, str], body: object, expected: float | None
    ) -> None:
        assert error_of(body, 429, **headers).retry_after == expected

    def test_a_hint_renamed_by_a_relay_is_read(self) -> None:
        headers = CIMultiDict({"llm_provider-retry-after": "9"})

        with pytest.raises(errors.RateLimitError) as caught:
            decode_response(attrs.evolve(response({}, 429), headers=headers), task_id=ID)

        assert caught.value.retry_after == 9.0


class TestSecret:
    def test_a_key_that_comes_back_is_cut_out_of_an_error(self) -> None:
        error = error_of({"error": {"message": f"wrong key {KEY}", "code": KEY}}, 401)

        assert KEY not in str(error) and KEY not in repr(error)
        assert "[key]" in str(error)

    def test_a_key_that_comes_back_is_cut_out_of_a_task_but_not_of_its_url(self) -> None:
        done = decode(
            {"id": ID, "status": "completed", "model": KEY, "video_url": f"{VIDEO}?key={KEY}"}
        )
        failed = decode({"id": ID, "status": "failed", "error": f"bad {KEY}"})

        assert done.video_url == f"{VIDEO}?key={KEY}"
        assert KEY not in repr(done) and KEY not in str(done.raw)
        assert failed.video_url is None and failed.failure == TaskFailure(None, "bad [key]")

    def test_a_key_that_json_escaped_is_found_too(self) -> None:
        body = b'{"error": "bad sk-a\\/b-012345"}'

        with pytest.raises(errors.SoraError) as caught:
            decode_response(response(body, 400), task_id=ID, secrets=("sk-a/b-012345",))

        assert "sk-a/b-012345" not in str(caught.value)

    @pytest.mark.parametrize(
        "body",
        [
            json.dumps({"error": f"bad {KEY}"}).replace("sk-", "\\u0073k-").encode(),
            json.dumps({"error": f"bad {KEY}"}).encode("utf-16"),
            f"bad {KEY}".encode(),
        ],
        ids=["escaped", "utf-16", "plain"],
    )
    def test_a_key_is_cut_out_however_a_body_spells_it(self, body: bytes) -> None:
        assert error_of(body, 401).message == "bad [key]"
        assert error_of(body, 401, X_Request_Id=KEY).request_id == "[key]"

    def test_a_failure_whose_escapes_hide_the_key_shows_none(self) -> None:
        body = json.dumps({"id": ID, "status": "failed", "error": f"bad {KEY}"})

        task = decode(body.replace("sk-", "\\u0073k-").encode())

        assert task.failure == TaskFailure(None, "bad [key]")

    def test_a_key_in_a_url_is_found_as_it_is_written_there(self) -> None:
        key = "sk/abc/def/123456"
        body = json.dumps({"error": "?key=sk%2Fabc%2Fdef%2F123456"}).encode()

        with pytest.raises(errors.SoraError) as caught:
            decode_response(response(body, 400), task_id=ID, secrets=("x", key))

        assert "?key=[key]" in str(caught.value)

    def test_a_key_as_short_as_a_word_is_not_looked_for_inside_one(self) -> None:
        task = decode_response(
            response({"id": ID, "model": "sora-2"}), task_id=ID, secrets=("sora",)
        )

        assert task.model == "sora-2"


def test_a_text_beside_an_unknown_status_word_is_no_error() -> None:
    seen = decode_response(
        Response(
            url=URL,
            status=200,
            headers=CIMultiDict(),
            body=json.dumps({"id": [], "status": "polishing", "message": "almost there"}).encode(),
            received=RECEIVED,
        ),
        task_id=ID,
        secrets=(),
        content=None,
    )

    assert seen.phase is Phase.RUNNING


def test_a_url_inside_a_text_ends_no_task_that_goes_on() -> None:
    outputs = json.dumps({"video_url": VIDEO})
    bodies = {
        status: json.dumps({"id": ID, "status": status, "outputs": outputs}).encode()
        for status in ("queued", "completed")
    }

    seen = {
        status: decode_response(
            Response(url=URL, status=200, headers=CIMultiDict(), body=body, received=RECEIVED),
            task_id=ID,
            secrets=(),
            content=None,
        )
        for status, body in bodies.items()
    }

    assert seen["queued"].phase is Phase.QUEUED
    assert seen["completed"].video_url == VIDEO


def test_a_403_without_a_key_asks_for_a_key() -> None:
    body = json.dumps({"error": {"code": "forbidden", "message": "no access"}}).encode()
    response = Response(url=URL, status=403, headers=CIMultiDict(), body=body, received=RECEIVED)

    with pytest.raises(errors.AuthenticationError):
        decode_response(response, task_id=ID, secrets=(), content=None)
    with pytest.raises(errors.PermissionDeniedError):
        decode_response(response, task_id=ID, secrets=(KEY,), content=None)
