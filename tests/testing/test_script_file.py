"""Script files: what can be said in them, and how errors in them are told."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sora_async import testing
from sora_async.testing import Answer, CreateCall, RandomFaults, Scenario
from sora_async.testing.answers.answer import ANSWER_FACTORIES
from sora_async.testing.profiles.http_message import Body
from sora_async.testing.script_decoder import ScriptError, decode
from sora_async.testing.script_file import ScriptedTask, ScriptFile, load_script

SCRIPT = """
shape: relay
api_key: 0123
speed: 10
unknown_status: 400
random_faults: {seed: 3, rates: {429: 0.1, reset: 0.02}}
default_scenario: &short {queued: 1, running: 4}
creates:
  - http_error: 429
  - accepted: {answer: reset, scenario: *short}
tasks:
  - id: video_boat
    prompt: a boat
    seconds: 4
    scenario: {running: .inf, failure: [blocked, null], faults: {2: reset}, trajectory: [[0, 0.5]]}
    start: first_poll
    downloads: {cdn: [{video_file: 900}, reset], content: [{video_file: {kind: webm}}]}
  - script:
      - queued
      - running: 0.4
      - running: {progress: 0.5, video_url: null, extra: [1, 2]}
      - http_error: {status: 503, body: {error: gone}, headers: {Retry-After: 5}}
      - slow: {seconds: 1, answer: {running: 0.5}}
      - gzipped: completed
      - truncated:
  - scenario: *short
  - {}
"""


def load(tmp_path: Path, text: str, name: str = "script.yaml") -> ScriptFile:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return load_script(path)


def complain(tmp_path: Path, text: str, name: str = "script.yaml") -> str:
    with pytest.raises(ValueError) as caught:
        load(tmp_path, text, name)
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_a_script_says_all_that_there_is(tmp_path) -> None:
    plan = load(tmp_path, SCRIPT)

    short = Scenario(queued=1.0, running=4.0)
    assert (plan.shape, plan.api_key, plan.speed, plan.unknown_status) == ("relay", "83", 10.0, 400)
    assert plan.random_faults == RandomFaults(rates={"429": 0.1, "reset": 0.02}, seed=3)
    assert plan.default_scenario == short
    refused, accepted = plan.creates
    assert (repr(refused), accepted.scenario) == ("http_error(status=429)", short)
    boat, moon, star, sun = plan.tasks
    assert (boat.id, boat.start) == ("video_boat", "first_poll")
    assert boat.create == CreateCall(prompt="a boat", seconds="4")
    assert boat.scenario.running == math.inf
    assert boat.scenario.failure == ("blocked", None)
    assert repr(boat.scenario.faults[2]) == "reset()"
    assert {place: list(map(repr, each)) for place, each in boat.downloads.items()} == {
        "cdn": ["video_file(size=900)", "reset()"],
        "content": ["video_file(kind='webm')"],
    }
    assert [repr(answer) for answer in moon.script] == [
        "queued()",
        "running(progress=0.4)",
        "running(progress=0.5, video_url=None, extra=[1, 2])",
        "http_error(status=503, body={'error': 'gone'}, headers={'Retry-After': '5'})",
        "slow(seconds=1.0, answer=running(progress=0.5))",
        "gzipped(answer=completed())",
        "truncated()",
    ]
    assert (star.scenario, sun) == (short, ScriptedTask())


def test_json_says_the_same(tmp_path) -> None:
    text = json.dumps({"tasks": [{"id": "a", "scenario": {"faults": {"1": "reset"}}}]})

    plan = load(tmp_path, text, "script.json")

    assert repr(plan.tasks[0].scenario.faults[1]) == "reset()"


@pytest.mark.parametrize("text", ["", "# nothing", "{}"])
def test_an_empty_script_is_the_usual_service(tmp_path, text) -> None:
    assert load(tmp_path, text) == ScriptFile()


def test_every_answer_has_a_name_in_scripts() -> None:
    makers = {name for name in testing.__all__ if name in ANSWER_FACTORIES}

    assert makers == set(ANSWER_FACTORIES)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("shape: azure", "1: shape: expected one of page, relay, openai,"),
        ("tasks:\n- scenaro: 1", "2: tasks[0].scenaro: there is no such field; is it 'scenario'?"),
        ("tasks:\n- id: yes", "2: tasks[0].id: expected text, got true; quotes make it"),
        ("tasks:\n- id: []", "2: tasks[0].id: expected text, got a list"),
        ("tasks:\n- id: ''", "2: tasks[0]: an id is not empty"),
        ("tasks: {}", "1: tasks: expected a list, got a mapping"),
        ("tasks: [1]", "1: tasks[0]: expected fields, got 1"),
        ("a: 1\na: 2", "2: the field 'a' is there twice"),
        ("[a]: 1", "1: a name is text"),
        ("{[a]: 1}", "1: a name is text"),
        ("a: &a [*a]", "1: this is inside itself"),
        ("\na: [", "2: expected the node content, but found '<stream end>'"),
        ("a: *b", "1: found undefined alias 'b'"),
        ("a: 1\n---\nb: 2", "2: but found another document"),
        ("a: !!python/object:x {}", "1: a: there is no such field"),
        ("a: !odd x", "1: could not determine a constructor for the tag '!odd'"),
        ("\na: \x07", "2: a character that cannot be here"),
        ("a: 2026-13-01", "1: month must be in 1..12"),
        ("a: " + "[" * 5000, " it is nested too deeply"),
        ("speed: 1" + "0" * 400, "1: a speed is more than 0"),
        ("speed: 0", "1: a speed is more than 0"),
        ("speed: -1", "1: speed: expected a number from 0 on, got -1"),
        ("speed: .nan", "1: speed: expected a number from 0 on, got nan"),
        ("speed: true", "1: speed: expected a number from 0 on, got true"),
        ("speed: 2026-01-01", "1: speed: expected a number from 0 on, got datetime."),
        ("unknown_status: true", "1: unknown_status: expected one of 400, 404; got true"),
        ("random_faults: {seed: 1}", "1: random_faults: the field 'rates' is missing"),
        ("random_faults: {seed: 1.5, rates: {}}", "1: random_faults.seed: expected a whole number"),
        (
            "random_faults: {seed: .inf, rates: {}}",
            "1: random_faults.seed: expected a whole number",
        ),
        ("random_faults: {rates: {503: 1}}", "1: random_faults: rates are of 429,"),
        ("random_faults: {rates: 1}", "1: random_faults.rates: expected a mapping, got 1"),
        ("default_scenario: {trajectory: []}", "1: default_scenario: a trajectory is one or"),
        (
            "default_scenario: {trajectory: [[1]]}",
            "1: default_scenario.trajectory[0]: expected 2 values, got 1",
        ),
        ("creates: [\n{}]", "2: creates[0]: an answer is one name, with its arguments;"),
        ("creates: [runing]", "1: creates[0]: there is no answer 'runing'; is it 'running'?"),
        ("creates: [{slow: {secs: 1}}]", "1: creates[0].slow.secs: there is no such field"),
        ("creates: [{reset: {x: 1}}]", "1: creates[0].reset.x: there is no such field"),
        ("creates: [xyz]", "1: creates[0]: there is no answer 'xyz'"),
        ("creates: [{reset: 1}]", "1: creates[0].reset: it takes no arguments"),
        (
            "creates:\n- slow:\n    seconds: 1\n    answer: {running: 4}",
            "4: creates[0].slow.answer.running: progress is from 0.0 to 1.0, not 4.0",
        ),
        ("creates: [gzipped]", "1: creates[0].gzipped: missing 1 required argument: 'answer'"),
        ("creates: [{raw: true}]", "1: creates[0].raw.body: this cannot be true"),
        (
            "tasks:\n- script: [queued]\n  scenario: {}",
            "2: tasks[0]: a task has a scenario or a script, not both",
        ),
        ("tasks:\n- script: []", "2: tasks[0]: a script is one or more answers"),
        (
            "tasks:\n- downloads: {cnd: [reset]}",
            "2: tasks[0].downloads.cnd: expected one of cdn, content; got 'cnd'",
        ),
        ("tasks:\n- downloads: {cdn: []}", "2: tasks[0]: a script is one or more answers"),
        ("outcomes: {a: {}}", "1: outcomes.a: an outcome is a scenario or an answer"),
        (
            "outcomes: {a: {answer: rest}}",
            "1: outcomes.a.answer: there is no answer 'rest'; is it 'reset'?",
        ),
        ("webhooks: {scheme: kiee}", "1: webhooks.scheme: expected one of standard,"),
        ("webhooks: {copies: 0}", "1: webhooks: copies and lose_every are 1 or more"),
        ("characters: [{}]", "1: characters[0]: the field 'name' is missing"),
        ("tasks: [{id: a}, {id: a}]", "1: there are two tasks with the id 'a'"),
        ("api_key: " + "[" * 50 + "]" * 50, "1: api_key: expected text, got a list"),
    ],
)
def test_an_error_in_yaml_names_its_line(tmp_path, text, complaint) -> None:
    assert complain(tmp_path, text).startswith(f"script.yaml:{complaint}")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{\n"tasks": [}', "script.json:2: Expecting value"),
        ('{"speed": 1, "speed": 2}', "script.json: the field 'speed' is there twice"),
        ('{"tasks": [{"scenaro": 1}]}', "script.json: tasks[0].scenaro: there is no such field"),
        ("[" * 100_000, "script.json: it is nested too deeply"),
        ("[]", "script.json: expected fields, got a list"),
    ],
)
def test_an_error_in_json_names_its_field(tmp_path, text, complaint) -> None:
    assert complain(tmp_path, text, "script.json").startswith(complaint)


def test_a_file_that_is_not_text_is_an_error(tmp_path) -> None:
    (tmp_path / "script.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ValueError, match=r"script\.yaml: it is not in UTF-8"):
        load_script(tmp_path / "script.yaml")


@pytest.mark.parametrize(
    ("data", "hint", "value"),
    [
        (True, bool, True),
        ({"a": 1}, Mapping[str, Any], {"a": 1}),
        ([1, "a"], Sequence[Any], (1, "a")),
        (None, float | None, None),
        ("a", Body, "a"),
        (4, Literal[4, 5], 4),
    ],
)
def test_a_value_is_read_as_its_type(data, hint, value) -> None:
    assert decode(data, hint) == value


@pytest.mark.parametrize(
    ("data", "hint"), [(1, bool), ("a", bytes), ("a", object), (None, float), ("x" * 99, float)]
)
def test_a_value_of_another_type_is_refused(data, hint) -> None:
    with pytest.raises(ScriptError) as caught:
        decode(data, hint)

    assert len(str(caught.value)) < 100


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*ANSWER_FACTORIES, *ScriptFile.__annotations__, *ScriptedTask.__annotations__]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=10,
)


@given(PLAIN, st.sampled_from([ScriptFile, ScriptedTask, Answer, Scenario, RandomFaults]))
def test_any_data_is_read_or_refused(data, hint) -> None:
    try:
        value = decode(data, hint)
    except ScriptError:
        return
    assert isinstance(value, hint)
