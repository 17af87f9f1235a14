import pytest
from customer import describe_result

from sora_async.testing import RandomFaults

ROUGH = RandomFaults(rates={"5xx": 0.1, "reset": 0.05, "truncated": 0.05, "slow": 0.1}, seed=7)


@pytest.fixture(params=["page", "openai", "sglang"])
def sora_service_options(request):
    return {"shape": request.param, "api_key": "sk-of-the-test", "random_faults": ROUGH}


@pytest.fixture
def sora_client_options():
    return {"outage_timeout": 300}


async def test_random_faults_do_not_end_the_wait(sora_service, sora_client):
    task_id = sora_service.add()

    assert (await describe_result(sora_client, task_id)).startswith("Your video is ready")
