"""The deployed functions and their environment, as the templates set it."""

from local import users
from local.front import PUBLISHER, SYNC
from local.lambdas import FunctionSpec
from local.servers import OWN_ACCOUNT, REGION, REPOSITORY

READ_ROLE_SUFFIX = "-read"  # as the templates have it
PROJECT, ENVIRONMENT = "hrp-drs-tech-adapter", "dev"
SHORT_TABLE_NAMES = (
    "recovery-instances",
    "target-accounts",
    "recovery-plans",
    "execution-history",
    "sync-status",
)
GROUPS_TABLE = f"{PROJECT}-protection-groups-{ENVIRONMENT}"  # the platform's alone
TABLES = {short: f"{PROJECT}-{short}-{ENVIRONMENT}" for short in SHORT_TABLE_NAMES}


def name(role: str) -> str:
    """The deployed name of a function."""
    suffix = "" if role in {SYNC, PUBLISHER} else "-handler"
    return f"{PROJECT}-{role}{suffix}-{ENVIRONMENT}"


def settings(
    redis_url: str, read_from: str, *, four_eyes: bool = False, region: str = REGION
) -> dict[str, str]:
    """The product's own settings."""
    return {
        "PROJECT_NAME": PROJECT,
        "ENVIRONMENT": ENVIRONMENT,
        **{f"{short.replace('-', '_').upper()}_TABLE": table for short, table in TABLES.items()},
        "REDIS_URL": redis_url,
        "REDIS_CLUSTER": "false",
        "REDIS_IAM_USER": "",
        "REDIS_IAM_CACHE": "",
        "READ_FROM": read_from,
        "AUTHORISATION": "JWT",
        "AUDIENCE": users.AUDIENCE,
        **users.GROUPS,
        "FOUR_EYES": str(four_eyes).lower(),
        "STATE_MACHINE_ARN": f"arn:aws:states:{region}:{OWN_ACCOUNT}:stateMachine:"
        f"{PROJECT}-execution-{ENVIRONMENT}",
    }


def aws(endpoints: dict[str, str], region: str = REGION) -> dict[str, str]:
    """AWS's own settings: endpoints by service, keys that mean our own
    account, and nothing of this machine's user.
    """
    return {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": OWN_ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        **{f"AWS_ENDPOINT_URL_{service}": url for service, url in endpoints.items()},
    }


def specs(environment: dict[str, str], query_processes: int = 2) -> dict[str, FunctionSpec]:
    """Every function by role.

    Handler, processes, timeout in seconds, and whether its concurrency is reserved.
    """
    roles: list[tuple[str, str, int, int, bool]] = [
        ("query", "services.query.handler.lambda_handler", query_processes, 30, False),
        # Two: a manual sync waits in one of them while the page asks another for its progress.
        ("data-management", "services.data_management.handler.lambda_handler", 2, 30, False),
        ("execution", "services.execution.handler.lambda_handler", 1, 300, False),
        (SYNC, "services.data_management.handler.lambda_handler", 1, 300, True),
        (PUBLISHER, "services.publisher.handler.lambda_handler", 1, 60, False),
    ]
    return {
        role: FunctionSpec(
            name(role), handler, processes, timeout, runtime(role) | environment, reserved
        )
        for role, handler, processes, timeout, reserved in roles
    }


def runtime(role: str) -> dict[str, str]:
    """What Lambda itself puts into a function's environment.

    There is no X-Ray daemon here, so tracing is off.
    """
    acts = role == "execution"
    return {
        "READ_ROLE_SUFFIX": "" if acts else READ_ROLE_SUFFIX,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": str(REPOSITORY),
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        "AWS_LAMBDA_FUNCTION_NAME": name(role),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
