"""Which execution launched an instance: the wave whose job it carries, from `execution-history`.

Joined by job id, not by launch time as the original sketched: EC2's LaunchTime moves at every start (field guide §0.3).
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from cache.attributes import decode_item
from cache.record import Attribution
from cache.table import translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EXECUTION_TAG, PLAN_TAG = "executionId", "planName"


class ExecutionHistory:
    """The executions as far as one sync needs them: read at most once, and only when somebody asks."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._reading = Lock()

    def attribution(self, job_id: str) -> Attribution | None:
        """The execution with a wave that started this job.

        Raises:
            TableUnavailable: when the history could not be read to its end.
        """
        with self._reading:
            return self._by_job.get(job_id)

    @cached_property
    def _by_job(self) -> dict[str, Attribution]:
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._name,
            ProjectionExpression="#e, #p, #w",
            ExpressionAttributeNames={"#e": "executionId", "#p": "planName", "#w": "waves"},
        )
        with translated("read the execution history"):
            rows = [decode_item(item) for page in pages for item in page["Items"]]
        return {job: Attribution(source_execution_id=str(row["executionId"]), source_plan_name=row.get("planName"))
                for row in rows for job in _jobs(row)}  # fmt: skip


def from_tags(tags: Mapping[str, str]) -> Attribution | None:
    """The execution that a job's own tags name, where it was started with tags."""
    execution_id = tags.get(EXECUTION_TAG)
    return (
        Attribution(source_execution_id=execution_id, source_plan_name=tags.get(PLAN_TAG))
        if execution_id
        else None
    )


def _jobs(row: Mapping[str, Any]) -> Iterator[str]:
    """The jobs of an execution's waves; a wave of more than 100 servers has several (`jobIds`)."""
    waves = row.get("waves")
    for wave in waves if isinstance(waves, list) else []:
        if isinstance(wave, dict):
            yield from (
                job
                for job in (wave.get("jobId"), *(wave.get("jobIds") or ()))
                if isinstance(job, str) and job
            )
