"""What a launch creates, in the shapes of the DRS and EC2 APIs."""

from dataclasses import dataclass
from typing import Any

from standin.drs.clock import iso
from standin.drs.state import INSTANCE, Item, Place

MANAGED_TAG = {"Key": "AWSElasticDisasterRecoveryManaged", "Value": "drs.amazonaws.com"}


@dataclass(frozen=True)
class Launch:
    """One server of one launch job."""

    place: Place
    server: Item
    job_id: str
    is_drill: bool
    instance_id: str
    at: float
    """When, in epoch seconds."""
    address: int
    """The number that its private address is made of."""
    point_in_time: str = ""
    """The moment of the snapshot; that of the launch unless told."""


def server_name(server: Item) -> str:
    hints = server.get("sourceProperties", {}).get("identificationHints", {})
    return str(
        server.get("tags", {}).get("Name") or hints.get("hostname") or server["sourceServerID"]
    )


def recovery_instance(launch: Launch) -> Item:
    """The DRS record as it first shows: PENDING, and silent about
    what only the agent inside can report.
    """
    server = launch.server
    cloud = server.get("sourceCloudProperties", {})
    record = {
        "recoveryInstanceID": launch.instance_id,
        "ec2InstanceID": launch.instance_id,
        "ec2InstanceState": "PENDING",
        "sourceServerID": server["sourceServerID"],
        "jobID": launch.job_id,
        "arn": launch.place.arn(INSTANCE, launch.instance_id),
        "tags": {},
        "isDrill": launch.is_drill,
        "pointInTimeSnapshotDateTime": launch.point_in_time or iso(launch.at),
        "originEnvironment": "AWS" if cloud else "ON_PREMISES",
        "failback": {
            "state": "FAILBACK_NOT_STARTED" if launch.is_drill else "FAILBACK_NOT_READY_FOR_LAUNCH",
            "failbackToOriginalServer": False,
        },
        "dataReplicationInfo": {"dataReplicationState": "NOT_STARTED", "replicatedDisks": []},
        "recoveryInstanceProperties": {},
    }
    if "originAvailabilityZone" in cloud:
        record["originAvailabilityZone"] = cloud["originAvailabilityZone"]
    if "agentVersion" in server:
        record["agentVersion"] = server["agentVersion"]
    return Item(record)


def agent_report(server: Item, instance: Item | None, at: float) -> dict[str, Any]:
    """`recoveryInstanceProperties` once the agent inside has reported."""
    source = server.get("sourceProperties", {})
    hints = dict(source.get("identificationHints", {}))
    report = {name: source[name] for name in ("cpus", "ramBytes", "os") if name in source}
    if instance is not None:
        hints["awsInstanceID"] = instance["InstanceId"]
        if address := instance.get("PrivateIpAddress"):
            report["networkInterfaces"] = [
                {"macAddress": _mac(address), "ips": [address], "isPrimary": True}
            ]
    return report | {"lastUpdatedDateTime": iso(at), "identificationHints": hints}


def ec2_instance(launch: Launch, copy_tags: bool) -> Item:
    """The EC2 instance of a launch, with the tags DRS sets, as DescribeInstances first shows it."""
    server = launch.server
    server_id = server["sourceServerID"]
    tags = [
        {"Key": "Name", "Value": server_name(server)},
        MANAGED_TAG,
        {"Key": "AWSElasticDisasterRecoverySourceServerID", "Value": server_id},
        {"Key": "drs.amazonaws.com-source-server", "Value": server_id},
        {"Key": "drs.amazonaws.com-job", "Value": launch.job_id},
    ]
    if copy_tags:
        tags += [
            {"Key": key, "Value": value}
            for key, value in server.get("tags", {}).items()
            if key != "Name"
        ]
    address = f"10.{launch.address >> 16 & 255}.{launch.address >> 8 & 255}.{launch.address & 255}"
    tail = launch.instance_id.removeprefix("i-")
    launched = f"{iso(launch.at)[:19]}Z"
    return Item(
        {
            "InstanceId": launch.instance_id,
            "ImageId": f"ami-{tail}",
            "InstanceType": server.get("sourceProperties", {}).get(
                "recommendedInstanceType", "t3.medium"
            ),
            "LaunchTime": launched,
            "State": state("pending"),
            "PrivateIpAddress": address,
            "PrivateDnsName": f"ip-{address.replace('.', '-')}.ec2.internal",
            "SubnetId": "subnet-0d1a5a11ed0000001",
            "VpcId": "vpc-0d1a5a11ed0000001",
            "SecurityGroups": [{"GroupId": "sg-0d1a5a11ed0000001", "GroupName": "recovery"}],
            "Placement": {"AvailabilityZone": f"{launch.place.region}a", "Tenancy": "default"},
            "NetworkInterfaces": [
                {
                    "NetworkInterfaceId": f"eni-{tail}",
                    "PrivateIpAddress": address,
                    "Attachment": {"AttachTime": launched, "DeviceIndex": 0, "Status": "attached"},
                }
            ],
            "Tags": tags,
        }
    )


def conversion_server(place: Place, instance_id: str, at: float) -> Item:
    """The machine that a launch job converts volumes on: it carries DRS's managed tag too."""
    return Item(
        {
            "InstanceId": instance_id,
            "InstanceType": "m5.large",
            "LaunchTime": f"{iso(at)[:19]}Z",
            "State": state("running"),
            "Placement": {"AvailabilityZone": f"{place.region}a", "Tenancy": "default"},
            "Tags": [
                {"Key": "Name", "Value": "AWS Elastic Disaster Recovery Conversion Server"},
                MANAGED_TAG,
            ],
        }
    )


_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}


def state(name: str) -> dict[str, Any]:
    """EC2's `State` of an instance. Raises KeyError for a name EC2 does not have."""
    return {"Code": _CODES[name], "Name": name}


def _mac(address: str) -> str:
    return ":".join(["02", "00", *(f"{int(part):02x}" for part in address.split("."))])
