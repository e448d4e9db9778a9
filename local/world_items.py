"""Single things of the seeded world, and their AWS shapes (those of the DRS and EC2 APIs)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Self

NAMES = (
    "web server",
    "Datenbank Köln",
    "支払い サーバ",
    "файловый сервер",
    "são-paulo-api",
    "build-agent",
    "Kasse №",
    "mail 📬",
)
TYPES = ("t3.medium", "m5.large", "m6i.xlarge", "c6i.2xlarge", "r6g.large")
STAGING_ACCOUNT = (
    "444444444444"  # machines that are replicated elsewhere and extended into their place
)
EC2_CODES = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}


def stamp(moment: datetime) -> str:
    """The one form of time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Machine:
    """A protected machine. `origin` is the account and region it runs in, None outside of AWS."""

    id: str
    number: int
    account: str
    region: str
    name_tag: str | None
    hostname: str | None
    vmware_uuid: str
    origin: tuple[str, str] | None
    aws_id: str
    network: tuple[str, str, list[str], str | None]
    """VPC, subnet, security groups, instance profile of the protected machine."""
    staging: str | None
    fate: str = "never"
    current: "Instance | None" = None

    @property
    def has_copied_network(self) -> bool:
        """Whether DRS copies the network of its VPC; some machines outside of AWS are like that."""
        return self.number % 20 == 4

    @classmethod
    def roll(
        cls, dice: Random, number: int, account: str, region: str, origin: tuple[str, str]
    ) -> Self:
        """A machine with a name, or only a host name, or neither; every second one runs in AWS."""
        kind = number % 10
        return cls(
            id=f"s-{dice.getrandbits(68):017x}",
            number=number,
            account=account,
            region=region,
            name_tag=f"{NAMES[number % len(NAMES)]} {number:04d}" if kind < 7 else None,
            hostname=f"host-{number:04d}" if kind < 9 else None,
            vmware_uuid=f"4210{dice.getrandbits(48):012x}",
            origin=origin if number % 2 else None,
            aws_id=f"i-{dice.getrandbits(68):017x}",
            network=(
                f"vpc-{dice.getrandbits(68):017x}",
                f"subnet-{dice.getrandbits(68):017x}",
                [f"sg-{dice.getrandbits(68):017x}" for _ in range(dice.randint(1, 3))],
                f"arn:aws:iam::{origin[0]}:instance-profile/app-{number % 7}"
                if number % 3
                else None,
            ),
            staging=STAGING_ACCOUNT if number % 8 == 5 else None,
        )

    @property
    def name(self) -> str:
        """What a person calls it: its Name tag, else its host name, else its VMware id."""
        return self.name_tag or self.hostname or self.vmware_uuid

    def arn(self, kind: str, name: str) -> str:
        """A DRS ARN in this machine's place."""
        return f"arn:aws:drs:{self.region}:{self.account}:{kind}/{name}"


@dataclass
class Instance:
    """What a job launched for a machine.

    `leftover` ones are TERMINATED records that DRS still lists.
    """

    machine: Machine
    id: str
    job_id: str
    launched: datetime
    drill: bool
    state: str
    leftover: bool
    private_ip: str
    public_ip: str | None
    instance_type: str
    name_tag: str | None

    @classmethod
    def roll(  # noqa: PLR0913  a launch is this much
        cls,
        dice: Random,
        machine: Machine,
        job_id: str,
        at: datetime,
        *,
        drill: bool,
        leftover: bool,
    ) -> Self:
        """An instance; most run, some are stopped, a third has no
        public address, a fifth no name of its own.
        """
        state = dice.choices(("running", "stopped"), (85, 15))[0]
        if leftover or machine.fate in {"terminated", "not-found"}:
            state = "terminated" if leftover else machine.fate
        octets = dice.randint(0, 255), dice.randint(0, 255), dice.randint(4, 250)
        public = (
            f"54.{octets[0]}.{octets[1]}.{octets[2]}"
            if state == "running" and dice.random() < 2 / 3
            else None
        )
        return cls(
            machine=machine,
            id=f"i-{dice.getrandbits(68):017x}",
            job_id=job_id,
            launched=at + timedelta(seconds=dice.randint(300, 900)),
            drill=drill,
            state=state,
            leftover=leftover,
            private_ip=f"10.{octets[0]}.{octets[1]}.{octets[2]}",
            public_ip=public,
            instance_type=dice.choice(TYPES),
            name_tag=f"{machine.name} (DR)" if dice.random() < 0.8 else None,
        )

    def expected(self) -> dict[str, Any]:
        """What the page and the table must say of it, its execution apart."""
        machine = self.machine
        copied = SOURCE_VPC if machine.has_copied_network else None
        vpc, subnet, groups, profile = (
            machine.network if machine.origin else (copied, None, [], None)
        )
        return {
            "sourceServerId": machine.id,
            "recoveryInstanceId": self.id,
            "ec2InstanceId": self.id,
            "ec2InstanceState": self.state,
            "name": self.name_tag or f"Recovery of {machine.name}",
            "privateIp": self.private_ip,
            "publicIp": self.public_ip,
            "instanceType": self.instance_type,
            "launchTime": stamp(self.launched),
            "region": machine.region,
            "accountId": machine.account,
            "sourceServerName": machine.name,
            "isDrill": self.drill,
            "jobId": self.job_id,
            "replicationStagingAccountId": machine.staging or machine.account,
            "sourceVpcId": vpc,
            "sourceSubnetId": subnet,
            "sourceSecurityGroupIds": groups,
            "sourceInstanceProfile": profile,
        }


def hints(machine: Machine) -> dict[str, str]:
    """DRS's identification hints of a machine."""
    known = {
        "hostname": machine.hostname,
        "vmWareUuid": None if machine.origin else machine.vmware_uuid,
    }
    if machine.hostname is None and machine.origin:
        known["vmWareUuid"] = machine.vmware_uuid
    if machine.origin:
        known["awsInstanceID"] = machine.aws_id
    return {name: value for name, value in known.items() if value}


# Of forty machines, these do not keep up.
_LATE: dict[int, dict[str, Any]] = {
    6: {"dataReplicationState": "BACKLOG", "lagDuration": "PT25M"},
    12: {"dataReplicationState": "STALLED", "lagDuration": "P1DT4H",
         "dataReplicationError": {"error": "NOT_CONVERGING"}},
    18: {"dataReplicationState": "DISCONNECTED", "lagDuration": "P3D",
         "dataReplicationError": {"error": "AGENT_NOT_SEEN"}},
    24: {"dataReplicationState": "INITIAL_SYNC"},
    30: {"dataReplicationState": "PAUSED", "lagDuration": "PT7H"},
    36: {"dataReplicationState": "STOPPED"},
}  # fmt: skip
SOURCE_NETWORK = "sn-0123456789abcdef0"
SOURCE_VPC = "vpc-0c0b1ed0c0b1ed000"


def replication(machine: Machine) -> dict[str, Any]:
    """How a machine's replication does: most keep up."""
    keeps_up: dict[str, Any] = {"dataReplicationState": "CONTINUOUS", "lagDuration": "PT0S"}
    return dict(_LATE.get(machine.number % 40, keeps_up))


def source_network(account: str, region: str) -> dict[str, Any]:
    """A DRS SourceNetwork: the VPC that some machines outside of AWS are to be launched like."""
    return {
        "sourceNetworkID": SOURCE_NETWORK,
        "arn": f"arn:aws:drs:{region}:{account}:source-network/{SOURCE_NETWORK}",
        "sourceVpcID": SOURCE_VPC,
        "sourceAccountID": account,
        "sourceRegion": region,
    }


def source_server(machine: Machine) -> dict[str, Any]:
    """A DRS SourceServer."""
    current = machine.current
    server: dict[str, Any] = {
        "sourceServerID": machine.id,
        "arn": machine.arn("source-server", machine.id),
        "tags": {"Name": machine.name_tag} if machine.name_tag else {},
        "lastLaunchResult": "SUCCEEDED" if current else "NOT_STARTED",
        "replicationDirection": "FAILOVER",
        "dataReplicationInfo": replication(machine),
        "lifeCycle": {"addedToServiceDateTime": "2026-03-01T09:00:00Z"},
        "sourceProperties": {
            "identificationHints": hints(machine),
            "recommendedInstanceType": TYPES[machine.number % len(TYPES)],
            "lastUpdatedDateTime": "2026-11-01T00:00:00Z",
        },
        "stagingArea": {"status": "NOT_EXTENDED"},
    }
    if current:
        server["recoveryInstanceId"] = current.id
    if machine.has_copied_network:
        server["sourceNetworkID"] = SOURCE_NETWORK
    if machine.staging:
        source_arn = f"arn:aws:drs:{machine.region}:{machine.staging}:source-server/{machine.id}"
        server["stagingArea"] = {
            "status": "EXTENDED",
            "stagingAccountID": machine.staging,
            "stagingSourceServerArn": source_arn,
        }
    if machine.origin:
        account, region = machine.origin
        server["sourceCloudProperties"] = {
            "originAccountID": account,
            "originRegion": region,
            "originAvailabilityZone": f"{region}a",
        }
    return server


def recovery_instance(instance: Instance) -> dict[str, Any]:
    """A DRS RecoveryInstance."""
    machine = instance.machine
    return {
        "recoveryInstanceID": instance.id,
        "ec2InstanceID": instance.id,
        "ec2InstanceState": instance.state.upper().replace("NOT-FOUND", "NOT_FOUND"),
        "sourceServerID": machine.id,
        "jobID": instance.job_id,
        "isDrill": instance.drill,
        "arn": machine.arn("recovery-instance", instance.id),
        "tags": {},
        "pointInTimeSnapshotDateTime": stamp(instance.launched - timedelta(minutes=10)),
        "originEnvironment": "AWS" if machine.origin else "ON_PREMISES",
        "failback": {
            "state": "FAILBACK_NOT_STARTED" if instance.drill else "FAILBACK_NOT_READY_FOR_LAUNCH"
        },
        "dataReplicationInfo": {"dataReplicationState": "NOT_STARTED"},
        "recoveryInstanceProperties": {
            "identificationHints": {**hints(machine), "awsInstanceID": instance.id}
        },
    }


def ec2_instance(
    instance_id: str, region: str, state: str, launched: str, **fields: Any
) -> dict[str, Any]:
    """An EC2 Instance with what every one has."""
    return {
        "InstanceId": instance_id,
        "ImageId": "ami-0123456789abcdef0",
        "State": {"Code": EC2_CODES[state], "Name": state},
        "LaunchTime": launched,
        "Placement": {"AvailabilityZone": f"{region}a"},
        **fields,
    }


def recovery_ec2_instance(instance: Instance) -> dict[str, Any]:
    """The recovery instance as EC2 describes it."""
    machine = instance.machine
    tags = {
        "AWSElasticDisasterRecoveryManaged": "drs.amazonaws.com",
        "drs.amazonaws.com-source-server": machine.id,
    }
    if instance.name_tag:
        tags["Name"] = instance.name_tag
    fields: dict[str, Any] = {
        "InstanceType": instance.instance_type,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }
    if instance.state != "terminated":  # EC2 forgets the addresses of terminated instances
        fields["PrivateIpAddress"] = instance.private_ip
    if instance.public_ip:
        fields["PublicIpAddress"] = instance.public_ip
    return ec2_instance(
        instance.id, machine.region, instance.state, stamp(instance.launched), **fields
    )


def origin_instance(machine: Machine) -> dict[str, Any]:
    """The protected machine as EC2 describes it in its own account."""
    vpc, subnet, groups, profile = machine.network
    fields: dict[str, Any] = {
        "InstanceType": TYPES[machine.number % len(TYPES)],
        "VpcId": vpc,
        "SubnetId": subnet,
        "SecurityGroups": [
            {"GroupId": group, "GroupName": f"group {group[-4:]}"} for group in groups
        ],
        "Tags": [{"Key": "Name", "Value": machine.name}],
    }
    if profile:
        fields["IamInstanceProfile"] = {"Arn": profile, "Id": f"AIPA{machine.number:017d}"}
    region = machine.origin[1] if machine.origin else machine.region
    return ec2_instance(machine.aws_id, region, "running", "2026-02-01T06:00:00Z", **fields)
