"""Big, regular fleets, in the shapes of the DRS and EC2 APIs, for load tests and measurements.

Deterministic: the same arguments give the same items. `standin.aws.loading.load` takes what
`holdings` makes.
"""

import hashlib
from typing import Any

from standin.drs import items
from standin.drs.clock import iso
from standin.drs.items import Launch
from standin.drs.state import JOB, SERVER, Item, Place

_TYPES = ("t3.medium", "m5.large", "m5.xlarge", "r5.large", "c5.xlarge")
_GIB = 1 << 30


def holdings(
    account: str, region: str, servers: int, launched: int, now: float
) -> dict[str, list[Item]]:
    """What a place holds: `servers` source servers, of which the first `launched` have a running
    recovery instance.

    `now` is in epoch seconds; everything was launched by one drill an hour before.
    """
    place = Place(account, region)
    job_id = f"drsjob-{_tail(place, 'job', 0)}"
    body: dict[str, list[Item]] = {
        "sourceServers": [],
        "recoveryInstances": [],
        "instances": [],
        "jobs": [],
    }
    for number in range(servers):
        server = source_server(place, number, now)
        if number < launched:
            instance_id = f"i-{_tail(place, 'instance', number)}"
            launch = Launch(place, server, job_id, True, instance_id, now - 3600, number)
            instance = items.ec2_instance(launch, copy_tags=False)
            instance["State"] = items.state("running")
            record = items.recovery_instance(launch)
            report = items.agent_report(server, instance, now - 3500)
            record |= {"ec2InstanceState": "RUNNING", "recoveryInstanceProperties": report}
            server["recoveryInstanceId"] = instance_id
            server["lastLaunchResult"] = "SUCCEEDED"
            body["recoveryInstances"].append(Item(record))
            body["instances"].append(instance)
        body["sourceServers"].append(server)
    if launched:
        body["jobs"].append(_job(place, job_id, now))
    return body


def source_server(place: Place, number: int, now: float) -> Item:
    """One healthy, replicating source server, originally an EC2 instance of the same account."""
    server_id = f"s-{_tail(place, 'server', number)}"
    name = f"app-{place.region}-{number:05d}"
    address = f"172.{16 + (number >> 16 & 15)}.{number >> 8 & 255}.{number & 255}"
    return Item(
        {
            "sourceServerID": server_id,
            "arn": place.arn(SERVER, server_id),
            "tags": {"Name": name},
            "lastLaunchResult": "NOT_STARTED",
            "agentVersion": "5.9.2025",
            "replicationDirection": "FAILOVER",
            "dataReplicationInfo": {
                "dataReplicationState": "CONTINUOUS",
                "lagDuration": "P0D",
                "replicatedDisks": [
                    {
                        "deviceName": "/dev/xvda",
                        "totalStorageBytes": 80 * _GIB,
                        "replicatedStorageBytes": 80 * _GIB,
                        "backloggedStorageBytes": 0,
                        "volumeStatus": "REGULAR",
                    }
                ],
            },
            "lifeCycle": {
                "addedToServiceDateTime": iso(now - 90 * 86400),
                "lastSeenByServiceDateTime": iso(now - 30),
            },
            "sourceProperties": _properties(place, number, name, address, now),
            "stagingArea": {"status": "NOT_EXTENDED", "stagingAccountID": place.account},
            "sourceCloudProperties": {
                "originAccountID": place.account,
                "originRegion": "us-east-1",
                "originAvailabilityZone": f"us-east-1{'abc'[number % 3]}",
            },
        }
    )


def _properties(place: Place, number: int, name: str, address: str, now: float) -> dict[str, Any]:
    return {
        "lastUpdatedDateTime": iso(now - 600),
        "recommendedInstanceType": _TYPES[number % len(_TYPES)],
        "identificationHints": {
            "hostname": name,
            "fqdn": f"{name}.corp.example",
            "awsInstanceID": f"i-{_tail(place, 'origin', number)}",
        },
        "networkInterfaces": [
            {"macAddress": f"02:10:{number:08x}", "ips": [address], "isPrimary": True}
        ],
        "disks": [{"deviceName": "/dev/xvda", "bytes": 80 * _GIB}],
        "cpus": [{"cores": 4, "modelName": "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz"}],
        "ramBytes": 16 * _GIB,
        "os": {"fullString": "Linux 6.1.0-18-amd64"},
        "supportsNitroInstances": True,
    }


def _job(place: Place, job_id: str, now: float) -> Item:
    return Item(
        {
            "jobID": job_id,
            "arn": place.arn(JOB, job_id),
            "type": "LAUNCH",
            "initiatedBy": "START_DRILL",
            "creationDateTime": iso(now - 5000),
            "endDateTime": iso(now - 3540),
            "status": "COMPLETED",
            "participatingServers": [],
            "tags": {},
        }
    )


def _tail(place: Place, kind: str, number: int) -> str:
    """Seventeen hexadecimal digits that no other thing of any place has."""
    return hashlib.sha256(f"{place.account}/{place.region}/{kind}/{number}".encode()).hexdigest()[
        :17
    ]
