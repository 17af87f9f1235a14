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


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project of its own, whose warnings are errors."""
    return pytester


def configure(project: pytest.Pytester, **options: str) -> None:
    lines = [f"{name} = {value}" for name, value in options.items()]
    project.makeini("\n".join(["[pytest]", "filterwarnings = error", *lines]))


def configure_asyncio(project: pytest.Pytester, **options: str) -> None:
    usual = {"asyncio_mode": "auto", "asyncio_default_fixture_loop_scope": "function"}
    configure(project, **usual | options)


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_it_works_in_each_mode_of_pytest_asyncio_and_on_each_scope_of_a_loop(project, mode, scope):
    configure_asyncio(project, asyncio_mode=mode, asyncio_default_test_loop_scope=scope)
    mark = "asyncio_test = pytest.mark.asyncio" if mode == "auto" else ""
    text = TESTS.format(marks=mark)
    if mode == "strict":
        text = text.replace("async def test", "@pytest.mark.asyncio\nasync def test")
    project.makepyfile(text)

    project.runpytest_inprocess().assert_outcomes(passed=5)


def test_a_mark_may_choose_the_scope_of_the_loop(project):
    configure_asyncio(project, asyncio_mode="strict")
    project.makepyfile(
        TESTS.format(marks="").replace(
            "async def test", "@pytest.mark.asyncio(loop_scope='module')\nasync def test"
        )
    )

    project.runpytest_inprocess().assert_outcomes(passed=5)


ANYIO = """
import pytest

@pytest.fixture{arguments}
def anyio_backend():
    return "{backend}"
"""


@pytest.mark.parametrize("arguments", ["", "(scope='session')"])
def test_it_works_with_anyio_alone(project, arguments):
    configure(project, anyio_mode="auto")
    project.makeconftest(ANYIO.format(backend="asyncio", arguments=arguments))
    project.makepyfile(TESTS.format(marks=""))

    project.runpytest_inprocess("-p", "no:asyncio").assert_outcomes(passed=5)


def test_it_works_with_marks_of_anyio_beside_pytest_asyncio(project):
    configure_asyncio(project, asyncio_mode="strict")
    project.makeconftest(ANYIO.format(backend="asyncio", arguments=""))
    project.makepyfile(TESTS.format(marks="pytestmark = pytest.mark.anyio"))

    project.runpytest_inprocess().assert_outcomes(passed=5)


def test_a_mark_with_another_anyio_backend_is_an_error(project):
    configure_asyncio(project, asyncio_mode="strict")
    project.makepyfile(
        """
        import pytest

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_both(sora_virtual_time):
            pass
        """
    )

    result = project.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*both sora_virtual_time and a mark choose the anyio_backend*"])


def test_a_runner_of_anyio_older_than_the_test_is_an_error(project):
    configure(project, anyio_mode="auto")
    project.makepyfile(
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

    result = project.runpytest_inprocess("-p", "no:asyncio")

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
def test_a_test_without_asyncio_gets_advice(project, text, complaint):
    configure_asyncio(project, asyncio_mode="strict")
    project.makepyfile(text)

    result = project.runpytest_inprocess()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([complaint])


def test_virtual_time_without_a_runner_is_an_error(project):
    configure(project, markers="asyncio: as of an old pytest-asyncio")
    project.makepyfile(
        """
        import pytest

        @pytest.mark.asyncio
        async def test_virtual(sora_virtual_time): pass
        """
    )

    result = project.runpytest_inprocess("-p", "no:asyncio")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["sora_virtual_time needs pytest-asyncio 1.4 or later, or anyio"])


def test_a_project_with_sync_tests_only_may_be_in_virtual_time(project):
    configure(project, usefixtures="sora_virtual_time")
    project.makepyfile("def test_nothing(): pass")

    project.runpytest_inprocess("-p", "no:asyncio").assert_outcomes(passed=1)


@pytest.mark.parametrize("fixture", ["sora_service", "sora_client", "sora_virtual_time"])
def test_a_test_of_two_runners_is_an_error(project, fixture):
    configure_asyncio(project)
    project.makepyfile(
        f"""
        import pytest

        @pytest.mark.anyio
        async def test_both({fixture}): pass
        """
    )

    result = project.runpytest_inprocess()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["both pytest-asyncio and anyio would run this test: *"])


def test_loops_that_a_project_has_chosen_itself_stay_its_own(project):
    configure_asyncio(project)
    project.makeconftest(
        """
        import asyncio

        class OwnLoop(asyncio.SelectorEventLoop):
            pass

        def pytest_asyncio_loop_factories():
            return {"own": OwnLoop, "plain": asyncio.SelectorEventLoop}
        """
    )
    project.makepyfile(
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

    project.runpytest_inprocess().assert_outcomes(passed=4)


def test_fixtures_of_a_wider_scope_are_made_anew_for_the_other_clock(project):
    configure_asyncio(
        project,
        asyncio_default_fixture_loop_scope="session",
        asyncio_default_test_loop_scope="session",
    )
    project.makepyfile(
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

    project.runpytest_inprocess().assert_outcomes(passed=3)


def test_all_tests_of_a_project_may_be_in_virtual_time(project):
    configure_asyncio(project, usefixtures="sora_virtual_time")
    project.makepyfile("import asyncio\nasync def test_long(): await asyncio.sleep(86400)")

    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_service_and_client_take_options(project):
    configure_asyncio(project)
    project.makepyfile(
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

    project.runpytest_inprocess().assert_outcomes(passed=4)


def test_a_key_of_the_environment_is_never_sent(project):
    configure_asyncio(project)
    project.makepyfile(
        """
        import os

        os.environ["SORA_API_KEY"] = "sk-of-the-environment"

        async def test_key(sora_service, sora_client):
            await sora_client.get_task(sora_service.add())
            del os.environ["SORA_API_KEY"]

            assert "environment" not in str(dict(sora_service.requests[0][1].headers))
        """
    )

    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_project_that_does_not_use_it_does_not_import_the_package(project):
    project.makeini("[pytest]")  # or that of a folder above, which may be ours
    project.makepyfile(
        """
        import sys

        def test_nothing(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("sora_async")
            assert not {"sora_async", "aiohttp", "attrs"} & sys.modules.keys()
        """
    )

    command = [sys.executable, "-m", "pytest", "-q", "-p", "sora_async"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ended = subprocess.run(command, cwd=project.path, env=alone, capture_output=True, text=True)

    assert "1 passed" in ended.stdout
