"""The operations that only look."""

from datetime import datetime

from standin.drs import lag
from standin.drs.core import Call, Reply
from standin.drs.errors import invalid, not_found
from standin.drs.paging import page
from standin.drs.state import SERVER, Item, Items

FAR_FUTURE = 1e11


def describe_recovery_instances(call: Call) -> Reply:
    """TERMINATED and NOT_FOUND records included; unknown ids in a filter are silently absent."""
    place = call.place
    found = place.recovery_instances
    if ids := call.filter("recoveryInstanceIDs"):
        found = _pick(found, ids)
    if servers := set(call.filter("sourceServerIDs") or ()):
        found = {key: item for key, item in found.items() if item.get("sourceServerID") in servers}
    return page(found, call.page_request()).reply()


def describe_source_servers(call: Call) -> Reply:
    found = call.place.source_servers
    if ids := call.filter("sourceServerIDs"):
        found = _pick(found, ids)
    if hardware := call.filter("hardwareId"):
        found = {key: item for key, item in found.items() if hardware in _hardware_ids(item)}
    if accounts := set(call.filter("stagingAccountIDs") or ()):
        found = {key: item for key, item in found.items() if _staging_account(item) in accounts}
    if call.place.replications:
        now = call.drs.clock.now()
        found = {key: lag.shown(call.place, item, now) for key, item in found.items()}
    return page(found, call.page_request()).reply()


def describe_jobs(call: Call) -> Reply:
    """Newest first. `fromDate` and `toDate` are inclusive and concern the creation."""
    found = call.place.jobs
    if ids := call.filter("jobIDs"):
        found = _pick(found, ids)
    since = _epoch("fromDate", call.filter("fromDate") or "1970-01-01T00:00:00Z")
    until = _epoch("toDate", call.filter("toDate") or "9999-12-31T00:00:00Z")
    found = {key: item for key, item in found.items() if since <= _created(item) <= until}
    return page(found, call.page_request(), key=_newest_first).reply()


def describe_job_log_items(call: Call) -> Reply:
    """Oldest first; an unknown job has no log."""
    entries = call.place.job_logs.get(call.params["jobID"], [])
    numbered = {f"{number:09d}": entry for number, entry in enumerate(entries)}
    return page(numbered, call.page_request()).reply()


def describe_recovery_snapshots(call: Call) -> Reply:
    """One server's, newest first unless `order` says ASC; the dates are inclusive.

    Raises ResourceNotFoundException.
    """
    server_id = str(call.params["sourceServerID"])
    if server_id not in call.place.source_servers:
        raise not_found(server_id, SERVER)
    since = _epoch("fromDateTime", call.filter("fromDateTime") or "1970-01-01T00:00:00Z")
    until = _epoch("toDateTime", call.filter("toDateTime") or "9999-12-31T00:00:00Z")
    found = {
        snapshot["snapshotID"]: snapshot
        for snapshot in call.place.snapshots_of(server_id)
        if since <= _taken(snapshot) <= until
    }
    order = _oldest_first if call.params.get("order") == "ASC" else _latest_first
    return page(found, call.page_request(), key=order).reply()


def describe_source_networks(call: Call) -> Reply:
    found = call.place.source_networks
    if ids := call.filter("sourceNetworkIDs"):
        found = _pick(found, ids)
    for name, member in (("originAccountID", "sourceAccountID"), ("originRegion", "sourceRegion")):
        if wanted := call.filter(name):
            found = {key: item for key, item in found.items() if item.get(member) == wanted}
    return page(found, call.page_request()).reply()


def list_staging_accounts(call: Call) -> Reply:
    """The staging accounts of the place's extended source servers."""
    accounts = {_staging_account(server) for server in call.place.source_servers.values()} - {""}
    found = {account: Item({"accountID": account}) for account in accounts}
    request = call.page_request()
    return page(found, request).reply("accounts")


def get_launch_configuration(call: Call) -> Reply:
    """What was set for the server, over the service's defaults.

    Raises ResourceNotFoundException.
    """
    server_id = str(call.params["sourceServerID"])
    if server_id not in call.place.source_servers:
        raise not_found(server_id, SERVER)
    defaults = {
        "sourceServerID": server_id,
        "ec2LaunchTemplateID": f"lt-{server_id.removeprefix('s-')}",
        "launchDisposition": "STARTED",
        "targetInstanceTypeRightSizingMethod": "BASIC",
        "copyPrivateIp": False,
        "copyTags": False,
        "licensing": {"osByol": False},
        "postLaunchEnabled": False,
    }
    return defaults | call.place.launch_configurations.get(server_id, Item({}))


def initialize_service(call: Call) -> Reply:
    call.place.initialized = True
    return {}


def _pick(items: Items, ids: list[str]) -> Items:
    return {key: items[key] for key in ids if key in items}


def _hardware_ids(server: Item) -> set[str]:
    properties = server.get("sourceProperties", {})
    hints = properties.get("identificationHints", {})
    macs = {interface.get("macAddress") for interface in properties.get("networkInterfaces", ())}
    return {hints.get("awsInstanceID"), hints.get("vmWareUuid")} | macs


def _staging_account(server: Item) -> str:
    area = server.get("stagingArea", {})
    return (
        str(area.get("stagingAccountID", ""))
        if area.get("status") in ("EXTENDED", "EXTENSION_ERROR")
        else ""
    )


def _created(job: Item) -> float:
    return _epoch("creationDateTime", job.get("creationDateTime", "1970-01-01T00:00:00Z"))


def _newest_first(job: Item) -> str:
    return f"{FAR_FUTURE - _created(job):021.6f} {job['jobID']}"


def _taken(snapshot: Item) -> float:
    return _epoch("expectedTimestamp", snapshot["expectedTimestamp"])


def _latest_first(snapshot: Item) -> str:
    return f"{FAR_FUTURE - _taken(snapshot):021.6f} {snapshot['snapshotID']}"


def _oldest_first(snapshot: Item) -> str:
    return f"{_taken(snapshot):021.6f} {snapshot['snapshotID']}"


def _epoch(field: str, text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as exc:
        raise invalid(field, f"{text} is no date") from exc
