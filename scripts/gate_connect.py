"""`python -m scripts.gate_connect PROJECT ENV`: how long the mirror takes to let a function in,
measured in Lambda.

Makes a function of data management's code, role, network and settings, lets it open a hundred
connections (TCP, TLS, sign-in, in a cluster its slots), prints the milliseconds, and deletes it.
Exit code 1 when the 95th of them is over the budget that the page's client has for connecting.
"""

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import boto3

from services.aws.redis import CONNECT_TIMEOUT

COUNT = 100
PROBE = f"""
import time
from services.aws.redis import mirror_client
from services.settings import Settings

def handler(event, context):
    took = []
    for _ in range({COUNT}):
        client = mirror_client(Settings.from_env())
        began = time.monotonic()
        client.ping()
        took.append(1000 * (time.monotonic() - began))
        client.close()
    return sorted(took)
"""


def main(project: str, environment: str) -> int:
    """Measures, prints and judges."""
    client = boto3.client("lambda")
    like = client.get_function_configuration(
        FunctionName=f"{project}-data-management-handler-{environment}"
    )
    name = f"{project}-gate-connect-{environment}"
    client.create_function(**_function(name, like))
    try:
        client.get_waiter("function_active_v2").wait(FunctionName=name)
        reply = client.invoke(FunctionName=name)
        took = json.load(reply["Payload"])
    finally:
        client.delete_function(FunctionName=name)
    if "FunctionError" in reply:
        print(took)
        return 1
    worst, middle, last = took[int(COUNT * 0.95) - 1], took[COUNT // 2], took[-1]
    budget = 1000 * CONNECT_TIMEOUT
    print(
        f"connecting: median {middle:.0f} ms, p95 {worst:.0f} ms, slowest {last:.0f} ms; budget "
        f"{budget:.0f} ms"
    )
    return int(worst > budget)


def _function(name: str, like: dict[str, Any]) -> dict[str, Any]:
    kept = ("Runtime", "Role", "MemorySize", "Architectures")
    network = {key: like["VpcConfig"][key] for key in ("SubnetIds", "SecurityGroupIds")}
    return {
        "FunctionName": name,
        "Handler": "gate_probe.handler",
        "Timeout": 300,
        "Code": {"ZipFile": _code()},
        "VpcConfig": network,
        "Environment": {"Variables": like["Environment"]["Variables"]},
        **{key: like[key] for key in kept},
    }


def _code() -> bytes:
    """The built zip with the probe in it."""
    content = io.BytesIO(Path("build/data_management.zip").read_bytes())
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("gate_probe.py", PROBE)
    return content.getvalue()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
