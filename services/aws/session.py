"""AWS clients for every account we work in: a boto3 session each, the last used clients kept, calls
counted.

Clients are safe from several threads, making them is not (boto3's guide), so making is guarded.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import Any

import boto3.session
import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)

from cache.errors import WrongAccount
from cache.values import Place
from services.aws.outcome import NO_ANSWER
from services.aws.timestamps import ModelLoader, ParserFactory, timestamp
from services.platform.accounts import TargetAccount

SESSION_NAME = "recovery-instance-sync"
# Role chaining from Lambda caps sessions at an hour (STS AssumeRole); asking for more fails.
SESSION_SECONDS = 3600
# What sixteen places in flight use: DRS, EC2 and two origins each. A small fleet keeps all of its
# clients from sync to sync; a larger one makes them again, so that its memory does not grow with
# the number of places. It pays 5 to 10 ms of CPU each, first call included; kept, one takes 0.2
# MiB, and with the authorities of TLS loaded 0.9.
CLIENTS_KEPT = 64
AWS_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=32,
    tcp_keepalive=True,
    user_agent="recovery-instance-sync",  # else put together from its parts twice in every call
)


# For STS, Lambda and Step Functions, which answer in a fraction of a second or not at all. Every
# look of an account waits for STS, one after the other; a request waits for the others, and has 29
# seconds.
QUICK_CONFIG = AWS_CONFIG.merge(
    Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
)
STS_QUIET = 20.0  # seconds in which an STS that said nothing is not asked again


class _PatientWithSts:
    """Remembers that STS is silent, so that it costs each look
    one wait and not one after another.
    """

    def __init__(self) -> None:
        self._silence: Exception | None = None
        self._until = 0.0

    def ask(self, fetch: Callable[[], Any]) -> Any:
        """What `fetch` brings.

        Raises:
            NO_ANSWER: when STS says nothing, or said nothing a moment ago. Whatever else `fetch`
            raises.
        """
        if self._silence and monotonic() < self._until:
            raise self._silence
        try:
            return fetch()
        except NO_ANSWER as error:
            self._silence, self._until = error, monotonic() + STS_QUIET
            raise


class _Home:
    """The account whose credentials we start with, asked for once.

    Asked with them about another account, AWS answers for this one, and most likely with nothing.
    While STS is silent the row is believed: our own account is looked at all the same.
    """

    def __init__(self, sts: _PatientWithSts, client: Callable[[], Any]) -> None:
        self._sts = sts
        self._client = client
        self._asking = Lock()
        self._account: str | None = None

    def check(self, account_id: str) -> None:
        """See that it is this account.

        Raises:
            WrongAccount: when it is another. ClientError, BotoCoreError: when STS refuses.
        """
        with self._asking, suppress(*NO_ANSWER):
            self._account = self._account or self._sts.ask(self._ask)
        if self._account not in {None, account_id}:
            raise WrongAccount(
                f"no role is assumed for {account_id}, and our credentials are of {self._account}"
            )

    def _ask(self) -> str:
        return str(self._client().get_caller_identity()["Account"])


class _AssumedRole(CredentialProvider):
    """Credentials of a role, renewed before they end."""

    METHOD = "assume-role"

    def __init__(self, role: AssumeRoleCredentialFetcher, sts: _PatientWithSts) -> None:
        super().__init__()
        self._role = role
        self._sts = sts

    def load(self) -> DeferredRefreshableCredentials:
        def fetch() -> Any:
            return self._sts.ask(self._role.fetch_credentials)

        return DeferredRefreshableCredentials(fetch, self.METHOD)


class AwsClients:
    """Clients by (account, service, region), with the calls made through them.

    With a `role_suffix` the role assumed in an account is not the one of its row, which may launch
    and terminate, but the one whose name goes on with that: it reads alone.
    """

    def __init__(self, accounts: Mapping[str, TargetAccount], role_suffix: str = "") -> None:
        self._accounts = accounts
        self._role_suffix = role_suffix
        self._loader = ModelLoader()
        self._home = _new_session(self._loader)
        self._sessions: dict[str, boto3.session.Session] = {}
        self._clients: dict[tuple[str, str, str], BaseClient] = {}
        self._sts = _PatientWithSts()
        self._home_account = _Home(self._sts, lambda: self._sts_client("sts"))
        self._making = Lock()
        self._counting = Lock()
        self._calls: Counter[tuple[str, str]] = Counter()

    def knows(self, account_id: str) -> bool:
        """Whether this account is one we may work in."""
        return account_id in self._accounts

    def get(self, service: str, place: Place) -> Any:
        """The client of a service in a place.

        Raises:
            KeyError: when the account is not one of ours.
        """
        key = (place.account_id, service, place.region)
        with self._making:
            client = self._clients.pop(key, None) or self._make(service, place)
            self._clients[key] = client  # at the end: the first one is the longest unused
            if len(self._clients) > CLIENTS_KEPT:
                self._clients.pop(
                    next(iter(self._clients))
                ).close()  # who still holds it may go on: it connects anew
            return client

    def drs_regions(self) -> list[str]:
        """The regions the SDK knows DRS in."""
        return self._home.get_available_regions("drs")

    def calls(self, place: Place | None = None) -> Counter[str]:
        """HTTP requests sent to AWS so far, retries included, by
        operation: in this place, or all, STS too.
        """
        found = Counter[str]()
        with self._counting:
            for (where, operation), n in self._calls.items():
                if place is None or where == str(place):
                    found[operation] += n
        return found

    def _make(self, service: str, place: Place) -> BaseClient:
        session = self._session(self._accounts[place.account_id])
        client = session.client(service, region_name=place.region, config=AWS_CONFIG)
        if session is self._home:
            client.meta.events.register(
                "before-call", lambda **_: self._home_account.check(place.account_id)
            )
        return self._counted(client, str(place))

    def _session(self, account: TargetAccount) -> boto3.session.Session:
        if account.role_arn is None or account.is_current_account:
            return self._home
        if account.account_id not in self._sessions:
            role = self._role(account.role_arn, account.external_id)
            self._sessions[account.account_id] = _new_session(self._loader, role)
        return self._sessions[account.account_id]

    def _role(self, role_arn: str, external_id: str | None) -> CredentialProvider:
        arguments = {"RoleSessionName": SESSION_NAME, "DurationSeconds": SESSION_SECONDS}
        if external_id:
            arguments["ExternalId"] = external_id
        return _AssumedRole(
            AssumeRoleCredentialFetcher(
                client_creator=self._sts_client,
                source_credentials=self._home.get_credentials(),
                role_arn=role_arn + self._role_suffix,
                extra_args=arguments,
            ),
            self._sts,
        )

    def _sts_client(self, _service: str, **credentials: Any) -> BaseClient:
        return self._counted(self._home.client("sts", config=QUICK_CONFIG, **credentials), "")

    def _counted(self, client: BaseClient, place: str) -> BaseClient:
        def count(event_name: str, **_: object) -> None:
            with self._counting:
                self._calls[place, event_name.rpartition(".")[2]] += 1

        client.meta.events.register("before-send", count)
        return client


def _new_session(
    loader: ModelLoader, credentials: CredentialProvider | None = None
) -> boto3.session.Session:
    """A session that shares the models read from disk: afresh
    they cost 0.1 s of CPU for each account.
    """
    core = botocore.session.Session()
    core.register_component("data_loader", loader)
    parsers = ParserFactory()
    parsers.set_parser_defaults(timestamp_parser=timestamp)
    core.register_component("response_parser_factory", parsers)
    if credentials:
        core.register_component("credential_provider", CredentialResolver([credentials]))
    return boto3.session.Session(botocore_session=core)
