"""The webhooks of the fake service, read by the parser of the package."""

import asyncio
from datetime import UTC, datetime
from typing import get_args

import pytest
from aiohttp import test_utils, web

from sora_async import Phase, WebhookSignatureError
from sora_async.integrations.webhooks import WebhookEvent, parse
from sora_async.testing import FakeSora, Scenario, Webhooks, WebhookScheme


@pytest.mark.parametrize("scheme", get_args(WebhookScheme))
async def test_each_scheme_is_read_and_a_forged_one_is_refused(scheme: WebhookScheme) -> None:
    is_signed = scheme != "unsigned"
    received: list[tuple[web.BaseRequest, bytes]] = []

    async def receive(request: web.BaseRequest) -> web.Response:
        received.append((request, await request.read()))
        return web.Response()

    async with test_utils.RawTestServer(receive) as server:
        settings = Webhooks(scheme=scheme, url=str(server.make_url("/")), forged=is_signed)
        async with FakeSora(webhooks=settings) as sora:
            done = sora.add(Scenario(queued=1, running=4))
            lost = sora.add(Scenario(queued=1, running=9, failure=("a", "b")))
            await asyncio.sleep(60)

    def read(number: int) -> WebhookEvent:
        request, body = received[number]
        return parse(
            request.headers,
            body,
            secret=settings.secret,
            now=datetime.now(UTC),  # they are signed by the real clock
            allow_unsigned=not is_signed,
        )

    if is_signed:
        for number in range(2):
            with pytest.raises(WebhookSignatureError):
                read(number)
    first, second = read(-2), read(-1)
    assert [(one.task_id, one.is_signed) for one in (first, second)] == [
        (done, is_signed),
        (lost, is_signed),
    ]
    assert [one.phase for one in (first, second)] == [Phase.SUCCEEDED, Phase.FAILED]
