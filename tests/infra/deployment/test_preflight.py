"""What a deployment meets: tables, networks, limits, and
what is refused before anything is made.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from local.servers import OWN_ACCOUNT, REGION
from scripts.deployment.__main__ import Deployment
from scripts.deployment.errors import Refused
from scripts.deployment.parameters import Parameters, read
from scripts.deployment.preflight import Preflight
from scripts.deployment.stacks import Stacks
from scripts.deployment.tables import Tables
from tests.infra.deployment.conftest import Account, make_table

pytestmark = [pytest.mark.xdist_group("deployment")]


class TestPreflight:
    """What is looked at first, and stops everything."""

    @pytest.fixture
    def parameters(
        self, infra: Path, network: dict[str, str], request: pytest.FixtureRequest
    ) -> Parameters:
        """Of a project that is this test's alone."""
        words = [
            f"Project=p{abs(hash(request.node.name)) % 10**8}",
            f"VpcId={network['vpc']}",
            f"PrivateSubnetIds={network['apart']}",
            "PlatformTables=create",
        ]
        return read("one", words, infra)

    @staticmethod
    def told(account: Account, parameters: Parameters) -> str:
        """What a deployment would say first."""
        stacks = Stacks(account.client("cloudformation"), lambda _: None)
        return "\n".join(Preflight(parameters, stacks, account.client, OWN_ACCOUNT, REGION).run())

    @staticmethod
    def given(parameters: Parameters, **values: str) -> Parameters:
        """With other values."""
        return replace(parameters, values={**parameters.values, **values})

    def test_an_empty_account_is_told_what_will_be_made(
        self, account: Account, parameters: Parameters
    ) -> None:
        """Two stacks, five tables, a bucket; and nothing is."""
        told = self.told(account, parameters)
        assert told.count(": create") == 2
        assert "tables: 5 of this deployment, 0 of the platform" in told
        assert self.told(account, parameters) == told

    def test_a_table_that_no_stack_of_ours_holds(
        self, account: Account, parameters: Parameters
    ) -> None:
        """It would fail the creation half way; import takes it in."""
        table = f"{parameters['Project']}-sync-status-one"
        make_table(account, table, "id")
        with pytest.raises(Refused, match=rf"{table}.*import\.sh"):
            self.told(account, parameters)

    def test_a_platform_whose_tables_are_missing(
        self, account: Account, parameters: Parameters
    ) -> None:
        """Each one is named."""
        make_table(account, f"{parameters['Project']}-recovery-plans-one", "planId")
        given = self.given(parameters, PlatformTables="existing")
        with pytest.raises(Refused, match=r"no .*execution-history-one, .*target-accounts-one in"):
            self.told(account, given)

    def test_a_bucket_of_somebody_else(self, account: Account, parameters: Parameters) -> None:
        """Whoever has taken the name could change what is deployed from it."""
        other = "999999999999"
        stacks = Stacks(account.client("cloudformation"), lambda _: None)
        preflight = Preflight(parameters, stacks, account.client, other, REGION)
        assert f"bucket {preflight.bucket}: make" in list(preflight.run())
        account.client("s3").create_bucket(Bucket=preflight.bucket)
        with pytest.raises(Refused, match="is not this account's"):
            list(preflight.run())

    def test_a_replica_in_this_very_region(self, account: Account, parameters: Parameters) -> None:
        """The second region is another one."""
        with pytest.raises(Refused, match="this is us-east-1 itself"):
            self.told(account, self.given(parameters, ReplicaRegion=REGION))

    def test_more_concurrency_than_the_account_has(
        self, account: Account, parameters: Parameters
    ) -> None:
        """How much there is, and how to do without, in words to paste."""
        with pytest.raises(Refused, match=r"would reserve 5041 .*QueryConcurrency=0 DataManage"):
            self.told(account, self.given(parameters, QueryConcurrency="5000"))

    def test_subnets_in_one_zone(
        self, account: Account, parameters: Parameters, network: dict[str, str]
    ) -> None:
        """A cache needs two."""
        with pytest.raises(Refused, match="all in us-east-1a"):
            self.told(account, self.given(parameters, PrivateSubnetIds=network["together"]))

    def test_subnets_that_are_not_there(self, account: Account, parameters: Parameters) -> None:
        """AWS's own words."""
        with pytest.raises(Refused, match=r"PrivateSubnetIds: .*subnet-0f"):
            self.told(account, self.given(parameters, PrivateSubnetIds="subnet-0f,subnet-0e"))

    def test_a_network_that_is_not_the_subnets(
        self, account: Account, parameters: Parameters
    ) -> None:
        """Named before CloudFormation finds it out."""
        with pytest.raises(Refused, match="are not in vpc-0e"):
            self.told(account, self.given(parameters, VpcId="vpc-0e"))

    def test_no_log_role_where_ours_is_not_wanted(
        self, account: Account, parameters: Parameters
    ) -> None:
        """API Gateway would refuse the stage."""
        with pytest.raises(Refused, match="no log role in this account"):
            self.told(account, self.given(parameters, SetApiLogRole="false"))


class TestTables:
    """Which tables are whose, and how they go."""

    def test_the_platforms_are_made_only_when_asked_for(
        self, infra: Path, account: Account
    ) -> None:
        """Three of five."""
        dynamodb = account.client("dynamodb")
        existing = Tables(dynamodb, read("one", [], infra))
        assert (len(existing.made()), len(existing.expected())) == (2, 3)
        made = Tables(dynamodb, read("one", ["PlatformTables=create"], infra))
        assert (len(made.made()), made.expected()) == (5, [])

    def test_an_import_brings_the_tables_that_are_there_and_nothing_else(
        self, infra: Path, account: Account
    ) -> None:
        """Under the names that the stack will know them by."""
        tables = Tables(account.client("dynamodb"), read("one", [], infra))
        (name,) = [it for it in tables.made() if "sync-status" in it]
        template = json.loads(tables.template_of([name]))
        assert set(template["Resources"]) == {"SyncStatus"}
        assert template["Resources"]["SyncStatus"]["DeletionPolicy"] == "RetainExceptOnCreate"

    def test_an_import_keeps_the_rows(
        self, infra: Path, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A table that outlived its stack is the stack's again, and nothing is left to import."""
        for name, value in account.environment.items():
            monkeypatch.setenv(name, value)
        given = read("one", ["Project=outlived"], infra)
        tables = Tables(account.client("dynamodb"), given)
        (name,) = [it for it in tables.made() if "sync-status" in it]
        make_table(account, name, "id")
        row = {"id": {"S": "a row"}}
        account.client("dynamodb").put_item(TableName=name, Item=row)
        deployment = Deployment(given)
        deployment.import_tables()
        assert deployment.stacks.resources("outlived-one-data") == {"SyncStatus": name}
        assert account.client("dynamodb").scan(TableName=name)["Items"] == [row]
        with pytest.raises(Refused, match="nothing to import"):
            deployment.import_tables()

    def test_a_protected_table_is_deleted_when_it_must_be(
        self, infra: Path, account: Account
    ) -> None:
        """Teardown with --data."""
        make_table(account, "doomed", "id")
        account.client("dynamodb").update_table(TableName="doomed", DeletionProtectionEnabled=True)
        tables = Tables(account.client("dynamodb"), read("one", [], infra))
        tables.delete("doomed")
        assert not tables.exists("doomed")
