"""One budget for many programs, kept in a real Redis."""

import pytest

redis = pytest.importorskip("redis", reason="needs the extra redis: nox -s integrations")


def test_the_redis_of_the_tests_answers_after_a_restart(redis_server) -> None:
    redis_server.stop()
    redis_server.start()

    with redis.Redis.from_url(redis_server.url) as client:
        assert client.ping()
