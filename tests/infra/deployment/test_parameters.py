"""What a deployment is given, and what is refused before anything is asked of AWS."""

from pathlib import Path

import pytest

from scripts.deployment.errors import Refused
from scripts.deployment.parameters import MAIN, TABLES, read
from tests.infra.deployment.conftest import NEEDED
from tests.infra.templates import load


class TestParameters:
    """The file, the command line, the defaults."""

    def test_every_parameter_is_passed(self, infra: Path) -> None:
        """Defaults too: CloudFormation would keep what an earlier deployment passed."""
        found = read("one", [], infra)
        for template in (TABLES, MAIN):
            declared = load(template)["Parameters"]
            assert found.of(template).keys() == declared.keys()
        assert found["Schedule"] == "rate(5 minutes)"

    def test_the_last_word_counts(self, infra: Path) -> None:
        """The command line over the file, the file over the default."""
        conf = infra / "environments" / "one.conf"
        conf.write_text(NEEDED + "\n# a comment\nReadFrom=table\n")
        assert read("one", [], infra)["ReadFrom"] == "table"
        assert read("one", ["ReadFrom=live", "ReadFrom=mirror"], infra)["ReadFrom"] == "mirror"

    @pytest.mark.parametrize(
        ("word", "told"),
        [
            ("ReadForm=live", "no parameter ReadForm; ReadFrom?"),
            ("ReadFrom=somewhere", "must be one of mirror, table, live"),
            ("QueryConcurrency=many", "must be a whole number"),
            ("QueryConcurrency=-1", "must have 0 to"),
            ("SyncConcurrency=2", "must have 0 to 1"),
            ("Project=Wrong", "must look like"),
            ("Project=two--hyphens", "must look like"),
            ("Project=a-name-of-more-than-twenty", "letters"),
            ("CacheSuffix=abcdef", "made by the deployment itself"),
            ("Protected=false", "made by the deployment itself"),
            ("PrivateSubnetIds=subnet-1", "two subnets"),
            ("RedisKind=external", "needs RedisUrl"),
            ("UserPoolId=eu-west-1_abc", "needs UserPoolSignInHost"),
            ("UserPoolSignInHost=x.auth", "UserPoolId is missing"),
            ("ReplicaRegion=eu-west-1", "PlatformTables=create"),
            ("PageDomain=recovery.example.org", "needs PageCertificateArn"),
            (
                "PageCertificateArn=arn:aws:acm:eu-west-1:111111111111:certificate/c",
                "must look like",
            ),
            ("VpcId=", "VpcId must be set"),
            ("nonsense", "is not Name=Value"),
        ],
    )
    def test_what_cannot_be_is_refused(self, infra: Path, word: str, told: str) -> None:
        """Before anything is asked of AWS, with what helps."""
        with pytest.raises(Refused, match=told.replace("?", r"\?")):
            read("one", [word], infra)

    def test_a_sign_in_host_that_cognito_refuses(self, infra: Path) -> None:
        """Only where a pool is to be made."""
        words = ["Authorisation=JWT", "Project=our-aws-tool"]
        with pytest.raises(Refused, match="'aws'"):
            read("one", words, infra)
        read("one", [*words, "UserPoolId=p", "UserPoolSignInHost=h"], infra)

    def test_a_line_that_is_wrong_is_named(self, infra: Path) -> None:
        """File and line."""
        (infra / "environments" / "one.conf").write_text(NEEDED + "\nReadFrm=table\n")
        with pytest.raises(Refused, match=r"one\.conf:5: no parameter ReadFrm"):
            read("one", [], infra)

    def test_a_region_has_its_own_network(self, infra: Path) -> None:
        """Laid over what both regions share, and read for that region alone."""
        conf = infra / "environments" / "one.eu-west-1.conf"
        conf.write_text("VpcId=vpc-2\n")
        assert read("one", [], infra, "eu-west-1")["VpcId"] == "vpc-2"
        assert read("one", [], infra, "us-east-1")["VpcId"] == "vpc-1"
        assert read("one", [], infra, "eu-west-1")["PrivateSubnetIds"] == "subnet-1,subnet-2"

    def test_an_environment_without_a_file(self, infra: Path) -> None:
        """Says which one is missing."""
        with pytest.raises(Refused, match=r"two\.conf is missing"):
            read("two", [], infra)

    def test_another_cache_for_other_subnets(self, infra: Path) -> None:
        """And the same one for the same, in whatever order."""
        names = [
            read("one", [f"PrivateSubnetIds={it}"], infra).cache_suffix
            for it in ("subnet-1,subnet-2", "subnet-2,subnet-1", "subnet-1,subnet-3")
        ]
        assert names[0] == names[1] != names[2]
