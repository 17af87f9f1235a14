"""The fixtures of the plugin, in projects of all the settings that there are."""

import os
import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import asyncio

import pytest
from sora_async.testing import VirtualTimeLoop, completed, running

{marks}

async def test_real(sora_service, sora_client):
    sora_service.script("video_1", completed())

    task = await sora_client.wait_until_complete("video_1")

    assert task.video_url.startswith(sora_service.cdn_url)
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)

async def test_virtual(sora_virtual_time, sora_service, sora_client):
    sora_service.script("video_1", running(0.1), completed())

    await sora_client.wait_until_complete("video_1")
    await asyncio.sleep(86400)

    assert sora_virtual_time.now == asyncio.get_running_loop().time() > 86400

async def test_real_again(sora_service):
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)
    assert sora_service.requests == []

@pytest.mark.usefixtures("sora_virtual_time")
async def test_virtual_again():
    await asyncio.sleep(86400)

def test_sync(sora_virtual_time):
    with pytest.raises(RuntimeError):
        sora_virtual_time.now
"""


def configure(pytester: pytest.Pytester, **options: str) -> None:
    lines = [f"{name} = {value}" for name, value in options.items()]
    pytester.makeini("\n".join(["[pytest]", "filterwarnings = error", *lines]))


def configure_asyncio(pytester: pytest.Pytester, **options: str) -> None:
    usual = {"asyncio_mode": "auto", "asyncio_default_fixture_loop_scope": "function"}
    configure(pytester, **usual | options)


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_it_works_in_each_mode_of_pytest_asyncio_and_on_each_scope_of_a_loop(pytester, mode, scope):
    configure_asyncio(pytester, asyncio_mode=mode, asyncio_default_test_loop_scope=scope)
    mark = "asyncio_test = pytest.mark.asyncio" if mode == "auto" else ""
    text = TESTS.format(marks=mark)
    if mode == "strict":
        text = text.replace("async def test", "@pytest.mark.asyncio\nasync def test")
    pytester.makepyfile(text)

    pytester.runpytest_inprocess().assert_outcomes(passed=5)


def test_a_mark_may_choose_the_scope_of_the_loop(pytester):
    configure_asyncio(pytester, asyncio_mode="strict")
    pytester.makepyfile(
        TESTS.format(marks="").replace(
            "async def test", "@pytest.mark.asyncio(loop_scope='module')\nasync def test"
        )
    )

    pytester.runpytest_inprocess().assert_outcomes(passed=5)


ANYIO = """
import pytest

@pytest.fixture{arguments}
def anyio_backend():
    return "{backend}"
"""


@pytest.mark.parametrize("arguments", ["", "(scope='session')"])
def test_it_works_with_anyio_alone(pytester, arguments):
    configure(pytester, anyio_mode="auto")
    pytester.makeconftest(ANYIO.format(backend="asyncio", arguments=arguments))
    pytester.makepyfile(TESTS.format(marks=""))

    pytester.runpytest_inprocess("-p", "no:asyncio").assert_outcomes(passed=5)


def test_it_works_with_marks_of_anyio_beside_pytest_asyncio(pytester):
    configure_asyncio(pytester, asyncio_mode="strict")
    pytester.makeconftest(ANYIO.format(backend="asyncio", arguments=""))
    pytester.makepyfile(TESTS.format(marks="pytestmark = pytest.mark.anyio"))

    pytester.runpytest_inprocess().assert_outcomes(passed=5)


def test_a_mark_with_another_anyio_backend_is_an_error(pytester):
    configure_asyncio(pytester, asyncio_mode="strict")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_both(sora_virtual_time):
            pass
        """
    )

    result = pytester.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*both sora_virtual_time and a mark choose the anyio_backend*"])


def test_a_runner_of_anyio_older_than_the_test_is_an_error(pytester):
    configure(pytester, anyio_mode="auto")
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="module")
        def anyio_backend():
            return "asyncio"

        @pytest.fixture(scope="module")
        async def shared():
            yield

        async def test_real(shared):
            pass

        async def test_virtual(sora_service, sora_virtual_time):
            pass
        """
    )

    result = pytester.runpytest_inprocess("-p", "no:asyncio")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*has no effect: the project chooses the loop of this test itself"]
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("def test_sync(sora_service): pass", "sora_service needs an async test *"),
        ("def test_sync(sora_client): pass", "sora_service needs an async test *"),
        (
            "import pytest\n@pytest.fixture\ndef anyio_backend(): return 'trio'\n"
            "@pytest.mark.anyio\nasync def test_trio(sora_service): pass",
            "sora_service needs asyncio, not trio",
        ),
    ],
)
def test_a_test_without_asyncio_gets_advice(pytester, text, complaint):
    configure_asyncio(pytester, asyncio_mode="strict")
    pytester.makepyfile(text)

    result = pytester.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([complaint])


def test_virtual_time_without_a_runner_is_an_error(pytester):
    configure(pytester, markers="asyncio: as of an old pytest-asyncio")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio
        async def test_virtual(sora_virtual_time): pass
        """
    )

    result = pytester.runpytest_inprocess("-p", "no:asyncio")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["sora_virtual_time needs pytest-asyncio 1.4 or later, or anyio"])


def test_a_project_with_sync_tests_only_may_be_in_virtual_time(pytester):
    configure(pytester, usefixtures="sora_virtual_time")
    pytester.makepyfile("def test_nothing(): pass")

    pytester.runpytest_inprocess("-p", "no:asyncio").assert_outcomes(passed=1)


@pytest.mark.parametrize("fixture", ["sora_service", "sora_client", "sora_virtual_time"])
def test_a_test_of_two_runners_is_an_error(pytester, fixture):
    configure_asyncio(pytester)
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.anyio
        async def test_both({fixture}): pass
        """
    )

    result = pytester.runpytest_inprocess()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["both pytest-asyncio and anyio would run this test: *"])


def test_loops_that_a_project_has_chosen_itself_stay_its_own(pytester):
    configure_asyncio(pytester)
    pytester.makeconftest(
        """
        import asyncio

        class OwnLoop(asyncio.SelectorEventLoop):
            pass

        def pytest_asyncio_loop_factories():
            return {"own": OwnLoop, "plain": asyncio.SelectorEventLoop}
        """
    )
    pytester.makepyfile(
        """
        import asyncio

        import pytest

        async def test_own(sora_service):
            assert type(asyncio.get_running_loop()).__name__ != "VirtualTimeLoop"

        async def test_virtual(sora_virtual_time, sora_service):
            assert type(asyncio.get_running_loop()).__name__ == "VirtualTimeLoop"

        @pytest.mark.asyncio(loop_factories=["own"])
        async def test_one(sora_service):
            assert type(asyncio.get_running_loop()).__name__ == "OwnLoop"
        """
    )

    pytester.runpytest_inprocess().assert_outcomes(passed=4)


def test_fixtures_of_a_wider_scope_are_made_anew_for_the_other_clock(pytester):
    configure_asyncio(
        pytester,
        asyncio_default_fixture_loop_scope="session",
        asyncio_default_test_loop_scope="session",
    )
    pytester.makepyfile(
        """
        import asyncio

        import pytest

        @pytest.fixture(scope="session")
        async def shared():
            loop = asyncio.get_running_loop()
            yield loop
            assert loop is asyncio.get_running_loop()

        async def test_real(shared):
            assert shared is asyncio.get_running_loop()

        async def test_virtual(shared, sora_virtual_time, sora_service):
            assert shared is asyncio.get_running_loop()
            await asyncio.sleep(sora_virtual_time.now + 3600)

        async def test_real_again(shared, sora_client):
            assert shared is asyncio.get_running_loop()
        """
    )

    pytester.runpytest_inprocess().assert_outcomes(passed=3)


def test_all_tests_of_a_project_may_be_in_virtual_time(pytester):
    configure_asyncio(pytester, usefixtures="sora_virtual_time")
    pytester.makepyfile("import asyncio\nasync def test_long(): await asyncio.sleep(86400)")

    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_service_and_client_take_options(pytester):
    configure_asyncio(pytester)
    pytester.makepyfile(
        """
        import pytest
        from sora_async import AuthenticationError

        @pytest.fixture(params=["relay", "openai"])
        def sora_service_options(request):
            return {"shape": request.param, "api_key": "sk-right"}

        async def test_right(sora_service, sora_client):
            task_id = sora_service.add()
            assert (await sora_client.get_task(task_id)).id == task_id
            assert sora_service.requests[0][1].headers["Authorization"] == "Bearer sk-right"

        @pytest.mark.parametrize("sora_client_options", [{"api_key": "sk-wrong"}])
        async def test_wrong(sora_service, sora_client):
            with pytest.raises(AuthenticationError):
                await sora_client.get_task(sora_service.add())
        """
    )

    pytester.runpytest_inprocess().assert_outcomes(passed=4)


def test_a_key_of_the_environment_is_never_sent(pytester):
    configure_asyncio(pytester)
    pytester.makepyfile(
        """
        import os

        os.environ["SORA_API_KEY"] = "sk-of-the-environment"

        async def test_key(sora_service, sora_client):
            await sora_client.get_task(sora_service.add())
            del os.environ["SORA_API_KEY"]

            assert "environment" not in str(dict(sora_service.requests[0][1].headers))
        """
    )

    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_project_that_does_not_use_it_does_not_import_the_package(pytester):
    pytester.makeini("[pytest]")  # or that of a folder above, which may be ours
    pytester.makepyfile(
        """
        import sys

        def test_nothing(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("sora_async")
            assert not {"sora_async", "aiohttp", "attrs"} & sys.modules.keys()
        """
    )

    command = [sys.executable, "-m", "pytest", "-q", "-p", "sora_async"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(command, cwd=pytester.path, env=alone, capture_output=True, text=True)

    assert "1 passed" in ended.stdout
