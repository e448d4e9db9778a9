"""A change as the arguments of DynamoDB's UpdateItem: `cache.protocol.judge` and `apply`, said in DynamoDB's words."""

from typing import Any

from cache.attributes import encode
from cache.protocol import Change, Verdict

_UNVERSIONED = "(NOT attribute_type(#version, :number))"  # no row, or one that is no record


def update_arguments(change: Change, verdict: Verdict) -> dict[str, Any]:
    """Condition and update expression of a change that is expected to be an UPDATE or a REPLACE."""
    is_update = verdict is Verdict.UPDATE
    removes = dict.fromkeys(change.removes if is_update else (*change.removes, *change.resets))
    default = "#{0} = if_not_exists(#{0}, :{0})" if is_update else "#{0} = :{0}"
    sets = [f"#{name} = :{name}" for name in change.sets] + [
        default.format(name) for name in change.defaults
    ]
    values = {f":{name}": encode(value) for name, value in (change.sets | change.defaults).items()}
    condition, compared = _condition(change, is_update=is_update)
    if ":number" in condition:
        values[":number"] = encode("N")
    names = {"version", *change.sets, *change.defaults, *removes, *compared}
    return {
        "UpdateExpression": f"SET {', '.join(sets)}"
        + (f" REMOVE #{', #'.join(removes)}" if removes else ""),
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        "ExpressionAttributeValues": values,
    }


def _condition(change: Change, *, is_update: bool) -> tuple[str, tuple[str, ...]]:
    """The condition and the attributes it compares. Each value it needs is one that the change sets."""
    if change.launch is None:
        return f"({_UNVERSIONED} OR #version < :version) AND #place = :place", ("place",)
    same = "#ec2InstanceId = :ec2InstanceId"
    compared: tuple[str, ...] = ("ec2InstanceId",)
    if change.launch.job_id is not None:
        same += " AND (attribute_not_exists(#jobId) OR #jobId = :jobId)"
        compared = ("ec2InstanceId", "jobId")
    if is_update:
        return f"#version < :version AND {same}", compared
    return f"{_UNVERSIONED} OR (#version < :version AND (NOT ({same})))", compared
