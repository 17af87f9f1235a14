"""What a download does after what it has seen: pure decisions, driven through any history."""

from collections import Counter
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_async import (
    AuthenticationError,
    ConnectionFailedError,
    DownloadInterruptedError,
    InsufficientQuotaError,
    InvalidResponseError,
    NotAVideoError,
    Phase,
    RateLimitError,
    ResponseError,
    ServiceUnavailableError,
    TaskFailedError,
    TaskNotFoundError,
    UnsafeURLError,
    VariantMissingError,
    VideoGoneError,
    VideoNotReadyError,
    VideoTask,
    VideoTooLargeError,
)
from sora_async._download.content_range import ContentRange
from sora_async._download.decide import (
    LINK_GRACE,
    MAX_FAILURES,
    MAX_REFRESHES,
    MAX_RETRY_AFTER,
    MIN_PROGRESS,
    NOT_READY_GRACE,
    decide,
)
from sora_async._download.request import DownloadRequest
from sora_async._download.state import (
    Action,
    Complete,
    ConnectionBroken,
    DownloadState,
    ErrorResponse,
    Fail,
    Observation,
    RefreshUrl,
    ResponseEnded,
    ResponseStarted,
    SendRequest,
    TaskUnavailable,
    UrlInstead,
    WriteBody,
    digest_url,
)

CDN = "https://cdn.example/a.mp4?sig=1"
CONTENT = "https://api.example/v1/videos/x/content"
BROKEN = ConnectionFailedError("https://cdn.example/a.mp4", "reset")
GONE = VideoGoneError("x", "/a.mp4", "the link answered 403")
WAITING = DownloadInterruptedError("x", "/a.mp4", "8 requests in a row failed: reset")
STRANGE = NotAVideoError("x", "/a.mp4", "a web page came, and no video")
MIB = 1 << 20


def longest(ceiling: float) -> float:
    return ceiling


def state(**known: Any) -> DownloadState:
    request = DownloadRequest(task_id="x", path="/a.mp4", jitter=longest)
    known = {"url": CDN, "url_digest": digest_url(CDN), **known}
    return DownloadState(request=request, **known)


def held(size: int = MIB, **known: Any) -> DownloadState:
    """A download that has some bytes of a file of ten times as many."""
    return state(size=size, peak_size=size, validator='"v"', total=10 * MIB, **known)


def task(phase: Phase = Phase.SUCCEEDED, video: str | None = CDN) -> VideoTask:
    content = CONTENT if phase is Phase.SUCCEEDED else None
    return VideoTask(id="x", phase=phase, video_url=video, content_url=content)


def head(status: int = 200, *, url: str = CDN, missing: int = 0, **known: Any) -> ResponseStarted:
    parts = {"first": 0, "total": 10 * MIB, "validator": '"v"', "is_encoded": False, **known}
    part = ContentRange(status=status, **parts)
    return ResponseStarted(url=url.partition("?")[0], part=part, missing=missing)


def refusal(
    status: int, error: Any = GONE, *, from_service: bool = False, retry_after: float = 0
) -> ErrorResponse:
    return ErrorResponse(
        status=status, error=error, from_service=from_service, retry_after=retry_after or None
    )


def see(
    before: DownloadState, seen: Observation, *, now: float = 0.0
) -> tuple[DownloadState, Action]:
    return decide(before, seen, now=now)


class TestAddress:
    def test_a_url_wins_over_the_content_address(self) -> None:
        after, decision = see(state(url=None), task())

        assert (after.url, after.is_content, decision) == (CDN, False, SendRequest())

    def test_without_a_url_the_service_itself_has_the_file(self) -> None:
        after, decision = see(state(url=None), task(video=None))

        assert (after.url, after.is_content, decision) == (CONTENT, True, SendRequest())

    def test_a_dead_url_leads_to_the_content_address(self) -> None:
        after, _ = see(state(failed_urls=frozenset({CDN})), task())

        assert after.url == CONTENT

    def test_a_variant_is_at_the_content_address_only(self) -> None:
        before = attrs.evolve(state(), request=attrs.evolve(state().request, variant="a b"))

        after, _ = see(before, task())

        assert after.url == f"{CONTENT}?variant=a%20b"
        assert before.request.source == "x a b"

    def test_a_task_that_goes_on_has_no_video_yet(self) -> None:
        _, decision = see(state(url=None), task(Phase.RUNNING, None))

        assert isinstance(decision, Fail)
        assert isinstance(decision.error, VideoNotReadyError)

    def test_a_failed_task_never_will(self) -> None:
        _, decision = see(state(url=None), task(Phase.FAILED, None))

        assert isinstance(decision, Fail) and isinstance(decision.error, TaskFailedError)

    @pytest.mark.parametrize("fault", [None, BROKEN, GONE])
    def test_when_all_are_dead_the_video_is_gone(self, fault: Any) -> None:
        _, decision = see(state(failed_urls=frozenset({CDN, CONTENT}), last_error=fault), task())

        assert isinstance(decision, Fail) and isinstance(decision.error, VideoGoneError)
        assert decision.error is GONE or decision.error.__cause__ is fault


def test_the_error_after_many_attempts_has_no_advice_of_the_last_one() -> None:
    busy = ServiceUnavailableError(CONTENT, 503, None, "busy")
    seen = ErrorResponse(status=503, error=busy, from_service=True, retry_after=None)
    before = state(url=CONTENT, is_content=True, failures=MAX_FAILURES - 1)

    _, decision = see(before, seen)

    assert isinstance(decision, Fail)
    assert isinstance(decision.error, DownloadInterruptedError)
    assert decision.error.reason == "8 requests in a row failed: answered 503: busy"


class TestHead:
    def test_a_whole_file_is_taken_from_its_beginning(self) -> None:
        after, decision = see(state(last_error=BROKEN), head())

        assert decision == WriteBody(0)
        assert (after.validator, after.total, after.last_error) == ('"v"', 10 * MIB, None)
        assert (after.size, after.resume_offset) == (0, 0)

    def test_a_part_that_fits_is_taken(self) -> None:
        _, decision = see(held(), head(206, first=MIB))

        assert decision == WriteBody(MIB)

    def test_a_server_that_ignores_the_range_sends_the_whole(self) -> None:
        after, decision = see(held(), head(validator='"w"', total=5))

        assert decision == WriteBody(0)
        assert (after.size, after.validator, after.total) == (0, '"w"', 5)

    @pytest.mark.parametrize(
        "known",
        [
            {"first": MIB - 1},
            {"first": None},
            {"validator": '"w"'},
            {"validator": None},
            {"total": 9 * MIB},
            {"is_encoded": True},
            {"url": "https://other.example/a.mp4"},
        ],
        ids=str,
    )
    def test_a_part_that_does_not_fit_is_a_new_beginning(self, known: dict[str, Any]) -> None:
        after, decision = see(held(), head(206, **{"first": MIB, **known}))

        assert isinstance(decision, SendRequest)
        assert (after.resume_offset, after.size, after.failures) == (0, 0, 1)

    def test_a_part_need_not_tell_how_long_the_whole_is(self) -> None:
        after, decision = see(held(), head(206, first=MIB, total=None))

        assert (after.total, decision) == (10 * MIB, WriteBody(MIB))

    def test_of_a_date_a_part_may_be_silent(self) -> None:
        before = attrs.evolve(held(), validator="Wed, 14 Jan 2026 08:00:00 GMT")

        _, decision = see(before, head(206, first=MIB, validator=None))

        assert decision == WriteBody(MIB)

    def test_a_part_that_nobody_asked_for_is_taken_if_it_is_the_beginning(self) -> None:
        assert see(state(), head(206))[1] == WriteBody(0)
        assert isinstance(see(state(), head(206, first=5))[1], SendRequest)

    def test_without_a_validator_nothing_is_asked_for_but_the_whole(self) -> None:
        assert attrs.evolve(held(), validator=None).resume_offset == 0

    def test_nothing_left_to_send_is_the_end(self) -> None:
        before = held(10 * MIB)

        assert see(before, head(416, first=None, total=10 * MIB))[1] == Complete()
        assert isinstance(see(before, head(416, first=None, total=None))[1], SendRequest)
        assert see(before, head(416, first=None, total=9))[0].resume_offset == 0
        half = held(5 * MIB)
        lie = head(416, first=None, total=5 * MIB)
        assert isinstance(see(half, lie)[1], SendRequest)  # the first response said otherwise
        unknown = attrs.evolve(half, total=None)
        assert see(unknown, lie)[1] == Complete()
        assert isinstance(see(unknown, attrs.evolve(lie, missing=1))[1], SendRequest)
        other = head(416, first=None, total=10 * MIB, validator='"w"')
        assert isinstance(see(before, other)[1], SendRequest)
        assert isinstance(see(state(), head(416, first=None, total=0))[1], SendRequest)

    def test_a_file_that_is_too_large_is_not_begun(self) -> None:
        before = attrs.evolve(state(), request=attrs.evolve(state().request, max_size=MIB))

        _, decision = see(before, head())

        assert isinstance(decision, Fail) and isinstance(decision.error, VideoTooLargeError)
        assert decision.error.size == 10 * MIB


class TestRefusal:
    @pytest.mark.parametrize("status", [400, 401, 403, 410, 200])
    def test_a_link_that_gives_no_video_is_renewed(self, status: int) -> None:
        after, decision = see(state(), refusal(status))

        assert (after.failed_urls, decision) == ({CDN}, RefreshUrl())

    @pytest.mark.parametrize("status", [404, 409, 425])
    def test_a_file_host_may_be_late_as_content_may(self, status: int) -> None:
        after, first = see(state(), refusal(status), now=100.0)
        after, second = see(after, refusal(status), now=100.0 + LINK_GRACE - 1)
        after, third = see(after, refusal(status), now=100.0 + LINK_GRACE)

        assert isinstance(first, SendRequest) and isinstance(second, SendRequest)
        assert (third, after.failed_urls) == (RefreshUrl(), {CDN})

    @pytest.mark.parametrize(
        "seen", [ConnectionBroken(BROKEN, 0), refusal(500), refusal(404), refusal(403)], ids=str
    )
    def test_a_dead_link_leads_to_a_fresh_one_and_then_to_content(self, seen: Observation) -> None:
        now, decision = see(state(url=None), task())
        asked, clock = [], 0.0
        while not isinstance(decision, Fail) and not now.is_content:
            if isinstance(decision, RefreshUrl):
                now, decision = see(now, task(video=f"{CDN}&{now.refreshes}"), now=clock)
                continue
            clock += decision.delay + 1  # type: ignore[union-attr]
            asked.append(now.url)
            now, decision = see(now, seen, now=clock)

        assert list(dict.fromkeys(asked)) == [CDN, f"{CDN}&1"]
        assert all(asked.count(url) <= MAX_FAILURES for url in asked)
        assert (now.url, decision) == (CONTENT, SendRequest())

    def test_the_service_is_asked_for_no_more_links_than_a_few(self) -> None:
        now, decision = state(), RefreshUrl()
        for number in range(MAX_REFRESHES + 1):
            assert decision == RefreshUrl()
            url = f"{CDN}&{number}"
            now, _ = see(now, attrs.evolve(task(video=url), content_url=None))
            now, decision = see(now, refusal(403))  # type: ignore[assignment]

        assert decision == Fail(GONE)

    @pytest.mark.parametrize("last", [refusal(403), refusal(410, from_service=True)], ids=str)
    def test_what_may_work_later_is_not_gone(self, last: Observation) -> None:
        now, decision = state(), SendRequest()
        for moment in (0.0, LINK_GRACE):
            now, decision = see(now, ConnectionBroken(BROKEN, 0), now=moment)  # type: ignore[assignment]
        assert decision == RefreshUrl()
        now, _ = see(now, task())
        now = attrs.evolve(now, failures=MAX_FAILURES - 1)
        now, decision = see(now, last)  # type: ignore[assignment]
        if decision == RefreshUrl():
            now, decision = see(now, task())  # type: ignore[assignment]

        assert isinstance(decision, Fail)
        assert isinstance(decision.error, DownloadInterruptedError)

    def test_a_refusal_by_content_is_no_reason_to_forget_a_link_that_may_work(self) -> None:
        before = state(url=CONTENT, is_content=True, transient_error=WAITING)

        _, decision = see(before, refusal(405, ResponseError("u", 405), from_service=True))

        assert isinstance(decision, Fail)
        assert decision.error is WAITING

    @pytest.mark.parametrize("error", [GONE, TaskNotFoundError("u", 404)])
    def test_a_variant_that_is_missing_says_nothing_of_the_video(self, error: Any) -> None:
        request = attrs.evolve(state().request, variant="thumbnail")
        before = attrs.evolve(state(url=CONTENT, is_content=True), request=request)
        before = attrs.evolve(before, not_ready_since=0.0)

        _, decision = see(before, refusal(404, error, from_service=True), now=NOT_READY_GRACE)

        assert isinstance(decision, Fail)
        assert isinstance(decision.error, VariantMissingError)
        assert "'thumbnail'" in str(decision.error) and "again" not in str(decision.error)

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (503, ServiceUnavailableError("u", 503)),
            (429, RateLimitError("u", 429)),
            (408, GONE),
            (599, GONE),
        ],
    )
    def test_what_may_pass_is_asked_again(self, status: int, error: Any) -> None:
        for from_service in (True, False):
            after, decision = see(state(), refusal(status, error, from_service=from_service))

            assert decision == SendRequest(0.5)
            assert (after.failures, after.failed_urls) == (1, frozenset())

    def test_a_silence_that_is_asked_for_is_kept(self) -> None:
        assert see(state(), refusal(503, retry_after=20))[1] == SendRequest(22)
        too_long = refusal(429, retry_after=MAX_RETRY_AFTER + 1)
        after, decision = see(state(), too_long)
        assert (after.failed_urls, decision) == ({CDN}, RefreshUrl())
        _, decision = see(state(url=CONTENT, is_content=True), too_long)
        assert isinstance(decision, Fail)
        assert isinstance(decision.error, DownloadInterruptedError)

    @pytest.mark.parametrize("status", [400, 401, 403])
    def test_a_link_of_the_services_own_is_tried_without_the_key_as_well(self, status: int) -> None:
        after, first = see(state(), refusal(status, from_service=True))
        after, second = see(after, refusal(status, from_service=True))

        assert first == SendRequest()
        assert (second, after.failed_urls) == (RefreshUrl(), {CDN})

    @pytest.mark.parametrize("status", [400, 404, 409, 422, 425, 200, 202])
    def test_the_content_may_be_early_for_a_while(self, status: int) -> None:
        before = state(url=CONTENT, is_content=True)
        seen = refusal(status, TaskNotFoundError("u", 404), from_service=True)

        after, first = see(before, seen, now=100.0)
        after, second = see(after, seen, now=100.0 + NOT_READY_GRACE - 1)
        _, third = see(after, seen, now=100.0 + NOT_READY_GRACE)

        assert isinstance(first, RefreshUrl) and isinstance(second, RefreshUrl)
        assert 0 < first.delay < 5
        assert isinstance(third, Fail) and isinstance(third.error, VideoGoneError)

    def test_a_content_that_never_is_a_video_is_none(self) -> None:
        before = state(url=CONTENT, is_content=True, not_ready_since=0.0)

        _, decision = see(before, refusal(200, STRANGE, from_service=True), now=NOT_READY_GRACE)

        assert decision == Fail(STRANGE)

    def test_the_content_may_be_early_although_there_was_a_link(self) -> None:
        before = state(url=CONTENT, is_content=True, failed_urls=frozenset({CDN}))

        after, decision = see(before, refusal(400, from_service=True))

        assert (after.failed_urls, type(decision)) == ({CDN}, RefreshUrl)

    def test_a_link_is_asked_eight_times_at_most_and_for_its_whole_grace(self) -> None:
        def shortest(ceiling: float) -> float:
            return 0.0

        for jitter in (shortest, longest):
            request = attrs.evolve(state().request, jitter=jitter)
            now, decision = attrs.evolve(state(), request=request), SendRequest()
            clock, requests = 0.0, 0
            while isinstance(decision, SendRequest):
                clock, requests = clock + decision.delay, requests + 1
                now, decision = see(now, ConnectionBroken(BROKEN, 0), now=clock)  # type: ignore[assignment]

            assert clock >= LINK_GRACE
            assert requests <= MAX_FAILURES
            assert decision == RefreshUrl()

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (401, AuthenticationError("u", 401)),
            (403, InsufficientQuotaError("u", 403)),
            (405, ResponseError("u", 405)),
        ],
    )
    def test_what_the_service_refuses_for_good_ends_it(self, status: int, error: Any) -> None:
        before = state(url=CONTENT, is_content=True)

        assert see(before, refusal(status, error, from_service=True))[1] == Fail(error)

    def test_a_challenge_of_a_gateway_before_the_service_ends_nothing(self) -> None:
        before = state(url=CONTENT, is_content=True)
        challenge = InvalidResponseError("u", 403, "a web page", True)

        after, decision = see(before, refusal(403, challenge, from_service=True))

        assert (after.url, after.failures, decision) == (CONTENT, 1, SendRequest(0.5))

    def test_a_job_that_failed_ends_it_wherever_it_is_told(self) -> None:
        failed = TaskFailedError(task(Phase.FAILED, None))

        assert see(state(), refusal(500, failed))[1] == Fail(failed)

    def test_where_a_redirect_leads_to_a_dead_link_the_next_one_may_not(self) -> None:
        before = state(url=CONTENT, is_content=True)

        after, decision = see(before, refusal(403))

        assert (after.url, after.failures, decision) == (CONTENT, 1, SendRequest(0.5))

    def test_an_address_that_is_refused_leads_to_the_next_one(self) -> None:
        refused = UnsafeURLError("x", "/a.mp4", "inside")

        after, first = see(state(), refused)
        after, _ = see(after, task())
        after, _ = see(after, refused)
        _, last = see(after, task())

        assert (first, after.failed_urls) == (RefreshUrl(), {CDN, CONTENT})
        assert last == Fail(refused)


class TestLink:
    def test_a_link_in_the_digest_url_the_file_is_followed(self) -> None:
        before = state(url=CONTENT, is_content=True)

        after, decision = see(before, UrlInstead(CDN))

        assert (after.url, after.is_content, decision) == (CDN, False, SendRequest())

    def test_a_dead_one_is_not(self) -> None:
        before = state(url=CONTENT, is_content=True, failed_urls=frozenset({CDN}))

        after, decision = see(before, UrlInstead(CDN))

        assert (after.failed_urls, decision) == ({CDN, CONTENT}, RefreshUrl())


class TestBreak:
    def test_pauses_grow_while_there_is_no_progress(self) -> None:
        now, pauses = held(url=CONTENT, is_content=True), []
        for _ in range(MAX_FAILURES - 1):
            now, decision = see(now, ConnectionBroken(BROKEN, MIB))
            assert isinstance(decision, SendRequest)
            pauses.append(decision.delay)
        _, decision = see(now, ConnectionBroken(BROKEN, MIB))

        assert pauses == [0.5, 1, 2, 4, 8, 16, 30]
        assert isinstance(decision, Fail)
        assert isinstance(decision.error, DownloadInterruptedError)
        assert (decision.error.received, decision.error.total) == (MIB, 10 * MIB)
        assert decision.error.__cause__ is BROKEN

    def test_progress_makes_up_for_all_before(self) -> None:
        before = held(failures=7, refreshes=3, failed_urls=frozenset({CDN}), not_ready_since=1.0)

        after, decision = see(before, ConnectionBroken(BROKEN, MIB + MIN_PROGRESS))

        assert decision == SendRequest(0.5)
        assert (after.failures, after.refreshes, after.failed_urls, after.not_ready_since) == (
            *(1, 0, frozenset()),
            None,
        )
        assert (after.size, after.peak_size) == (MIB + MIN_PROGRESS, MIB + MIN_PROGRESS)

    def test_a_few_bytes_are_no_progress(self) -> None:
        assert (
            see(held(failures=3), ConnectionBroken(BROKEN, MIB + MIN_PROGRESS - 1))[0].failures == 4
        )

    def test_to_come_as_far_as_before_is_no_progress(self) -> None:
        after, _ = see(held(5 * MIB, failures=3), ConnectionBroken(BROKEN, 5 * MIB))

        assert after.failures == 4

    def test_a_service_that_is_silent_is_asked_for_the_link_again(self) -> None:
        after, decision = see(state(), TaskUnavailable(BROKEN))

        assert (after.failures, decision) == (1, RefreshUrl(0.5))
        assert isinstance(see(state(failures=MAX_FAILURES - 1), TaskUnavailable(BROKEN))[1], Fail)


class TestEnd:
    def test_a_file_that_is_all_here_is_whole(self) -> None:
        assert see(held(), ResponseEnded(10 * MIB))[1] == Complete()
        assert see(state(), ResponseEnded(77))[1] == Complete()

    @pytest.mark.parametrize("size", [10 * MIB - 1, 10 * MIB + 1])
    def test_one_of_another_length_is_not(self, size: int) -> None:
        after, decision = see(held(10 * MIB - 1), ResponseEnded(size))

        assert isinstance(decision, SendRequest)
        assert after.size == size

    def test_a_body_that_just_ended_too_early_is_gone_on_with(self) -> None:
        after, decision = see(state(validator='"v"'), ResponseEnded(MIB, missing=5))

        assert isinstance(decision, SendRequest)
        assert after.resume_offset == MIB

    def test_a_file_that_lacks_its_end_is_fetched_once_more(self) -> None:
        after, first = see(held(), ResponseEnded(10 * MIB, missing=5))
        again = attrs.evolve(after, total=10 * MIB)
        last, second = see(again, ResponseEnded(10 * MIB, missing=5))
        last = attrs.evolve(last, failed_urls=frozenset({CDN, CONTENT}))
        _, third = see(last, task())

        assert isinstance(first, SendRequest)
        assert after.resume_offset == 0
        assert second == RefreshUrl()  # another address may have a whole one
        assert isinstance(third, Fail) and isinstance(third.error, NotAVideoError)


sizes = st.integers(0, 12 * MIB)
statuses = st.sampled_from(
    [200, 202, 204, 301, 400, 401, 403, 404, 408, 410, 416, 422, 429, 500, 503]
)
anything: st.SearchStrategy[Observation] = st.one_of(
    st.builds(task, st.sampled_from(Phase), st.sampled_from([None, CDN, f"{CDN}&2", f"{CDN}&3"])),
    st.builds(
        head,
        st.sampled_from([200, 206, 416]),
        url=st.sampled_from([CDN, CONTENT]),
        first=st.none() | sizes,
        total=st.none() | sizes,
        validator=st.sampled_from([None, '"v"', '"w"', "a date"]),
        is_encoded=st.booleans(),
        missing=st.sampled_from([0, 5]),
    ),
    st.builds(
        refusal,
        statuses,
        st.sampled_from([GONE, STRANGE, AuthenticationError("u", 401)]),
        from_service=st.booleans(),
        retry_after=st.floats(0, 200),
    ),
    st.builds(UrlInstead, st.sampled_from([CDN, f"{CDN}&2"])),
    st.builds(ConnectionBroken, st.just(BROKEN), sizes),
    st.builds(ResponseEnded, sizes, st.sampled_from([0, 5])),
    st.just(TaskUnavailable(BROKEN)),
    st.just(UnsafeURLError("x", "/a.mp4", "inside")),
)


@given(st.lists(anything, max_size=60))
def test_whatever_is_seen_there_is_a_sound_decision(history: list[Observation]) -> None:
    now = state(url=None)
    for moment, seen in enumerate(history):
        now, decision = see(now, seen, now=float(moment))
        match decision:
            case SendRequest(seconds) | RefreshUrl(seconds):
                assert 0 <= seconds <= MAX_RETRY_AFTER * 1.1
            case WriteBody(first):
                assert isinstance(seen, ResponseStarted)
                assert first == now.size == now.resume_offset or first == 0
            case Complete():
                assert isinstance(seen, ResponseEnded | ResponseStarted)
                assert seen.missing == 0
                assert now.total in (None, now.size)
                if isinstance(seen, ResponseStarted):
                    assert (seen.part.status, seen.part.total) == (416, now.size)
                    assert now.size > 0
            case Fail(error):
                assert str(error)
                return
        assert now.failures <= MAX_FAILURES and now.refreshes <= MAX_REFRESHES + 1
        assert "sig=" not in (now.display_url or "")


@settings(max_examples=200)
@given(st.data())
def test_nothing_goes_on_for_ever_without_progress(data: st.DataObject) -> None:
    """A server of any malice, which sends no new bytes, is asked a bounded number of times."""
    now, clock = held(12 * MIB), 0.0
    decision: Action = RefreshUrl()
    asked, may_work_later = Counter[str | None](), set[str | None]()
    for requests in range(200):
        if isinstance(decision, Fail):
            if isinstance(decision.error, VideoGoneError):
                assert may_work_later == set()
            return
        if isinstance(decision, Complete):
            return
        if isinstance(decision, SendRequest) and not now.is_content:
            asked[now.url] += 1
            assert asked[now.url] <= MAX_FAILURES + now.without_key
        assert isinstance(decision, SendRequest | RefreshUrl | WriteBody)
        clock += getattr(decision, "delay", 0.0)
        if isinstance(decision, RefreshUrl):
            url = data.draw(st.sampled_from([None, CDN, f"{CDN}&{requests}"]))
            seen: Observation = data.draw(
                st.sampled_from([task(video=url), TaskUnavailable(BROKEN)])
            )
        elif isinstance(decision, WriteBody):
            most = 12 * MIB
            ends = [
                ConnectionBroken(BROKEN, most),
                ConnectionBroken(BROKEN, decision.offset),
                ResponseEnded(most, missing=1),
            ]
            seen = data.draw(st.sampled_from(ends))
        else:
            seen = data.draw(st.sampled_from(answers(now, requests)))
        url_before = now.url
        now, decision = see(now, seen, now=clock)
        is_abandoned = url_before in now.failed_urls and isinstance(decision, RefreshUrl)
        if is_abandoned and isinstance(seen, ConnectionBroken):
            may_work_later.add(url_before)
    raise AssertionError("it would go on for ever")


def answers(now: DownloadState, number: int) -> list[Observation]:
    """What a request may be answered; only ``/content`` can be early, or name a link."""
    of_any = [
        *(head(), head(206, first=now.resume_offset), head(206, first=7, validator=None)),
        *(head(416, first=None), ConnectionBroken(BROKEN, now.size)),
        *(
            refusal(status, from_service=own)
            for status in (200, 401, 404, 503)
            for own in (False, True)
        ),
        UnsafeURLError("x", "/a.mp4", "inside"),
    ]
    of_content = [UrlInstead(CDN), UrlInstead(f"{CDN}&{number}"), refusal(400, from_service=True)]
    return of_any + of_content if now.is_content else of_any
