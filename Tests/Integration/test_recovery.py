"""A process whose bus refuses it or is misconfigured reports the fault, retries, and recovers automatically."""

import json
import re
import signal

import httpx
import jwt
import pytest

from causeway_kit.intake import Intake, numbered
from causeway_kit.nats_server import NATSServer
from causeway_kit.programs import COMMANDS
from causeway_kit.services import Service, is_built
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import SECRET, mint, producer_token
from causeway_kit.waiting import eventually

#: The arguments of each program.
PROGRAMS = {program: arguments for program, *arguments in COMMANDS.values()}
pytestmark = pytest.mark.skipif(not all(map(is_built, PROGRAMS)), reason="not all programs are built")


@pytest.fixture
def nats(tmp_path):
    server = NATSServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def start(tmp_path, nats):
    """Starts services on that bus, and stops them."""
    started = []

    def begin(program, **settings):
        settings = {"nats_url": nats.url, "database_file": tmp_path / f"{program}.sqlite", "arguments": PROGRAMS[program]} | settings
        started.append(Service(program, tmp_path, **settings).start())
        return started[-1]

    yield begin
    for service in started:
        service.kill()


def of(services, program):
    """The one that runs the program, among those that were started in the table's order."""
    return services[list(PROGRAMS).index(program)]


def demand(password):
    return f'authorization {{ user: causeway, password: "{password}", timeout: 30 }}'


def reasons(service):
    """Returns the reasons for not being ready, by condition."""
    report = httpx.get(f"{service.admin_url}/readyz", timeout=5).json()
    return {condition["name"]: condition.get("reason") for condition in report["conditions"] if not condition["ready"]}


def test_all_processes_recover_from_a_bus_that_refused_them_for_a_while(nats, start):
    nats.start(further=demand("first"))
    services = [start(program, nats_user="causeway", nats_password="first") for program in PROGRAMS]
    for service in services:
        service.wait_ready()
    nats.kill()
    nats.start(further=demand("second"))
    for service in services:
        service.wait_until(lambda: "refused the credentials" in (reasons(service).get("bus") or ""), "says why it is not ready", 30)
        assert service.readiness() == 503 and httpx.get(f"{service.admin_url}/healthz").status_code == 200
    nats.kill()
    nats.start(further=demand("first"))
    for service in services:
        service.wait_ready()
    intake = Intake(of(services, "event-producer"))
    with SSEConnection(of(services, "sse-edge").url + NotificationStream.path, token=mint("acme")) as client:
        client.next_block()
        [cursor] = intake.publish(numbered(1))
        assert client.next_block().id == cursor
    intake.close()


def test_a_password_file_that_is_replaced_is_read_again(nats, start, tmp_path):
    password = tmp_path / "password"
    password.write_text("first\n")
    nats.start(further=demand("first"))
    services = [start(program, nats_user="causeway", nats_password_file=password) for program in PROGRAMS]
    for service in services:
        service.wait_ready()
    nats.kill()
    nats.start(further=demand("second"))
    for service in services:
        service.wait_until(lambda: "bus" in reasons(service), "is not ready", 30)
    password.write_text("second\n")
    for service in services:
        service.wait_ready()


def test_a_hang_up_reads_keys_again_and_ends_nothing(nats, start, tmp_path):
    nats.start()
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    services = [start(program, auth_hs256_secret=None, auth_hs256_secret_file=secret) for program in PROGRAMS]
    for service in services:
        service.wait_ready()
    with SSEConnection(of(services, "sse-edge").url + NotificationStream.path, token=mint("acme")) as client:
        client.next_block()
        other = f"{SECRET}-of-tomorrow"
        secret.write_text(other)
        for service in services:
            service.signal(signal.SIGHUP)
        for service in services:
            service.wait_until(lambda: '"reloaded"' in service.log, "reports that it has reloaded", 20)
        new, old = (
            jwt.encode({"sub": "svc", "tenant_id": "acme", "roles": ["producer"], "exp": 4_000_000_000}, key, "HS256") for key in (other, SECRET)
        )
        intake = of(services, "event-producer")

        def publish(token):
            headers = {"Authorization": f"Bearer {token}"}
            return httpx.post(f"{intake.url}/v1/events", json=numbered(1), headers=headers, timeout=10).status_code

        eventually(lambda: publish(new) == 202, "tokens of the new secret are accepted")
        assert publish(old) == 401
        assert client.next_block().id, "a stream that was open stays open"
    for service in services:
        assert service.is_running and service.readiness() == 200
        service.terminate()
        assert service.wait(timeout=40) == 0


def test_a_key_file_that_changes_is_read_without_a_signal(nats, start, tmp_path):
    nats.start()
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    producer = start("event-producer", auth_hs256_secret=None, auth_hs256_secret_file=secret).wait_ready()
    other = f"{SECRET}-of-tomorrow"
    secret.write_text(other)
    token = jwt.encode({"sub": "svc", "tenant_id": "acme", "roles": ["producer"], "exp": 4_000_000_000}, other, "HS256")
    headers = {"Authorization": f"Bearer {token}"}
    eventually(
        lambda: httpx.post(f"{producer.url}/v1/events", json=numbered(1), headers=headers, timeout=10).status_code == 202,
        "the new secret counts",
        timeout=20,
    )


def test_a_bus_that_takes_less_than_an_event_may_have_is_named_and_so_is_its_limit(nats, start):
    nats.start(further="max_payload: 65536")
    services = [start(program) for program in PROGRAMS]
    for service in services:
        service.wait_ready()
        service.wait_until(lambda: "raise max_payload" in service.log, "warns of the limit", 10)
    producer = of(services, "event-producer")
    event = {"type": "a.b", "tenant": "acme", "payload": {"text": "x" * 200_000}}
    cloud = {"specversion": "1.0", "id": "1", "source": "/m", "type": "a.b", "data": event["payload"]}
    binary = {"ce-specversion": "1.0", "ce-id": "2", "ce-source": "/m", "ce-type": "a.b"}
    step = {"type": "progress", "payload": {"progress": 0.5, "message": "x" * 200_000}}
    for path, body, headers in [
        ("/v1/events", event, {}),
        ("/v1/events", cloud, {"Content-Type": "application/cloudevents+json"}),
        ("/v1/events", event["payload"], binary),
        ("/v1/executions/agents/a/events", step, {}),
    ]:
        headers = {"Authorization": f"Bearer {producer_token()}", "Content-Type": "application/json"} | headers
        answer = httpx.post(producer.url + path, content=json.dumps(body), headers=headers, timeout=10)
        assert answer.status_code == 413 and "65536" in answer.json()["message"], answer.text
    # It is logged again only after a change.
    nats.kill()
    nats.start(further="max_payload: 70000")
    producer.wait_until(lambda: '"70000"' in producer.log, "warns of the new limit", 30)
    eventually(lambda: len(re.findall(r"raise max_payload", producer.log)) == 2, "each limit has its warning")


def test_a_bus_that_is_shut_down_in_order_ends_nobody(nats, start):
    """Before nats-server ends, it answers those who wait for messages."""
    nats.start()
    services = [start(program) for program in PROGRAMS]
    for service in services:
        service.wait_ready()
    for _ in range(2):
        nats.terminate()
        nats.wait(timeout=20)
        for service in services:
            service.wait_until(lambda service=service: service.readiness() == 503, "notices it", 20)
        nats.start()
        for service in services:
            service.wait_ready()


def test_a_bus_that_loses_jetstream_is_told_in_plain_words_too(nats, start):
    nats.start()
    services = [start(program) for program in ("sse-edge", "event-producer")]
    for service in services:
        service.wait_ready()
    nats.kill()
    nats.start(has_jetstream=False)
    for service in services:
        service.wait_until(lambda: "JetStream is switched off" in (reasons(service).get("log") or ""), "says why", 30)
        service.wait_for_log("JetStream does not answer")
    nats.kill()
    nats.start()
    for service in services:
        service.wait_ready()


def test_a_bus_without_jetstream_is_told_in_plain_words(nats, start):
    nats.start(has_jetstream=False)
    services = [start(program) for program in PROGRAMS]
    for service in services:
        service.wait_until(lambda: service.readiness() == 503, "answers that it is not ready", 20)
        service.wait_until(lambda: "JetStream is switched off" in (reasons(service).get("log") or ""), "says why", 30)
        service.wait_for_log("JetStream is switched off")
    nats.kill()
    nats.start()
    for service in services:
        service.wait_ready()
