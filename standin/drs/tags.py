"""Tags of whatever in DRS has an ARN."""

from standin.drs.core import Call, Reply
from standin.drs.errors import invalid, not_found
from standin.drs.state import INSTANCE, JOB, NETWORK, SERVER, Items, Place

MOST_TAGS = 50
"""AWS's limit of tags on one resource."""


def list_tags_for_resource(call: Call) -> Reply:
    items, key = _resource(call.place, str(call.params["resourceArn"]))
    return {"tags": items[key].get("tags", {})}


def tag_resource(call: Call) -> Reply:
    """Add or overwrite tags. Raises ValidationException for reserved keys and more than 50 tags."""
    items, key = _resource(call.place, str(call.params["resourceArn"]))
    if any(name.lower().startswith("aws:") for name in call.params["tags"]):
        raise invalid("tags", "keys that begin with aws: are reserved")
    tags = items[key].get("tags", {}) | call.params["tags"]
    if len(tags) > MOST_TAGS:
        raise invalid("tags", f"a resource has up to {MOST_TAGS} tags")
    call.place.change(items, key, tags=tags)
    return {}


def _resource(place: Place, arn: str) -> tuple[Items, str]:
    kinds = {
        SERVER: place.source_servers,
        INSTANCE: place.recovery_instances,
        JOB: place.jobs,
        NETWORK: place.source_networks,
    }
    kind, _, identifier = arn.rpartition(":")[2].partition("/")
    items = kinds.get(kind, {})
    if identifier not in items or arn != place.arn(kind, identifier):
        raise not_found(arn, kind)
    return items, identifier
