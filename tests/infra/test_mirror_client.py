"""The mirror as ElastiCache offers it: cluster mode, TLS, IAM tokens and the template's users."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import parse_qsl

import pytest
from redis import Redis

from cache.errors import MirrorUnavailable
from cache.mirror import Fresh, Mirror
from cache.values import PlaceLook
from local import servers
from local.processes import Process, free_port
from services.aws.redis import redis_client
from services.settings import Settings
from tests.conftest import running
from tests.infra.conftest import SERVERLESS_CACHE, CloudCache, Keys, access_strings, start_cluster
from tests.infra.tls_front import Front, certificate
from tests.tiers.samples import entry

BASE = Settings.from_env({})
ENTRIES = [entry(7, number) for number in range(60)]
IDS = [it.server_id for it in ENTRIES]
LOOK = PlaceLook(7, 1_000, "seen")


def mirror(url: str, **changes: object) -> Mirror:
    """A mirror with the client that the settings describe."""
    return Mirror(lambda: redis_client(replace(BASE, redis_url=url, **changes)))


def fresh() -> list[Fresh]:
    """The entries, read from the table now."""
    return [Fresh(it, monotonic()) for it in ENTRIES]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Process]]:
    """A plain cluster of three nodes."""
    with ExitStack() as stack:
        yield start_cluster(tmp_path_factory.mktemp("cluster"), stack, [0, 0, 0], [])


class TestCluster:
    """REDIS_CLUSTER=true."""

    def test_entries_are_published_to_every_node_and_read_in_one_page(
        self, cluster: list[Process]
    ) -> None:
        """A page's servers live on all three nodes; it reads what
        was published, and the places with it.
        """
        redis = connected(mirror(f"redis://127.0.0.1:{cluster[0].port}", redis_cluster=True))
        assert redis.publish(fresh()).taken == len(ENTRIES)
        redis.publish_place("111111111111/us-east-1", LOOK)
        page = redis.read(IDS)
        assert page.entries == {entry.server_id: entry for entry in ENTRIES}
        assert page.places == {"111111111111/us-east-1": LOOK}
        assert all(Redis(port=node.port, protocol=2).dbsize() > 0 for node in cluster)

    def test_lost_scripts_are_sent_again(self, cluster: list[Process]) -> None:
        """A node that forgot the scripts (restart, failover) is taught them by the next publish."""
        redis = connected(mirror(f"redis://127.0.0.1:{cluster[0].port}", redis_cluster=True))
        redis.publish(fresh())
        for node in cluster:
            Redis(port=node.port, protocol=2).script_flush()
        assert redis.publish(fresh()).taken == len(ENTRIES)

    def test_an_older_version_is_refused_on_every_node(self, cluster: list[Process]) -> None:
        """The version fence holds in a cluster as on one server."""
        redis = connected(mirror(f"redis://127.0.0.1:{cluster[0].port}", redis_cluster=True))
        redis.publish(fresh())
        older = [Fresh(entry._replace(version=6), monotonic()) for entry in ENTRIES]
        assert redis.publish(older).refused == len(ENTRIES)

    def test_a_cluster_that_is_away_is_unavailable(self) -> None:
        """Nothing connects when the client is made; the first read says that nobody is there."""
        redis = mirror(f"redis://127.0.0.1:{free_port()}", redis_cluster=True)
        with pytest.raises(MirrorUnavailable):
            redis.read(IDS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A plain server to put TLS before."""
    yield from running(servers.valkey(tmp_path_factory.mktemp("tls")))


class TestTls:
    """REDIS_URL=rediss://."""

    def test_entries_travel_over_tls(self, server: Process, cert: tuple[Path, Path]) -> None:
        """A server behind a certificate that the given authority signed is read and written."""
        with Front(cert, server.port) as front:
            redis = connected(mirror(f"rediss://127.0.0.1:{front.port}?ssl_ca_certs={cert[0]}"))
            assert redis.publish(fresh()).taken == len(ENTRIES)
            assert redis.read(IDS).entries.keys() == set(IDS)

    def test_an_unknown_authority_is_refused(
        self, server: Process, cert: tuple[Path, Path]
    ) -> None:
        """Without that authority the certificate proves nothing, and nothing is sent."""
        with (
            Front(cert, server.port) as front,
            pytest.raises(MirrorUnavailable, match="certificate"),
        ):
            mirror(f"rediss://127.0.0.1:{front.port}").read(IDS)

    def test_a_certificate_for_another_name_is_refused(
        self, server: Process, tmp_path: Path
    ) -> None:
        """A valid certificate of somebody else is no proof either."""
        files = certificate(tmp_path, name="elsewhere.test")
        with (
            Front(files, server.port) as front,
            pytest.raises(MirrorUnavailable, match="certificate"),
        ):
            mirror(f"rediss://127.0.0.1:{front.port}?ssl_ca_certs={files[0]}").read(IDS)


def _access_key(token: str) -> str:
    return dict(parse_qsl(token.partition("/?")[2]))["X-Amz-Credential"].split("/")[0]


def cloud_mirror(cache: CloudCache, user: str, name: str = SERVERLESS_CACHE) -> Mirror:
    """A mirror as the templates set it up: TLS, cluster mode and a user's IAM tokens."""
    return mirror(
        cache.url, redis_cluster=True, redis_iam_user=user, redis_iam_cache=f"serverless:{name}"
    )


def connected(redis: Mirror) -> Mirror:
    """The mirror once it has its connections: on a busy machine the
    first page may give up before, as it should.
    """
    deadline = monotonic() + 30
    while True:
        try:
            redis.read(IDS)
        except MirrorUnavailable:
            assert monotonic() < deadline, "it never connects"
            sleep(0.1)
        else:
            return redis


class TestIamTokens:
    """REDIS_IAM_USER and REDIS_IAM_CACHE, with TLS and a
    cluster as ElastiCache serverless has them.
    """

    def test_every_connection_signs_with_the_credentials_of_its_moment(
        self, cloud_cache: CloudCache
    ) -> None:
        """Three nodes, three connections, each proved by another
        key, since credentials changed in between.
        """
        assert connected(cloud_mirror(cloud_cache, "writer")).publish(fresh()).taken == len(ENTRIES)
        tokens = [token for front in cloud_cache.fronts for token in front.tokens]
        assert len(tokens) >= 3
        assert len({_access_key(token) for token in tokens}) == len(tokens)

    def test_a_connection_ended_by_the_server_is_replaced_with_a_new_token(
        self, cloud_cache: CloudCache
    ) -> None:
        """After twelve hours ElastiCache hangs up; the next page connects anew and reads."""
        redis = connected(cloud_mirror(cloud_cache, "writer"))
        redis.publish(fresh())
        before = sum(len(front.tokens) for front in cloud_cache.fronts)
        for node in range(3):
            with cloud_cache.admin(node) as admin:
                admin.execute_command("CLIENT", "KILL", "USER", "writer")
        assert connected(redis).read(IDS).entries.keys() == set(IDS)
        assert sum(len(front.tokens) for front in cloud_cache.fronts) > before

    @pytest.mark.parametrize(
        ("user", "cache"), [("nobody", SERVERLESS_CACHE), ("writer", "another-cache")]
    )
    def test_a_token_for_somebody_or_something_else_is_refused(
        self, cloud_cache: CloudCache, user: str, cache: str
    ) -> None:
        """A user that the cache does not have, and a token for another cache, get nowhere."""
        with pytest.raises(MirrorUnavailable):
            cloud_mirror(cloud_cache, user, cache).read(IDS)

    def test_a_token_signed_with_another_secret_is_refused(
        self, cloud_cache: CloudCache, keys: Keys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The check is of the signature: a known key with a wrong secret passes nobody."""
        monkeypatch.setattr(keys, "forged", True)
        with pytest.raises(MirrorUnavailable, match="not signed by"):
            cloud_mirror(cloud_cache, "writer").read(IDS)

    @pytest.mark.parametrize("cluster", [False, True])
    def test_signing_in_may_take_longer_than_a_page_waits(
        self, cloud_cache: CloudCache, monkeypatch: pytest.MonkeyPatch, *, cluster: bool
    ) -> None:
        """Each step 0.6 s, a cluster's two connections 1.2: a page
        gives up, and a later one finds them made.
        """
        for front in cloud_cache.fronts:
            monkeypatch.setattr(front, "delay", 0.6)
        url = cloud_cache.url
        redis = mirror(
            url,
            redis_cluster=cluster,
            redis_iam_user="writer",
            redis_iam_cache=f"serverless:{SERVERLESS_CACHE}",
        )
        connected(redis)

    def test_no_credentials_is_a_mirror_away_and_no_crash(
        self, cloud_cache: CloudCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """When there is nothing to sign with, the page goes on without the mirror."""
        monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with pytest.raises(MirrorUnavailable):
            cloud_mirror(cloud_cache, "writer").read(IDS)


class TestUsers:
    """What the template's two users may do, on a real server."""

    def test_the_writer_does_all_that_a_sync_does(self, cloud_cache: CloudCache) -> None:
        """Entries, places and reads."""
        redis = connected(cloud_mirror(cloud_cache, "writer"))
        assert redis.publish(fresh()).taken == len(ENTRIES)
        redis.publish_place("111111111111/us-east-1", LOOK)
        assert redis.read(IDS).places == {"111111111111/us-east-1": LOOK}

    def test_the_reader_reads_claims_and_refills(self, cloud_cache: CloudCache) -> None:
        """All that a page does."""
        connected(cloud_mirror(cloud_cache, "writer")).publish_place("111111111111/us-east-1", LOOK)
        redis = connected(cloud_mirror(cloud_cache, "reader"))
        assert redis.claim(IDS) == set(IDS)
        assert redis.publish(fresh()).taken == len(ENTRIES)
        assert redis.read(IDS).places == {"111111111111/us-east-1": LOOK}

    def test_the_reader_cannot_say_that_a_place_was_looked_at(
        self, cloud_cache: CloudCache
    ) -> None:
        """Only a sync may: a place that counts as looked at
        turns unknown servers into absent ones.
        """
        redis = connected(cloud_mirror(cloud_cache, "reader"))
        with pytest.raises(MirrorUnavailable, match="permission"):
            redis.publish_place("111111111111/us-east-1", LOOK)

    @pytest.mark.parametrize("user", ["writer", "reader"])
    @pytest.mark.parametrize(
        "command",
        ["FLUSHALL", "CONFIG GET *", "KEYS *", "SET other 1", "GET other", "ACL LIST", "MONITOR"],
    )
    def test_neither_may_do_anything_else(
        self, cloud_cache: CloudCache, user: str, command: str
    ) -> None:
        """Foreign keys, other tenants of the server and its administration are out of reach."""
        with cloud_cache.admin(0) as admin:
            admin.execute_command("ACL", "SETUSER", user, *access_strings()[user].split())
            answer = admin.execute_command("ACL", "DRYRUN", user, *command.split())
        assert b"no permissions" in (answer if isinstance(answer, bytes) else b"OK")
