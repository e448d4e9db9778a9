"""DescribeInstances and DescribeRegions, with the refusals of EC2."""

import fnmatch
import re
from collections.abc import Callable
from typing import Any

from standin.aws import models
from standin.aws.identity import Account
from standin.drs import ec2
from standin.drs.core import Drs
from standin.drs.errors import Refusal
from standin.drs.paging import PageRequest, PageWeather, fingerprint, page
from standin.drs.state import Item, Items, Place

MOST_FILTER_VALUES = 200
_WITHOUT_OPT_IN = {
    "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3",
    "sa-east-1", "us-east-1",
    "us-east-2", "us-west-1", "us-west-2",
}  # fmt: skip
_INSTANCE_ID = re.compile(r"i-([0-9a-f]{8}|[0-9a-f]{17})")

_FIELDS: dict[str, Callable[[Item], list[str]]] = {
    "instance-id": lambda item: [item["InstanceId"]],
    "instance-state-name": lambda item: [item["State"]["Name"]],
    "instance-type": lambda item: [item.get("InstanceType", "")],
    "private-ip-address": lambda item: [item.get("PrivateIpAddress", "")],
    "subnet-id": lambda item: [item.get("SubnetId", "")],
    "tag-key": lambda item: [tag["Key"] for tag in item.get("Tags", ())],
    "vpc-id": lambda item: [item.get("VpcId", "")],
}


def describe_instances(
    place: Place, params: dict[str, Any], weather: PageWeather
) -> dict[str, Any]:
    """One reservation per instance.

    Raises Refusal as EC2 does; one unknown id in InstanceIds fails the whole call.
    """
    if ids := params.get("InstanceIds"):
        if "MaxResults" in params:
            message = "The parameter instancesSet cannot be used with the parameter maxResults"
            raise Refusal("InvalidParameterCombination", message)
        found = _by_id(place.instances, ids)
    else:
        found = place.instances
    filters = params.get("Filters", [])
    found = _filtered(found, filters)
    size = params.get("MaxResults")
    if size is not None and not 5 <= size <= 1000:
        raise Refusal(
            "InvalidParameterValue",
            f"Value ( {size} ) for parameter maxResults is invalid: 5 to 1000",
        )
    listing = fingerprint("DescribeInstances", [filters, ids])
    try:
        given = page(found, PageRequest(listing, size or 1000, params.get("NextToken"), weather))
    except Refusal as exc:
        raise Refusal("InvalidNextToken", exc.message) from exc
    reservations = [_reservation(place, item) for item in given.items]
    return {"Reservations": reservations} | (
        {"NextToken": given.next_token} if given.next_token else {}
    )


def terminate_instances(drs: Drs, place: Place, params: dict[str, Any]) -> dict[str, Any]:
    """Terminate instances behind the back of DRS. Raises Refusal for an unknown id."""
    changes = []
    for identifier, before in _by_id(place.instances, params["InstanceIds"]).items():
        ec2.terminate(drs, place, identifier)
        after = place.instances[identifier]["State"]
        changes.append(
            {"InstanceId": identifier, "PreviousState": before["State"], "CurrentState": after}
        )
    return {"TerminatingInstances": changes}


def _reservation(place: Place, item: Item) -> dict[str, Any]:
    tail = item["InstanceId"].removeprefix("i-")
    return {
        "ReservationId": f"r-{tail}",
        "OwnerId": place.account,
        "Groups": [],
        "Instances": [item],
    }


def _by_id(instances: Items, ids: list[str]) -> Items:
    for identifier in ids:
        if not _INSTANCE_ID.fullmatch(identifier):
            raise Refusal("InvalidInstanceID.Malformed", f'Invalid id: "{identifier}"')
    if missing := [identifier for identifier in ids if identifier not in instances]:
        word = "ID" if len(missing) == 1 else "IDs"
        verb = "does" if len(missing) == 1 else "do"
        message = f"The instance {word} '{', '.join(missing)}' {verb} not exist"
        raise Refusal("InvalidInstanceID.NotFound", message)
    return {identifier: instances[identifier] for identifier in ids}


def _filtered(found: Items, filters: list[dict[str, Any]]) -> Items:
    """All filters hold; of a filter's values, any. `*` and `?` are wildcards."""
    if sum(len(one.get("Values", ())) for one in filters) > MOST_FILTER_VALUES:
        message = (
            "The maximum number of filter values specified on a single call is "
            f"{MOST_FILTER_VALUES}"
        )
        raise Refusal("FilterLimitExceeded", message)
    for one in filters:
        values = one.get("Values", [])
        if one.get("Name") == "instance-id" and not any(
            "*" in value or "?" in value for value in values
        ):
            found = {identifier: found[identifier] for identifier in values if identifier in found}
            continue
        field = _field(str(one.get("Name")))
        matches = re.compile(
            "|".join(fnmatch.translate(value.replace("[", "[[]")) for value in values) or r"(?!)"
        ).match
        found = {
            key: item for key, item in found.items() if any(matches(text) for text in field(item))
        }
    return found


def _field(name: str) -> Callable[[Item], list[str]]:
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda item: [tag["Value"] for tag in item.get("Tags", ()) if tag["Key"] == key]
    if name not in _FIELDS:
        raise Refusal("InvalidParameterValue", f"The filter '{name}' is invalid")
    return _FIELDS[name]


def describe_regions(account: Account, params: dict[str, Any]) -> dict[str, Any]:
    """The regions botocore knows; without AllRegions only those the account has enabled."""
    regions = [
        {
            "RegionName": name,
            "Endpoint": f"ec2.{name}.amazonaws.com",
            "OptInStatus": _opt_in(account, name),
        }
        for name in models.REGIONS
    ]
    if not params.get("AllRegions"):
        regions = [region for region in regions if region["OptInStatus"] != "not-opted-in"]
    if names := params.get("RegionNames"):
        regions = [region for region in regions if region["RegionName"] in names]
    for one in params.get("Filters", ()):
        member = {"opt-in-status": "OptInStatus", "region-name": "RegionName"}.get(
            str(one.get("Name"))
        )
        if member is None:
            raise Refusal("InvalidParameterValue", f"The filter '{one.get('Name')}' is invalid")
        regions = [region for region in regions if region[member] in one.get("Values", ())]
    return {"Regions": regions}


def _opt_in(account: Account, region: str) -> str:
    if region in account.disabled_regions:
        return "not-opted-in"
    return "opt-in-not-required" if region in _WITHOUT_OPT_IN else "opted-in"
