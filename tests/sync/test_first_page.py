"""The first page of a query function that has just started, as on a Lambda cold start: nothing is
known in the process, Redis has nothing, DynamoDB is some way off, and the request has waited.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.processes import free_port
from local.proxy import FaultProxy
from local.servers import REPOSITORY
from tests.sync.platform import Platform

SERVERS = 200
FAR = 0.02  # seconds to the table
WAITED = 1_200  # ms of the request's age when the handler gets it
TRIES = 5  # a machine that is busy with something else may not give a process its two seconds
ANSWER = """
import json, sys, time
from services.query.handler import lambda_handler
class Context:
    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "x"
    get_remaining_time_in_millis = staticmethod(lambda: 29_000)
event = json.loads(sys.argv[1])
event["requestContext"] = {"requestTimeEpoch": int(time.time() * 1000) - int(sys.argv[2])}
print(json.dumps(lambda_handler(event, Context())))
"""


def first_page(plan_id: str, **environment: str) -> dict[str, Any]:
    """What a fresh process says of this plan; nothing where it could not read the plan in time."""
    event = {
        "httpMethod": "GET",
        "resource": "/recovery-plans/{planId}/check-existing-instances",
        "path": f"/recovery-plans/{plan_id}/check-existing-instances",
        "pathParameters": {"planId": plan_id},
    }
    done = subprocess.run(
        [sys.executable, "-c", ANSWER, json.dumps(event), str(WAITED)],
        env={**os.environ, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["statusCode"] in {200, 503}, answer
    body: dict[str, Any] = json.loads(answer["body"])
    return body if answer["statusCode"] == 200 else {}


def emptied(platform: Platform) -> str:
    """A Redis that has forgotten everything."""
    platform.redis.flushdb()
    return str(platform.wiring.settings.redis_url)


def refusing(_: Platform) -> str:
    """A Redis that is not there."""
    return f"redis://127.0.0.1:{free_port()}/0"


@pytest.mark.parametrize("redis_of", [emptied, refusing])
def test_the_first_page_of_a_process_is_whole(
    platform: Platform, redis_of: Callable[[Platform], str]
) -> None:
    """Who has an instance has one, and of all others it is known that they have none. One that had
    no time may know less, and says so.
    """
    machines = [platform.server() for _ in range(3)]
    for machine in machines:
        platform.launch(machine)
    never = [f"s-{platform.dice.getrandbits(68):017x}" for _ in range(SERVERS - 3)]
    ids = [*(it.id for it in machines), *never]
    wave = {"waveNumber": 1, "accountId": platform.account, "region": "us-east-1", "serverIds": ids}
    settings = platform.wiring.settings
    plan = {"planId": "p", "planName": "Big", "waves": [wave]}
    platform.row(settings.recovery_plans_table, plan)
    platform.sync()
    upstream = urlsplit(os.environ["AWS_ENDPOINT_URL_DYNAMODB"]).port
    assert upstream
    with closing(FaultProxy(upstream)) as table:
        table.slow(FAR)
        for _ in range(TRIES):
            body = first_page(
                "p",
                ENVIRONMENT=settings.environment,
                REDIS_URL=redis_of(platform),
                AWS_ENDPOINT_URL_DYNAMODB=f"http://127.0.0.1:{table.port}",
            )
            found = {it["sourceServerId"] for it in body.get("existingInstances", ())}
            unknown = set(body.get("unknownServerIds", ids))
            assert found | unknown >= {it.id for it in machines}, "a false none"
            if not unknown:
                break
    assert (unknown, body.get("degraded")) == (set(), False)
    assert found == {it.id for it in machines}
