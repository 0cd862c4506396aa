"""Guarantees for operators (contract §11): health, metrics, configuration, clear errors at the start, logs without secrets."""

import json
import re

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service
from causeway_kit.every_surface import on_streams
from causeway_kit.intake import numbered
from causeway_kit.programs import COMMANDS, OPERATING
from causeway_kit.services import Service, command
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import SECRET, mint
from causeway_kit.waiting import eventually
from causeway_kit.websocket import WebSocketConnection

PATH = NotificationStream.path
PROGRAMS = [("sse-edge",), ("event-producer", "serve")]


@pytest.fixture(params=PROGRAMS, ids=lambda line: line[0])
def program(request):
    """The names of all services."""
    return request.param


# MARK: The admin listener


def test_health_readiness_and_metrics_are_on_the_admin_port_alone(shared, edge):
    for service in (edge, shared.producer):
        for path in ("/healthz", "/readyz", "/metrics"):
            assert httpx.get(service.admin_url + path).status_code == 200
            assert httpx.get(service.url + path).status_code == 404, f"{path} is on the public port"


def test_metrics_are_prometheus_text_and_move(shared, edge, tenant):
    before = edge.metrics()
    assert before, "no samples"
    with SSEConnection(edge.url + PATH, token=mint(tenant)) as client:
        client.next_block()
        shared.intake.publish(*(numbered(n, tenant, prefix=tenant) for n in range(7)))
        for _ in range(7):
            client.next_block()

        # Some counter must have counted these deliveries; which name it has is documented in docs/operating.md.
        def moved():
            now = edge.metrics()
            return [name for name, value in now.items() if value - before.get(name, 0) >= 7 and "deliver" in name.lower()]

        eventually(moved, "a metric of deliveries counts seven more")
    text = httpx.get(f"{edge.admin_url}/metrics").text
    assert re.search(r"^# TYPE \S+ (counter|gauge|histogram|summary)$", text, re.MULTILINE)
    assert tenant not in text, "a tenant's name is in the metrics: their number would have no bound"


def test_a_process_without_its_bus_lives_and_is_not_ready(stack, program):
    stack.nats.kill()
    service = stack.start(*program)
    service.wait_until(lambda: service.readiness() == 503, "answers that it is not ready", timeout=20)
    assert httpx.get(f"{service.admin_url}/healthz").status_code == 200
    stack.nats.start()
    service.wait_ready()


def test_readiness_follows_the_bus(stack, program):
    service = stack.start(*program).wait_ready()
    for _ in range(2):
        stack.nats.kill()
        eventually(lambda: service.readiness() == 503, "not ready without the bus")
        stack.nats.start()
        service.wait_ready()


# MARK: Starting


def run(program, *arguments, **settings):
    """Runs a service that is expected to exit, and returns (exit code, all output)."""
    defaults = {"auth_hs256_secret": SECRET, "nats_url": "nats://127.0.0.1:9", "http_port": 0, "admin_port": 0}
    settings = {name: value for name, value in (defaults | settings).items() if value is not None}
    done = command(*program, *arguments, timeout=30, **settings)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"auth_hs256_secret": None}, "AUTH_|auth"),
        ({"http_port": "eighty"}, "HTTP_PORT|http.port"),
        ({"http_port": "70000"}, "HTTP_PORT|http.port"),
        ({"log_level": "loud"}, "LOG_LEVEL|log.level"),
        ({"event_log_max_age": "a while"}, "EVENT_LOG_MAX_AGE|event.log.max.age"),
        ({"auth_public_key_file": "/nonexistent.pem"}, "nonexistent.pem"),
    ],
    ids=str,
)
def test_a_setting_that_does_not_parse_stops_the_start_with_one_sentence(program, settings, says):
    code, output = run(program, **settings)
    assert code > 0, output
    assert re.search(says, output), output
    assert SECRET not in output and "Fatal error" not in output


def test_an_unknown_key_in_a_file_stops_the_start(program, tmp_path):
    file = tmp_path / "causeway.yaml"
    file.write_text("http:\n  prot: 8081\n")
    code, output = run(program, "--config", file)
    assert code > 0 and "http.prot" in output, output


def test_print_config_shows_every_key_and_hides_secrets(program):
    code, output = run(program, "--print-config", log_format="text")
    assert code == 0, output
    for key in ("http.port", "admin.port", "nats.url", "auth.hs256.secret", "log.level", "log.format"):
        assert key in output, f"{key} is missing:\n{output}"
    assert SECRET not in output


def test_a_busy_port_is_named(stack, program):
    taken = stack.producer.http_port
    service = Service(program[0], stack.directory, nats_url=stack.nats.url, arguments=program[1:], name="unlucky")
    service.environment["HTTP_PORT"] = str(taken)
    service.start()
    assert service.wait(timeout=30) != 0
    assert str(taken) in service.log and "Fatal error" not in service.log, service.log_tail()


def test_a_log_with_other_settings_is_refused_and_left_alone(stack, program):
    """The stream exists with other subjects: the service reports that and does not change it."""
    before = stack.bus.config()
    changed = stack.bus.reconfigure(subjects=["events.acme.>"])
    service = stack.start(*program)
    assert service.wait(timeout=30) != 0
    service.kill()
    assert "EVENTS" in service.log, service.log_tail()
    assert stack.bus.config() == changed != before


@pytest.mark.parametrize(
    "line",
    [
        *[(name,) for name in (*COMMANDS, OPERATING)],
        *[("event-producer", command) for command in ("serve", "publish", "simulate", "run")],
        *[("causeway", command) for command in ("doctor", "token", "dead-letters", "log")],
        *[("causeway", "dead-letters", command) for command in ("list", "retry", "drop")],
        ("causeway", "log", "resize"),
    ],
    ids=" ".join,
)
def test_every_program_and_command_tells_its_version_and_helps(line):
    """In every configuration."""
    for option in ("--version", "--help"):
        done = command(*line, option, nats_url="", http_port="eighty")
        assert done.returncode == 0 and not done.stderr, done.stderr
        shown = done.stdout.decode()
        if option == "--version":
            assert re.fullmatch(rf"{re.escape(' '.join(line))} \d+\.\d+\.\d+\n", shown), shown
        else:
            assert "USAGE" in shown.upper() and "--version" in shown, shown


def test_the_defaults_are_the_contracts():
    code, output = run(("sse-edge",), "--print-config", http_port=None, admin_port=None, nats_url=None)
    assert code == 0, output
    defaults = {"http.port": "8081", "admin.port": "9081", "admin.host": "127.0.0.1", "heartbeat.interval": "30s", "drain.window": "20s"}
    for key, value in defaults.items():
        assert re.search(rf"{re.escape(key)}\b.*\b{re.escape(value)}\b", output), f"{key} is not {value}:\n{output}"


# MARK: Logs


def test_logs_are_json_by_default_and_hold_no_token(stack):
    edge = stack.edge(log_level="trace", log_format="json")
    token = mint()
    for query in ({"token": token}, {"TOKEN": token}, {"access_token": token}, {"x": token}):
        with SSEConnection(edge.url + PATH, query=query):
            pass
    percent = "".join(f"%{ord(letter):02x}" for letter in "token")
    httpx.get(f"{edge.url}/nowhere?{percent}={token}")
    httpx.get(f"{edge.url}/{token}")
    httpx.get(f"{edge.url}/nowhere", headers={"Authorization": f"Bearer {token}", "Referer": f"https://x/?token={token}"})
    stack.intake.post(b'{"type":"a.b"', headers={"Idempotency-Key": token})
    edge.kill()
    lines = edge.log.splitlines()
    assert lines and all(json.loads(line) for line in lines)
    # `Stack` looks through all logs for tokens when it ends.


@on_streams
def test_a_connection_has_one_line_in_its_life(stack, surface):
    """For every ending and every way to send a token, the token is in no log."""
    edge = stack.edge(surface.executable, log_level="trace", drain_window="1s")

    def opened(user):
        connection = surface.connect(edge, mint(user=user))
        connection.next()
        stack.intake.publish(surface.numbered(1, user=user, prefix=user))
        connection.next_event()
        return connection

    opened("usr_closing").close()
    opened("usr_cutting").cut()
    for way in tokens_on_their_way(surface):
        with way(edge.url + surface.path, mint(user="usr_elsewhere", lifetime=-60)):
            pass
    drained = opened("usr_drained")
    edge.terminate()
    drained.expect_end("draining", timeout=20)
    drained.close()
    assert edge.wait(timeout=20) == 0
    lines = [line["metadata"] for line in edge.log_lines if line["message"] == "connection ended"]
    ends = {user: [line for line in lines if line["user"] == user] for user in ("usr_closing", "usr_cutting", "usr_drained")}
    assert [len(of_user) for of_user in ends.values()] == [1, 1, 1], lines
    for [line] in ends.values():
        assert line["tenant"] == "acme" and line["deliveries"] == "1" and int(line["bytes"]) > surface.smallest_event
        assert float(line["seconds"]) >= 0 and line["request.id"].startswith("req_") and line["cause"]
    assert ends["usr_drained"][0]["cause"] == "draining"
    ids = [line["request.id"] for line in lines]
    assert len(ids) == len(set(ids)), "a connection has several lines"
    # `Stack` looks through all logs for tokens when it ends.


def tokens_on_their_way(surface):
    """Every way to send a token, valid or not: functions of an address and a token that open a connection."""

    def by_query(name):
        return lambda url, token: SSEConnection(url, query={name: token})

    ways = [by_query("token"), by_query("TOKEN"), by_query("workspace"), lambda url, token: SSEConnection(url, token=token)]
    if surface.path != PATH:
        ways += [
            lambda url, token: WebSocketConnection(url, token=token),
            lambda url, token: WebSocketConnection(url, query={"token": token, "workspace": token}),
            lambda url, token: WebSocketConnection(url, protocols=["causeway.v1", f"bearer.{token}"]),
            lambda url, token: WebSocketConnection(url, protocols=["causeway.v1", f"bearer.{token}", f"bearer.{token}"]),
            lambda url, token: WebSocketConnection(url, headers={"Sec-WebSocket-Protocol": f"bearer.{token} x"}),
        ]
    return ways


def test_logs_can_be_text(stack):
    edge = stack.edge(log_format="text")
    edge.kill()
    assert edge.log and not edge.log.startswith("{")


# MARK: Tokens for trying things out


def test_the_token_command_mints_what_the_edge_accepts(shared, edge, tenant):
    arguments = ["--tenant", tenant, "--user", "usr_1", "--role", "member"]
    done = command("causeway", "token", *arguments, auth_hs256_secret=SECRET)
    assert done.returncode == 0, done.stderr
    token = done.stdout.decode().strip()
    with SSEConnection(edge.url + PATH, token=token) as client:
        assert client.status == 200
        client.next_block()
        ids = shared.intake.publish(numbered(1, tenant, user="usr_1", prefix=tenant), numbered(2, tenant, user="usr_2", prefix=tenant))
        ids += shared.intake.publish(numbered(3, tenant, prefix=tenant))
        assert [client.next_block().id, client.next_block().id] == [ids[0], ids[2]]


def test_the_token_command_without_a_key_says_so():
    done = command("causeway", "token", "--tenant", "acme", "--user", "usr_1", "--role", "member")
    assert done.returncode != 0 and b"AUTH_HS256_SECRET" in done.stderr


def test_the_simulation_tells_stories_of_several_tenants_and_users(stack):
    simulation = stack.start("event-producer", "simulate", "--rate", "200")

    def enough():
        simulation.expect_alive()
        return (events := stack.bus.events()) and len(events) > 400 and events

    events = eventually(enough, "400 simulated events are stored", timeout=30, interval=0.5)
    simulation.terminate()
    assert simulation.wait(timeout=10) == 0, simulation.log_tail()
    types = {event.type for event in events}
    assert len({event.tenant for event in events}) > 1 and len({event.user for event in events}) > 2
    assert {"incident.created", "investigation.progress", "remediation.proposed", "approval.requested"} <= types, types


def test_a_simulated_incident_goes_on_after_a_decision(stack):
    """One remediation is approved and another one rejected: both incidents end long before the deadlines, and say why."""
    service = approval_service(stack).wait_ready()
    simulation = stack.start("event-producer", "simulate", "--rate", "20", "--tenants", "acme")

    def payloads(type):
        simulation.expect_alive()
        return [json.loads(event.body) for event in stack.bus.events() if event.type == type]

    requests = eventually(lambda: len(found := payloads("approval.requested")) >= 2 and found[:2], "two approvals are requested", timeout=60)
    olga = ApprovalClient(service, user="olga")
    for request, action in zip(requests, ("approve", "reject"), strict=True):
        eventually(lambda: olga.decide(request["approvalId"], action).status_code == 200, "it is decided")
    expected = [("resolved", None), ("closed", "The remediation was rejected by olga")]

    def ends():
        last = {change["incidentId"]: (change["status"], change.get("reason")) for change in payloads("incident.status_changed")}
        return [last[request["incidentId"]] for request in requests] == expected

    eventually(ends, "both incidents have ended", timeout=30, interval=0.5)
    simulation.terminate()
    assert simulation.wait(timeout=10) == 0, simulation.log_tail()
