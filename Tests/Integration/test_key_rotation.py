"""Keys are replaced under load: no valid token is refused, and a removed key's tokens are (contract §1, docs/authentication.md)."""

import signal
import time

import httpx
import pytest

from causeway_kit.approvals import approval_service
from causeway_kit.key_rotation import Crowd, KeySetFile, PublicKeyFile, SharedSecret, replace
from causeway_kit.nats_server import NATSServer
from causeway_kit.programs import COMMANDS
from causeway_kit.relay import Relay
from causeway_kit.services import Service, is_built
from causeway_kit.sizes import size
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream, Opened
from causeway_kit.token_libraries import KEYS, LIBRARIES, key_set
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.workspace import WorkspaceStream

PROGRAMS = [program for program, *_ in COMMANDS.values()]
pytestmark = pytest.mark.skipif(not all(map(is_built, PROGRAMS)), reason="not all programs are built")

ROUNDS = size(2, 12)


@pytest.mark.long
@pytest.mark.timeout(size(180, 900))
@pytest.mark.parametrize("kind", [SharedSecret, PublicKeyFile, KeySetFile])
def test_no_valid_token_is_refused_while_keys_are_rotated(tmp_path, kind):
    source = kind(tmp_path / "keys")
    with Stack(**source.settings) as stack:
        services = {"event-producer": stack.producer, "approval-api": approval_service(stack).wait_ready()}
        services["webhook-dispatcher"] = stack.start("webhook-dispatcher").wait_ready()
        services |= {surface.executable: stack.edge(surface.executable) for surface in (NotificationStream, WorkspaceStream, Relay)}
        stream = NotificationStream()
        with stream.connect(services[stream.executable], source.token(0), types="after.rotation") as early:
            assert isinstance(early.next(), Opened)
            with Crowd(source, services) as crowd:
                for number in range(ROUNDS):
                    crowd.rotate(number)
            # A stream that was open stays open until its token's exp, also without the key.
            stack.intake.token = source.token(ROUNDS)
            stack.intake.publish({"type": "after.rotation", "tenant": "acme", "payload": {"n": 1}})
            assert early.next_event().payload["n"] == 1
        for process in stack.processes:
            assert "cannot reload" not in process.log, process.log_tail()
            assert not any(secret in process.log for secret in source.shared_secrets), f"the log of {process.name} shows a secret"


def test_an_unusable_key_file_leaves_the_former_keys_valid(tmp_path):
    source = KeySetFile(tmp_path / "keys")
    with Stack(**source.settings) as stack:
        edge = stack.edge()
        file = source.settings["auth_jwks_file"]

        def status(number):
            return httpx.get(edge.url + "/v1/events?wait=0s", headers={"Authorization": f"Bearer {source.token(number)}"}, timeout=15).status_code

        assert (status(0), status(1)) == (200, 401)
        replace(file, '{"keys":[')
        edge.wait_until(lambda: "cannot reload" in edge.log, "reports the file", 20)
        [line] = [line for line in edge.log_lines if line["message"].startswith("cannot reload")]
        assert str(file) in line["metadata"]["error"] and line["level"] == "error"
        assert (status(0), status(1)) == (200, 401)
        source.add(1)
        eventually(lambda: status(1) == 200, "the file is read again")
        assert status(0) == 200
        assert edge.log.count("cannot reload") == 1, "one line for one fault"


def test_a_hang_up_reads_every_kind_of_key_file(tmp_path):
    sources = [PublicKeyFile(tmp_path / "pem"), KeySetFile(tmp_path / "set")]
    settings = {name: value for source in sources for name, value in source.settings.items()}
    with Stack(**settings) as stack:
        stack.intake.token = sources[0].token(0)
        for source in sources:
            source.add(1)
        stack.producer.signal(signal.SIGHUP)
        for source in sources:
            for number in (0, 1):
                eventually(lambda: stack.intake.post({"type": "a.b", "payload": {}}, token=source.token(number)).status_code == 202, "accepted")
        assert stack.producer.is_running


def test_a_password_of_the_bus_is_rotated_without_a_refusal(tmp_path):
    def demand(password):
        return f'authorization {{ user: causeway, password: "{password}", timeout: 30 }}'

    password = tmp_path / "password"
    password.write_text("first")
    nats = NATSServer(tmp_path).start(further=demand("first"))
    services = []
    try:
        for program, *arguments in COMMANDS.values():
            settings = {"nats_user": "causeway", "nats_password_file": password, "database_file": tmp_path / f"{program}.sqlite"}
            services.append(Service(program, tmp_path, nats_url=nats.url, arguments=arguments, **settings).start())
        for service in services:
            service.wait_ready()
        replace(password, "second\n")
        for service in services:
            service.wait_until(lambda: '"reloaded"' in service.log, "has read the new password", 20)
            assert service.readiness() == 200, "the connection stays"
        before = [service.log.count("connected to NATS") for service in services]
        nats.reload(further=demand("second"))
        for service, count in zip(services, before, strict=True):
            service.wait_until(lambda: service.log.count("connected to NATS") > count, "connects again", 30)
            service.wait_ready()
            assert "authenticationFailed" not in service.log, "the former password was tried again"
    finally:
        for service in services:
            service.kill()
        nats.kill()


# MARK: Other libraries' tokens


@pytest.fixture(scope="module")
def edge_with_every_key(tmp_path_factory):
    """An edge with a shared secret and a key set that jwcrypto has written."""
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_text(key_set())
    with Stack() as stack:
        yield stack.edge(auth_jwks_file=file)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["HS256", *KEYS])
@pytest.mark.parametrize("library", LIBRARIES)
def test_tokens_of_other_libraries_are_accepted(edge_with_every_key, library, algorithm):
    token = library({"sub": "ann", "tenant_id": "acme", "roles": ["member"], "exp": int(time.time()) + 600}, algorithm)

    def status(token):
        url = f"{edge_with_every_key.url}/v1/events?wait=0s"
        return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=15).status_code

    assert status(token) == 200
    head, claims, signature = token.split(".")
    assert status(f"{head}.{claims}.{mint().split('.')[2]}") == 401
