"""What each stand-in for AWS does not show, and what shows it instead.

A rehearsal that passes proves nothing about these. Whoever meets another one adds a row:
`test_blind_spots.py` sees to it that what stands in for AWS is there.
"""

from typing import NamedTuple

GATE = "scripts/aws_gate.sh"


class BlindSpot(NamedTuple):
    """`rule` is AWS's; `shown_by` a test (file::name) or the gate, which needs a real account."""

    stand_in: str
    rule: str
    shown_by: str


LIFE = "tests/infra/test_life_cycle.py::"
ACCESS = "tests/infra/test_access.py::"

BLIND_SPOTS = (
    BlindSpot(
        "ministack",
        "API Gateway refuses a stage with logs before the account has a log role",
        LIFE + "test_a_stage_that_logs_comes_after_the_accounts_log_role",
    ),
    BlindSpot(
        "ministack",
        "a failed creation leaves what is marked Retain, and the next one finds the names taken",
        LIFE + "test_what_is_kept_is_not_left_behind_by_a_creation_that_failed",
    ),
    BlindSpot(
        "ministack",
        "a protected table or user pool cannot be taken back by a roll-back",
        LIFE + "test_nothing_is_protected_while_it_is_made",
    ),
    BlindSpot(
        "ministack",
        "DeletionPolicy keeps resources of a deleted stack (emulator.py keeps all tables)",
        GATE,
    ),
    BlindSpot(
        "ministack",
        "PublishVersion makes no version of an unchanged function (emulator.py keeps this rule)",
        LIFE + "test_no_version_is_a_resource",
    ),
    BlindSpot(
        "ministack",
        "an updated function keeps its aliases and versions (emulator.py keeps this rule)",
        "tests/infra/deployment/test_stacks.py::test_few_versions_are_kept",
    ),
    BlindSpot(
        "ministack",
        "a named resource cannot be replaced, so nothing create-only may change under a name",
        LIFE + "test_nothing_that_a_parameter_can_change_is_fixed_under_a_name",
    ),
    BlindSpot(
        "ministack",
        "IAM, CloudFront, S3 and dashboard names are the account's, in all regions together",
        LIFE + "test_two_regions_of_one_account_have_names_of_their_own",
    ),
    BlindSpot(
        "ministack",
        "Lambda keeps 100 executions free of reservations, and small accounts can reserve none",
        "tests/infra/deployment/test_preflight.py::test_more_concurrency_than_the_account_has",
    ),
    BlindSpot("ministack", "change sets of type IMPORT (emulator.py has a simple one)", GATE),
    BlindSpot("ministack", "change sets name the changes inside nested stacks", GATE),
    BlindSpot("ministack", "roll-back of a failed update, and what it leaves", GATE),
    BlindSpot(
        "ministack",
        "serverless templates are expanded in nested stacks too (AWS's translator does it before)",
        LIFE + "test_the_translator_is_awss_own",
    ),
    BlindSpot(
        "local/stream.py",
        "Lambda polls each shard, halves a batch that fails, waits longer with each try",
        GATE,
    ),
    BlindSpot("ministack", "ElastiCache: TLS, users, IAM tokens, time to connect", GATE),
    BlindSpot(
        "ministack",
        "what the mirror's users may do, and what a token must be",
        "tests/infra/test_mirror_client.py::test_neither_may_do_anything_else",
    ),
    BlindSpot("ministack", "CloudFront, Cognito, and signing in through both", GATE),
    BlindSpot("ministack", "metric math: alarms on it are cut out of the rehearsal", GATE),
    BlindSpot(
        "ministack",
        "authorisation of imported routes: emulator.py asks for credentials, checks none",
        GATE,
    ),
    BlindSpot("ministack", "an updated API keeps its id", GATE),
    BlindSpot(
        "ministack, our stand-in",
        "IAM: neither refuses a call for want of permission",
        ACCESS + "test_every_call_is_allowed",
    ),
    BlindSpot("our stand-in", "what DRS does with its caller's permissions, keys and roles", GATE),
    BlindSpot("our stand-in", "whether a role's trust lets the caller assume it", GATE),
    BlindSpot(
        "our stand-in", "how long a conversion, a launch and a termination really take", GATE
    ),
    BlindSpot(
        "local Valkey", "one endpoint of a serverless cache that moves slots by itself", GATE
    ),
)
