"""Whether a wait goes on: outages, graces and ends."""

import math
from collections.abc import Sequence

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_async import errors
from sora_async._polling.decide import CheckContent, Decision, Done, GiveUp, Sleep, decide
from sora_async._polling.fault_policy import FaultPolicy, Until
from sora_async.models import Phase, VideoTask
from sora_async.schedule import DEFAULT_SCHEDULE, History, LearningSchedule, Schedule
from sora_async.schedule.backoff import FAULT_INTERVALS
from sora_async.schedule.history import Outage, furthest

ID = "task_1"
URL = "https://api.example/v1/videos/task_1"

Seen = VideoTask | errors.SoraError


def same(interval: float) -> float:
    return interval


EXACT = Schedule(intervals=(2.0, 4.0), jitter=same, first_jitter=same)
STEADY = FaultPolicy(jitter=same)

RUNNING = VideoTask(id=ID, status="running", phase=Phase.RUNNING, progress=0.4)
COMPLETED = VideoTask(
    id=ID, status="completed", phase=Phase.SUCCEEDED, content_url=f"{URL}/content"
)
DONE = attrs.evolve(COMPLETED, video_url="https://cdn.example/v.mp4")
FAILED = VideoTask(id=ID, status="failed", phase=Phase.FAILED)

BUSY = errors.ServiceUnavailableError(URL, 503)
LIMITED = errors.RateLimitError(URL, 429)
REFUSED = errors.ConnectionFailedError(URL, "refused")
PAGE = errors.InvalidResponseError(URL, 200, "a web page", True)
GARBAGE = errors.InvalidResponseError(URL, 200, "a body that is no JSON")
UNKNOWN = errors.TaskNotFoundError(URL, 404)
NO_ROUTE = errors.ResponseError(URL, 404, None, "Invalid URL (GET /v1/v1/videos/task_1)")


class Wait:
    """A wait that is fed with the outcomes of its polls."""

    def __init__(
        self,
        *,
        schedule: Schedule | LearningSchedule = EXACT,
        fault_policy: FaultPolicy = STEADY,
        service_seen: bool = False,
    ) -> None:
        self.history = History(task_id=ID, started=0.0)
        self.schedule = schedule
        self.fault_policy = fault_policy
        self.service_seen = service_seen

    def see(self, now: float, seen: Seen, *, last_success_at: float = -math.inf) -> Decision:
        self.service_seen |= isinstance(seen, VideoTask | errors.ResponseError)
        if isinstance(seen, VideoTask):
            self.history = self.history.after_task(seen, now=now)
        else:
            self.history = self.history.after_error(seen, now=now, last_success_at=last_success_at)
        decision = self.decide(now)
        if isinstance(decision, CheckContent):
            return self.decide(now, content_checked=True)
        return decision

    def decide(self, now: float, *, content_checked: bool = False) -> Decision:
        return decide(
            self.history,
            now=now,
            schedule=self.schedule,
            fault_policy=self.fault_policy,
            service_seen=self.service_seen,
            content_checked=content_checked,
        )


def run(
    *story: tuple[float, Seen], fault_policy: FaultPolicy = STEADY, service_seen: bool = False
) -> tuple[History, Decision]:
    """Feed outcomes at their moments; all but the last must let the wait go on."""
    wait = Wait(fault_policy=fault_policy, service_seen=service_seen)
    decision: Decision = Sleep(0.0)
    for now, seen in story:
        assert isinstance(decision, Sleep), f"the wait ended before {now}: {decision}"
        decision = wait.see(now, seen)
    return wait.history, decision


def outage_of(history: History) -> Outage:
    assert history.outage is not None
    return history.outage


def test_a_running_task_is_asked_again_on_schedule() -> None:
    assert run((0, RUNNING))[1] == Sleep(2.0)
    assert run((0, RUNNING), (2, RUNNING))[1] == Sleep(4.0)


def test_a_url_ends_the_wait() -> None:
    assert run((0, RUNNING), (2, DONE))[1] == Done(DONE)


def test_a_failed_task_ends_the_wait_with_its_error() -> None:
    decision = run((0, RUNNING), (2, FAILED))[1]

    assert isinstance(decision, GiveUp) and isinstance(decision.error, errors.TaskFailedError)
    assert decision.error.task == FAILED


def test_progress_never_goes_back() -> None:
    story = [attrs.evolve(RUNNING, progress=part) for part in (None, 0.4, 0.2, None, 0.5)]

    seen = [run(*((0, one) for one in story[: n + 1]))[0].progress for n in range(len(story))]

    assert seen == [None, 0.4, 0.4, 0.4, 0.5]
    assert (furthest(None, None), furthest(0.5, None), furthest(None, 0.5)) == (None, 0.5, 0.5)


class TestOutage:
    def test_faults_are_asked_again_by_their_own_ramp(self) -> None:
        story = [(0.0, RUNNING), *((1.0, BUSY) for _ in range(9))]

        delays = [run(*story[: n + 1])[1] for n in range(1, 10)]

        assert delays == [Sleep(seconds) for seconds in (0.5, 1, 2, 4, 8, 15, 15, 15, 15)]
        assert FAULT_INTERVALS == (0.5, 1, 2, 4, 8, 16, 30)

    def test_without_a_budget_delays_grow_to_half_a_minute(self) -> None:
        story = [(0.0, RUNNING), *((1.0, BUSY) for _ in range(9))]

        assert run(*story, fault_policy=attrs.evolve(STEADY, outage_timeout=None))[1] == Sleep(30.0)

    def test_twelve_faults_never_spend_the_budget_however_the_dice_fall(self) -> None:
        wait, now = Wait(), 0.0
        seen: Seen = RUNNING
        for _ in range(13):
            decision = wait.see(now, seen)
            assert isinstance(decision, Sleep)
            now, seen = now + decision.seconds, BUSY

        assert outage_of(wait.history).errors == 12

    def test_a_good_answer_ends_the_outage(self) -> None:
        history, decision = run(
            (0, RUNNING), (1, BUSY), (100, BUSY), (110, RUNNING), (115, BUSY), (234, BUSY)
        )

        assert isinstance(decision, Sleep)
        assert (outage_of(history).errors, outage_of(history).started) == (2, 115)

    def test_the_budget_spent_ends_the_wait_with_all_that_is_known(self) -> None:
        decision = run((0, RUNNING), (10, BUSY), (129.9, BUSY), (130, GARBAGE))[1]

        assert isinstance(decision, GiveUp)
        assert decision.error.args == (ID, RUNNING, 130, 4, GARBAGE, 120)
        assert isinstance(decision.error, errors.OutageError)

    def test_the_last_poll_of_the_budget_is_at_its_end(self) -> None:
        story = [(0.0, RUNNING), *((n, BUSY) for n in range(10, 17)), (115, BUSY)]

        assert run(*story)[1] == Sleep(15.0)

    def test_a_429_is_no_outage_while_the_service_serves_others(self) -> None:
        ends = []
        for last_success_at, fault in ((5.0, LIMITED), (30.0, LIMITED), (139.0, BUSY)):
            wait = Wait()
            for now, seen in ((0, RUNNING), (10, LIMITED), (120, LIMITED)):
                wait.see(now, seen)
            ends.append(wait.see(140.0, fault, last_success_at=last_success_at))

        assert [type(end) for end in ends] == [GiveUp, Sleep, GiveUp]

    def test_no_budget_means_as_long_as_the_wait_lasts(self) -> None:
        fault_policy = attrs.evolve(STEADY, outage_timeout=None)

        assert isinstance(
            run((0, RUNNING), (1, BUSY), (1e6, BUSY), fault_policy=fault_policy)[1], Sleep
        )
        assert isinstance(run((0, REFUSED), (11, REFUSED), fault_policy=fault_policy)[1], GiveUp)

    @pytest.mark.parametrize(
        "fault", [BUSY, LIMITED, REFUSED, PAGE, GARBAGE, errors.ResponseError(URL, 200)]
    )
    def test_what_may_pass_is_sat_out_once_the_task_was_seen(self, fault: errors.SoraError) -> None:
        assert isinstance(run((0, RUNNING), (1, fault))[1], Sleep)

    @pytest.mark.parametrize(
        "fault",
        [
            errors.ResponseError(URL, 422),
            errors.AuthenticationError(URL, 401),
            errors.AuthenticationError(URL, 200),
            errors.InsufficientQuotaError(URL, 429),
            errors.InsufficientQuotaError(URL, 200),
        ],
    )
    def test_what_will_not_pass_ends_the_wait_at_once(self, fault: errors.SoraError) -> None:
        assert run((0, fault))[1] == GiveUp(fault)
        assert run((0, RUNNING), (1, fault))[1] == GiveUp(fault)


class TestFirstContact:
    def test_a_web_page_first_of_all_is_a_wrong_address(self) -> None:
        assert run((0, PAGE))[1] == GiveUp(PAGE)

    def test_a_web_page_from_a_service_that_has_answered_before_is_an_outage(self) -> None:
        assert isinstance(run((0, PAGE), service_seen=True)[1], Sleep)

    @pytest.mark.parametrize("fault", [REFUSED, GARBAGE])
    def test_no_contact_ends_soon_with_the_fault_itself(self, fault: errors.SoraError) -> None:
        assert run((0, fault), (9.9, fault), (10, fault))[1] == GiveUp(fault)
        assert isinstance(run((0, fault), (10, fault), service_seen=True)[1], Sleep)

    def test_a_service_in_trouble_has_the_whole_budget_also_at_first(self) -> None:
        decision = run((0, BUSY), (119, BUSY), (120, BUSY))[1]

        assert isinstance(decision, GiveUp) and isinstance(decision.error, errors.OutageError)
        assert decision.error.last is None

    def test_a_notice_without_a_code_is_borne_for_a_moment(self) -> None:
        notice = errors.ResponseError(URL, 200, None, "task accepted")

        assert isinstance(run((0, notice), (2, RUNNING))[1], Sleep)
        assert run((0, notice), (10, notice))[1] == GiveUp(notice)
        assert isinstance(run((0, RUNNING), (1, notice), (12, notice))[1], Sleep)

    def test_an_error_with_a_good_status_is_final_at_first(self) -> None:
        fault = errors.ResponseError(URL, 200, "odd")

        assert run((0, fault))[1] == GiveUp(fault)

    def test_any_answer_of_the_service_is_an_acquaintance(self) -> None:
        for fault in (BUSY, LIMITED, UNKNOWN):
            assert isinstance(run((0, fault), (11, REFUSED), (12, PAGE))[1], Sleep)


class TestUnknownTask:
    def test_a_task_just_made_has_a_grace(self) -> None:
        assert run((0, UNKNOWN))[1] == Sleep(2.0)
        assert run((0, UNKNOWN), (2, UNKNOWN), (29.9, UNKNOWN))[1] == Sleep(4.0)
        assert run((0, UNKNOWN), (2, UNKNOWN), (30, UNKNOWN))[1] == GiveUp(UNKNOWN)
        assert isinstance(run((0, BUSY), (40, UNKNOWN), (42, UNKNOWN))[1], Sleep)

    def test_an_unknown_task_is_no_outage(self) -> None:
        history = run((0, UNKNOWN), (20, BUSY), (139, BUSY))[0]

        assert (outage_of(history).errors, outage_of(history).started) == (2, 20)

    @pytest.mark.parametrize("fault", [NO_ROUTE, errors.TaskNotFoundError(URL, 200)])
    def test_a_path_that_does_not_exist_has_no_grace(self, fault: errors.ResponseError) -> None:
        assert run((0, fault))[1] == GiveUp(fault)
        assert run((0, UNKNOWN), (2, fault))[1] == GiveUp(fault)
        assert isinstance(run((0, RUNNING), (1, fault), (3, fault))[1], Sleep)
        assert run((0, RUNNING), (1, fault), (3, fault), (5, fault))[1] == GiveUp(fault)

    def test_the_grace_can_be_chosen(self) -> None:
        at_once = attrs.evolve(STEADY, appear_within=0.0)
        patient = attrs.evolve(STEADY, appear_within=300.0)
        story = [(0.0, UNKNOWN), (2.0, UNKNOWN), (4.0, UNKNOWN)]

        assert run(*story, fault_policy=at_once)[1] == GiveUp(UNKNOWN)
        assert isinstance(run(*story, (299.0, UNKNOWN), fault_policy=patient)[1], Sleep)
        assert run(*story, (300.0, UNKNOWN), fault_policy=patient)[1] == GiveUp(UNKNOWN)

    def test_a_task_seen_before_may_be_unknown_twice(self) -> None:
        assert isinstance(run((0, RUNNING), (60, UNKNOWN), (62, UNKNOWN))[1], Sleep)
        assert run((0, RUNNING), (60, UNKNOWN), (62, UNKNOWN), (64, UNKNOWN))[1] == GiveUp(UNKNOWN)
        broken = ((60, UNKNOWN), (62, UNKNOWN), (63, BUSY), (64, UNKNOWN), (65, UNKNOWN))
        assert isinstance(run((0, RUNNING), *broken)[1], Sleep)
        assert isinstance(
            run((0, RUNNING), (1, UNKNOWN), (2, UNKNOWN), (3, RUNNING), (4, UNKNOWN))[1], Sleep
        )

    def test_unknown_with_a_good_status_is_final_at_first(self) -> None:
        fault = errors.TaskNotFoundError(URL, 200)

        assert run((0, fault))[1] == GiveUp(fault)
        assert isinstance(run((0, RUNNING), (1, fault))[1], Sleep)

    def test_a_hint_holds_for_an_unknown_task_too(self) -> None:
        assert run((0, errors.TaskNotFoundError(URL, 404, retry_after=9.0)))[1] == Sleep(9.9, 9.0)


class TestHint:
    def test_a_hint_is_a_lower_bound_for_the_next_poll_only(self) -> None:
        hinted = errors.RateLimitError(URL, 429, retry_after=50.0)

        assert run((0, RUNNING), (1, hinted))[1] == Sleep(55.0, 50.0)
        assert run((0, RUNNING), (1, hinted), (56, LIMITED))[1] == Sleep(1.0)

    def test_a_hint_shorter_than_our_own_delay_changes_nothing(self) -> None:
        story = [(0.0, RUNNING), *((n, BUSY) for n in range(1, 7))]

        assert run(*story, (7, errors.RateLimitError(URL, 429, retry_after=1.0)))[1] == Sleep(
            15.0, 1.0
        )

    def test_silence_counts_for_how_long_the_outage_was(self) -> None:
        hinted = errors.RateLimitError(URL, 429, retry_after=50.0)

        history = run((0, RUNNING), (1, hinted), (56, BUSY))[0]

        assert (outage_of(history).started, outage_of(history).errors) == (1 + 50.0, 2)

    def test_silence_that_was_asked_for_is_no_outage(self) -> None:
        hinted = errors.RateLimitError(URL, 429, retry_after=150.0)

        assert isinstance(run((0, RUNNING), (1, hinted), (166, hinted), (331, BUSY))[1], Sleep)

    def test_a_good_answer_may_hint_too(self) -> None:
        assert run((0, attrs.evolve(RUNNING, poll_after=5.0)))[1] == Sleep(5.0, 5.0)
        assert run((0, attrs.evolve(RUNNING, poll_after=1.0)))[1] == Sleep(2.0, 1.0)
        assert run((0, attrs.evolve(RUNNING, poll_after=3600.0)))[1] == Sleep(300.0, 300.0)


class TestCompletedWithoutUrl:
    def test_the_content_address_is_asked_once_after_each_poll(self) -> None:
        wait = Wait()
        wait.see(0, RUNNING)
        wait.see(2, COMPLETED)

        assert wait.decide(2) == CheckContent()
        assert wait.decide(2, content_checked=True) == Sleep(4.0)

    @pytest.mark.parametrize(
        ("until", "content_url"), [("video", None), ("video_url", f"{URL}/content")]
    )
    def test_it_is_not_asked_where_it_could_not_end_the_wait(
        self, until: Until, content_url: str | None
    ) -> None:
        wait = Wait(fault_policy=attrs.evolve(STEADY, until=until))
        wait.see(0, attrs.evolve(COMPLETED, content_url=content_url))

        assert wait.decide(0) == Sleep(2.0)

    def test_a_grace_is_given_and_ends_with_the_content_address(self) -> None:
        assert run((0, COMPLETED))[1] == Sleep(2.0)
        assert run((0, COMPLETED), (43, COMPLETED))[1] == Sleep(2.0)
        assert run((0, COMPLETED), (45, COMPLETED))[1] == Done(COMPLETED)

    def test_a_late_url_is_waited_for(self) -> None:
        assert run((0, COMPLETED), (23, DONE))[1] == Done(DONE)

    def test_a_server_that_takes_its_word_back_starts_the_grace_anew(self) -> None:
        assert isinstance(
            run((0, COMPLETED), (20, RUNNING), (40, COMPLETED), (60, COMPLETED))[1], Sleep
        )

    def test_what_ends_the_wait_after_a_success_gives_the_task(self) -> None:
        final = errors.AuthenticationError(URL, 401)

        assert run((0, COMPLETED), (4, final))[1] == Done(COMPLETED)
        assert run((0, COMPLETED), (4, BUSY), (44, BUSY), (49, BUSY))[1] == Done(COMPLETED)
        assert run((0, COMPLETED), (1, UNKNOWN), (2, UNKNOWN), (3, UNKNOWN))[1] == Done(COMPLETED)

    def test_a_poll_that_fails_late_is_not_the_last_one(self) -> None:
        stalled = run((0, COMPLETED), (20, COMPLETED), (50, REFUSED))

        assert isinstance(stalled[1], Sleep)
        assert run((0, COMPLETED), (50, REFUSED), (51, DONE))[1] == Done(DONE)
        assert run((0, COMPLETED), (50, REFUSED), (51, COMPLETED))[1] == Done(COMPLETED)
        assert run((0, COMPLETED), (50, REFUSED), (95, REFUSED))[1] == Done(COMPLETED)

    def test_time_in_which_nobody_asked_takes_nothing_from_either(self) -> None:
        wait = Wait()
        for now, seen in ((0, COMPLETED), (40, REFUSED)):
            wait.see(now, seen)
        wait.history = wait.history.shift(1000.0)

        for moment, ending in ((1084.0, Sleep), (1085.0, Done)):
            before = wait.history
            assert type(wait.see(moment, REFUSED)) is ending
            wait.history = before

    def test_a_rounding_error_asks_for_no_poll_of_its_own(self) -> None:
        assert run((0, COMPLETED), (45 - 1e-9, COMPLETED))[1] == Done(COMPLETED)
        assert isinstance(run((0, RUNNING), (10, BUSY), (130 - 1e-9, BUSY))[1], GiveUp)

    def test_until_completed_asks_for_no_url(self) -> None:
        assert run((0, COMPLETED), fault_policy=attrs.evolve(STEADY, until="completed"))[1] == Done(
            COMPLETED
        )

    def test_until_video_url_takes_nothing_else(self) -> None:
        fault_policy = attrs.evolve(STEADY, until="video_url")

        decision = run((0, COMPLETED), (45, COMPLETED), fault_policy=fault_policy)[1]

        assert isinstance(decision, GiveUp) and isinstance(decision.error, errors.VideoMissingError)
        assert run((0, COMPLETED), (44, DONE), fault_policy=fault_policy)[1] == Done(DONE)


hints = st.none() | st.floats(0, 100)
progress = st.none() | st.floats(0, 1)
going_on = st.builds(
    lambda part, hint, is_completed: attrs.evolve(
        COMPLETED if is_completed else RUNNING, progress=part, poll_after=hint
    ),
    progress,
    hints,
    st.booleans(),
)
faults = st.sampled_from([REFUSED, PAGE, GARBAGE, UNKNOWN, BUSY]) | st.builds(
    lambda hint: errors.RateLimitError(URL, 429, retry_after=hint), hints
)
ends = st.sampled_from(
    [DONE, FAILED, errors.AuthenticationError(URL, 401), errors.InsufficientQuotaError(URL, 429)]
)


@settings(max_examples=300)
@given(st.lists(going_on | faults, max_size=30), ends, st.floats(0, 30))
def test_any_history_comes_to_the_right_end(story: Sequence[Seen], end: Seen, took: float) -> None:
    """Delays respect hints and bounds, no wait ends before the truth, and none goes on after it."""
    wait, now = Wait(schedule=DEFAULT_SCHEDULE, fault_policy=FaultPolicy()), 0.0
    for seen in [*story, end]:
        now += took
        decision = wait.see(now, seen)
        if not isinstance(decision, Sleep):
            break
        asked = (
            seen.poll_after if isinstance(seen, VideoTask) else getattr(seen, "retry_after", None)
        ) or 0.0
        longest = max(30.0, 1.15 * 6.0)
        assert asked <= decision.seconds <= max(longest, 1.1 * asked)
        now += decision.seconds

    history = wait.history
    assert not isinstance(decision, Sleep)
    assert history.polls <= len(story) + 1
    if isinstance(decision, Done):
        assert decision.task is history.last
        if isinstance(seen, VideoTask):
            assert seen is decision.task
            assert decision.task.is_complete or now - (history.succeeded_at or 0.0) >= 45.0
    elif isinstance(decision.error, errors.TaskFailedError):
        assert seen is FAILED
    elif isinstance(decision.error, errors.OutageError):
        assert decision.error.outage >= 120.0
    elif isinstance(decision.error, errors.TaskNotFoundError):
        assert outage_of(history).not_found >= 3 or now >= 30.0
