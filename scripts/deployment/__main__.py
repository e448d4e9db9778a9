"""`python -m scripts.deployment COMMAND ENV …`: what
scripts/deploy.sh, import.sh and teardown.sh run.
"""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scripts.deployment import page
from scripts.deployment.errors import Failed, Refused
from scripts.deployment.functions import Functions
from scripts.deployment.parameters import INFRA, MAIN, TABLES, USERS, Parameters, read
from scripts.deployment.preflight import Preflight, stack_name
from scripts.deployment.stacks import Stacks
from scripts.deployment.tables import Tables

PACKAGED = Path("build/packaged.yaml")


@dataclass
class Deployment:
    """One environment in the account and region of the AWS credentials."""

    parameters: Parameters

    @cached_property
    def session(self) -> boto3.Session:
        """The credentials and region in force."""
        session = boto3.Session()
        if not session.region_name:
            raise Refused("no region: set AWS_REGION")
        return session

    @cached_property
    def account(self) -> str:
        """Whose credentials these are."""
        return str(self.client("sts").get_caller_identity()["Account"])

    @cached_property
    def stacks(self) -> Stacks:
        """CloudFormation's side."""
        return Stacks(self.client("cloudformation"))

    @cached_property
    def preflight(self) -> Preflight:
        """What is looked at first."""
        return Preflight(
            self.parameters, self.stacks, self.client, self.account, str(self.session.region_name)
        )

    @cached_property
    def functions(self) -> Functions:
        """Code and versions."""
        patient = Config(read_timeout=300)  # the first sync takes minutes
        return Functions(self.session.client("lambda", config=patient), self.parameters)

    @property
    def tags(self) -> dict[str, str]:
        """On every resource."""
        return {
            "Project": self.parameters["Project"],
            "Environment": self.parameters["Environment"],
        }

    def client(self, service: str) -> Any:
        """A client of a service, here."""
        return self.session.client(service)

    def name(self, template: str) -> str:
        """The stack of a template."""
        return stack_name(self.parameters, template)

    def deploy(self) -> None:
        """Everything, in the order in which it can be taken back."""
        self._check()
        self._make_bucket()
        self._keep(TABLES)
        if self.parameters.makes_user_pool:
            self._keep(USERS)
        body = self._packaged(self.name(MAIN))
        is_first = not self.stacks.is_usable(self.name(MAIN))
        self.stacks.deploy(self.name(MAIN), body, self._main(), self.tags)
        self.finish(is_first=is_first)

    def finish(self, *, is_first: bool = False) -> None:
        """What is not CloudFormation's: code that differs, the version pages are read by, the first
        look and a full mirror, and only then the page's files.
        """
        for role in self.functions.replace_code():
            click.echo(f"  {role}: code replaced")
        click.echo(f"  pages are read by version {self.functions.publish()}")
        if is_first:
            for line in self.functions.fill():
                click.echo(f"  {line}")
        outputs = self.stacks.outputs(self.name(MAIN))
        if "PageBucket" in outputs:
            page.upload(outputs)
            click.echo(f"  the page is uploaded: {outputs['PageUrl']}")

    def show(self) -> None:
        """What a deployment would change; nothing is left behind by looking."""
        self._check()
        for template in (TABLES, USERS):
            if template == TABLES or self.parameters.makes_user_pool:
                self._show(template, (INFRA / template).read_text(), self._own(template))
        if self.stacks.meet(self.name(MAIN)) != "update":
            click.echo(f"  {self.name(MAIN)}: everything is new")
            return
        prefix = f"{self.name(MAIN)}-dry-run"
        try:
            body = self._packaged(prefix)
            self._name_as_deployed(prefix)
            self._show(MAIN, body, self._main())
        finally:
            page.remove(self.client("s3"), self.preflight.bucket, f"{prefix}/")
        for role in self.functions.differing():
            click.echo(f"  {role}: its code would be replaced")

    def import_tables(self) -> None:
        """Takes tables that are there into the stack, rows and all;
        the next deployment makes the others.

        Raises:
            Refused: when there is nothing to import, or the stack's state allows no import.
        """
        click.echo(f"{self.name(TABLES)}: {self.stacks.meet(self.name(TABLES))}")
        tables = Tables(self.client("dynamodb"), self.parameters)
        owned = self.stacks.resources(self.name(TABLES)).values()
        there = [it for it in tables.made() if tables.exists(it)]
        wanted = [it for it in there if it not in owned]
        if not wanted:
            raise Refused("no table is there that the stack has not: nothing to import")
        click.echo(f"Importing {', '.join(wanted)} into {self.name(TABLES)}")
        logical = {tables.made()[it][0]: (tables.made()[it][1], it) for it in wanted}
        self.stacks.import_tables(
            self.name(TABLES), tables.template_of(there), self._own(TABLES), logical
        )

    def tear_down(self, *, data: bool) -> None:
        """Deletes the main stack; with `data` the users and every row too, for good.

        Raises:
            Refused: while something happens to one of the stacks; nothing was deleted then.
        """
        for template in (MAIN, USERS, TABLES) if data else (MAIN,):
            self.stacks.refuse_deletion_while_busy(self.name(template))
        bucket = self.stacks.outputs(self.name(MAIN)).get("PageBucket")
        if bucket:
            page.remove(self.client("s3"), bucket, "")
        self.stacks.delete(self.name(MAIN))
        if not data:
            click.echo(f"Kept: {self.name(TABLES)} and {self.name(USERS)}; --data deletes them too")
            return
        pool = self.stacks.resources(self.name(USERS)).get("Pool")
        tables = [
            it
            for it in self.stacks.resources(self.name(TABLES)).values()
            if it in Tables(self.client("dynamodb"), self.parameters).made()
        ]
        for template in (USERS, TABLES):
            self._let_go(template)
        for name in filter(Tables(self.client("dynamodb"), self.parameters).exists, tables):
            Tables(self.client("dynamodb"), self.parameters).delete(name)
            click.echo(f"  {name}: deleted")
        if pool:
            self.client("cognito-idp").delete_user_pool(UserPoolId=pool)
            click.echo(f"  user pool {pool}: deleted")

    def _check(self) -> None:
        region = self.session.region_name
        click.echo(f"== {self.parameters.stack} in {self.account}/{region}")
        for line in self.preflight.run():
            click.echo(f"  {line}")

    def _keep(self, template: str) -> None:
        """A stack whose resources stay: made unprotected, so that a
        failure can be taken back, and then protected.
        """
        name, body = self.name(template), (INFRA / template).read_text()
        if self.stacks.meet(name) != "update":
            self.stacks.deploy(name, body, self._own(template, Protected="false"), self.tags)
        self.stacks.deploy(name, body, self._own(template, Protected="true"), self.tags)

    def _let_go(self, template: str) -> None:
        """Unprotected first. What is not whole cannot be updated, and may hold nothing."""
        name = self.name(template)
        if self.stacks.is_usable(name):
            body = (INFRA / template).read_text()
            own = self._own(template, Protected="false") | (
                {"ReplicaRegion": ""} if template == TABLES else {}
            )
            self.stacks.deploy(name, body, own, self.tags)
        self.stacks.delete(name)

    # the template's name
    def _own(self, template: str, Protected: str = "true") -> dict[str, str]:  # noqa: N803
        return self.parameters.of(template, Protected=Protected)

    def _main(self) -> dict[str, str]:
        stream = self.stacks.outputs(self.name(TABLES)).get("InstancesStreamArn", "to-be-made")
        made = {"CacheSuffix": self.parameters.cache_suffix, "InstancesStreamArn": stream}
        if self.parameters.makes_user_pool:
            users = self.stacks.outputs(self.name(USERS))
            made |= {"UserPoolId": users.get("PoolId", "to-be-made")}
            made |= {"UserPoolSignInHost": users.get("SignInHost", "to-be-made")}
        return self.parameters.of(MAIN, **made)

    def _show(self, template: str, body: str, parameters: Mapping[str, str]) -> None:
        name = self.name(template)
        if self.stacks.meet(name) != "update":
            click.echo(f"  {name}: everything is new")
            return
        changes = self.stacks.changes(name, body, parameters, self.tags)
        for change in changes:
            click.echo(f"  {change}")
        if not changes:
            click.echo(f"  {name}: nothing to change")

    def _make_bucket(self) -> None:
        bucket, region = self.preflight.bucket, str(self.session.region_name)
        s3 = self.client("s3")
        try:
            s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=self.account)
        except ClientError:  # the preflight has seen that it is nobody else's
            where = {"LocationConstraint": region}
            first = region == "us-east-1"  # which S3 wants unnamed
            s3.create_bucket(
                Bucket=bucket, **({} if first else {"CreateBucketConfiguration": where})
            )
        s3.put_public_access_block(
            Bucket=bucket,
            PublicAccessBlockConfiguration=dict.fromkeys(
                (
                    "BlockPublicAcls",
                    "IgnorePublicAcls",
                    "BlockPublicPolicy",
                    "RestrictPublicBuckets",
                ),
                True,
            ),
        )

    def _name_as_deployed(self, prefix: str) -> None:
        """The parts name what they are made of where a deployment would put it, which is under its
        own hash: what is the same is no change.
        """
        s3, bucket = self.client("s3"), self.preflight.bucket
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/").get("Contents", []):
            key = found["Key"]
            if key.endswith(".template"):
                body = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
                as_deployed = body.replace(f"{prefix}/", f"{self.name(MAIN)}/")
                s3.put_object(Bucket=bucket, Key=key, Body=as_deployed.encode())

    def _packaged(self, prefix: str) -> str:
        """The main template with its parts and code uploaded and named by their addresses."""
        words = ["--template-file", str(INFRA / MAIN), "--s3-bucket", self.preflight.bucket]
        words += ["--s3-prefix", prefix, "--output-template-file", str(PACKAGED)]
        done = subprocess.run(
            ["aws", "cloudformation", "package", *words],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"the templates could not be uploaded: {done.stdout}{done.stderr}")
        return PACKAGED.read_text()


@click.group()
def main() -> None:
    """Deploys, shows, imports and tears down."""


def _deployment(environment: str, words: tuple[str, ...]) -> Deployment:
    region = boto3.Session().region_name or ""
    return Deployment(read(environment, words, region=region))


@main.command()
@click.argument("environment")
@click.argument("words", nargs=-1)
def parameters(environment: str, words: tuple[str, ...]) -> None:
    """Every parameter with its value, one a line."""
    for name, value in _deployment(environment, words).parameters.values.items():
        click.echo(f"{name}={value}")


@main.command()
@click.argument("environment")
@click.argument("words", nargs=-1)
@click.option("--dry-run", is_flag=True)
@click.option("--lambda-only", is_flag=True)
def deploy(environment: str, words: tuple[str, ...], *, dry_run: bool, lambda_only: bool) -> None:
    """Deploys an environment; the zips are built."""
    deployment = _deployment(environment, words)
    if lambda_only and dry_run:
        for role in deployment.functions.differing():
            click.echo(f"  {role}: its code would be replaced")
    elif lambda_only:
        deployment.finish()
    elif dry_run:
        deployment.show()
    else:
        deployment.deploy()


@main.command()
@click.argument("environment")
@click.argument("words", nargs=-1)
def outputs(environment: str, words: tuple[str, ...]) -> None:
    """The main stack's outputs, one a line."""
    deployment = _deployment(environment, words)
    for name, value in deployment.stacks.outputs(deployment.name(MAIN)).items():
        click.echo(f"{name}={value}")


@main.command(name="import")
@click.argument("environment")
@click.argument("words", nargs=-1)
def import_(environment: str, words: tuple[str, ...]) -> None:
    """Takes tables that exist into the deployment."""
    _deployment(environment, words).import_tables()


@main.command()
@click.argument("environment")
@click.argument("words", nargs=-1)
@click.option(
    "--data", is_flag=True, help="The tables with all rows and the users' accounts too, for good."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def teardown(environment: str, words: tuple[str, ...], *, data: bool, yes: bool) -> None:
    """Deletes what a deployment made; tables and users stay unless --data."""
    deployment = _deployment(environment, words)
    what = "and every row and user of it, for good" if data else "but not its tables and users"
    click.echo(f"This deletes {deployment.parameters.stack} in {deployment.account}, {what}.")
    if not yes and click.prompt("Its environment's name, to go on") != environment:
        raise Refused("nothing was deleted")
    deployment.tear_down(data=data)


if __name__ == "__main__":
    try:
        main()
    except (Refused, Failed) as error:
        print(f"deployment: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, Refused) else 1)
    except (BotoCoreError, ClientError) as error:
        print(f"deployment: AWS refused: {error}", file=sys.stderr)
        sys.exit(1)
