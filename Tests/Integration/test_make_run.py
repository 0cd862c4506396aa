"""`make run` for a new user: it starts, prints examples that work, and Ctrl-C stops everything that it started and nothing else."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from websockets.sync.client import connect as connect_websocket

from causeway_kit.bus import Bus
from causeway_kit.local_stack import OFFSET, SERVING, TABLE, LocalStack
from causeway_kit.nats_server import NATSServer
from causeway_kit.ports import is_free
from causeway_kit.relay import RelayClient
from causeway_kit.services import ROOT
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import Event, NotificationStream, Opened
from causeway_kit.tokens import expect_no_token
from causeway_kit.waiting import eventually
from causeway_kit.workspace import WorkspaceStream


@pytest.fixture
def local(tmp_path):
    """Starts local stacks and always stops them."""
    started = []

    def start(**environment):
        directory = tmp_path / str(len(started))
        directory.mkdir()
        started.append(LocalStack(directory, **environment))
        return started[-1]

    yield start
    for stack in started:
        stack.end()


@pytest.mark.timeout(300)
def test_make_run_from_start_to_ctrl_c(local, shared):
    stack = local(EDGES="2", SIMULATE_RATE="20").wait_until_running()
    output = stack.output

    # The URLs and tokens that it prints work: a member sees the simulator's events, through the proxy and on both edges behind it.
    proxied = (stack.directory / "nginx/nginx.conf").read_text()
    assert all(f"server 127.0.0.1:{port + OFFSET} " in proxied for port in (8081, 8181, 4000, 4100, 8083, 8183, 8084, 8085, 8086))
    assert f"https://127.0.0.1:{8443 + OFFSET}/v1/notifications/stream" in output
    for port in (8080 + OFFSET, 8081 + OFFSET, 8181 + OFFSET):
        url = f"http://127.0.0.1:{port}/v1/notifications/stream"
        assert url in output
        with SSEConnection(url, token=stack.token("MEMBER")) as client:
            client.next_block()
            assert client.next_block(timeout=30).event

    # The console's address comes first, and it has the demo's tokens to offer.
    console = f"http://127.0.0.1:{8080 + OFFSET}/console/"
    assert output.startswith(f"Console: {console} ")
    assert "<title>Causeway console</title>" in httpx.get(console).text
    demo = httpx.get(f"{console}demo.json").json()
    assert {person["token"] for person in demo["people"]} == {stack.token(name) for name in ("ADMIN", "MEMBER", "OTHER")}

    # The curl lines that it prints work as they stand, in a shell that has read tokens.env.
    environment = {"PATH": os.environ["PATH"]}
    lines = re.findall(r"^  (curl (?:.*\\\n)*.*)$", output, re.MULTILINE)
    publishing = [line for line in lines if "/v1/events" in line]
    deciding = [line for line in lines if "/approvals" in line]
    following = [line for line in lines if "/stream" in line]
    [registering] = [line for line in lines if "/v1/webhooks" in line]
    assert len(publishing) == 2 and len(following) == 3 and len(deciding) == 2, lines
    for line in publishing:
        script = f". {stack.directory}/tokens.env\n{line} -sS"
        done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=30)
        assert '"accepted":1' in done.stdout, f"{line}\n{done.stdout}{done.stderr}"
    for line in following:
        script = f". {stack.directory}/tokens.env\n{line} -sS --max-time 3 -w '%{{stderr}}HTTP/%{{http_version}}'"
        done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=30)
        assert done.stdout.startswith("retry: "), f"{line}\n{done.stdout}{done.stderr}"
        assert ("HTTP/2" in done.stderr) == ("--http2" in line), f"{line}\n{done.stderr}"
        assert ("Only for you" in done.stdout) == ("Last-Event-ID" in line), "everything kept, or live only"
    answer_an_approval(stack, *deciding, environment)
    received = stack.directory / "webhook-receiver.log"
    eventually(lambda: re.search(r"(?m)^evt_\w+ incident\.\w+ \{", received.read_text()), "its receiver shows webhooks", timeout=60)
    assert "refused" not in received.read_text()
    script = f". {stack.directory}/tokens.env\n{registering} -sS"
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=30)
    # Without a receiver there it stays pending; what matters is that this machine may be called.
    assert json.loads(done.stdout)["state"]["name"] == "pending", done.stdout

    # Two of each edge, one of each other, and the simulator.
    assert set(stack.programs()) == set(SERVING) and len(stack.children()) >= 11
    for log in stack.directory.glob("*.log"):
        expect_no_token(str(log), log.read_text())

    stack.interrupt()
    stack.make.wait(timeout=60)
    eventually(lambda: not stack.children(), "all that it started has ended")
    assert all(is_free(port + OFFSET) for port in TABLE.values())
    shared.check()
    assert shared.shared_edge.readiness() == 200, "somebody else's processes were touched"


def answer_an_approval(stack, listing, deciding, environment):
    """With the two printed commands: find an approval of the simulator, approve it, and see the decision arrive everywhere."""

    def run(line):
        script = f". {stack.directory}/tokens.env\n{line} -sS"
        return json.loads(subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=30).stdout)

    def pending():
        return run(listing)["items"]

    [approval] = eventually(pending, "the simulator asks for an approval", timeout=60)
    token = stack.token("MEMBER")
    sse, workspace, relay = (SimpleNamespace(url=f"http://127.0.0.1:{port + OFFSET}") for port in (8081, 4000, 8083))
    watching = RelayClient(relay, token)
    watching.result("remediation.subscribe", {"incidentId": approval["incidentId"]})
    with NotificationStream().connect(sse, token) as one, WorkspaceStream().connect(workspace, token) as other:
        opened = [one.next(), other.next()]
        assert all(isinstance(message, Opened) for message in opened)
        answer = run(deciding.replace("<approvalId>", approval["approvalId"]))
        assert answer["action"] == "approve", answer

        def is_the_answer(message):
            return isinstance(message, Event) and message.type == "approval.resolved" and message.payload["approvalId"] == approval["approvalId"]

        for client in (one, other):
            # Heartbeats and the simulator's other stories come in between.
            while not is_the_answer(client.next(timeout=30)):
                pass
    while (push := watching.next(timeout=30))["method"] != "approval.resolved":
        pass
    assert push["params"]["approvalId"] == approval["approvalId"]
    watching.close()


@pytest.mark.timeout(240)
def test_its_log_and_tokens_survive_a_restart_and_sigterm_is_as_good_as_ctrl_c(local, tmp_path):
    page, own = "http://localhost:3000", f"http://127.0.0.1:{8080 + OFFSET}"
    stack = local(SIMULATE_RATE="0", RUN_DIR=str(tmp_path / "kept"), CORS_ORIGINS=page).wait_until_running()
    events, stream = f"http://127.0.0.1:{8085 + OFFSET}/v1/events", f"http://127.0.0.1:{8081 + OFFSET}/v1/notifications/stream"
    token = stack.token("MEMBER")
    published = httpx.post(
        events,
        json={"type": "a.b", "tenant": "acme", "payload": {}},
        headers={"Authorization": f"Bearer {stack.token('PRODUCER')}"},
    )
    assert published.status_code == 202, published.text
    # Origins that are named come besides the deployment's own: for the services, and for what nginx answers by itself.
    for origin in (page, own):
        for path in ("/v1/notifications", "/nowhere"):
            assert httpx.get(own + path, headers={"Origin": origin}).headers["access-control-allow-origin"] == origin
        with connect_websocket(f"{own.replace('http', 'ws')}/v1/stream?workspace=acme&token={token}", origin=origin) as client:
            assert json.loads(client.recv(timeout=10))["type"] == "connected"
    os.kill(stack.make.pid, signal.SIGTERM)
    stack.make.wait(timeout=60)

    stack = local(SIMULATE_RATE="0", RUN_DIR=str(tmp_path / "kept"), DEMO="0").wait_until_running()
    assert httpx.get(f"http://127.0.0.1:{8080 + OFFSET}/console/demo.json").status_code == 404
    with SSEConnection(stream, token=token, headers={"Last-Event-ID": ""}) as client:
        client.next_block()
        assert client.next_block().id == published.json()["ids"][0]


@pytest.mark.parametrize("what", ["nginx", "nginx, TLS", "sse-edge", "event-producer, admin", "nats-server"])
def test_a_busy_port_is_named_before_anything_is_started(local, what):
    port = TABLE[what] + OFFSET
    with socket.create_server(("127.0.0.1", port)):
        stack = local()
        assert stack.make.wait(timeout=60) != 0
    assert f"Port {port} ({what}" in stack.output and "PORT_OFFSET" in stack.output, stack.output
    assert not stack.directory.exists(), "something was started, or made"


@pytest.mark.parametrize("setting", [{"PORT_OFFSET": "many"}, {"EDGES": "0"}, {"BUILD": "fast"}, {"DEMO": "maybe"}], ids=str)
def test_a_setting_that_cannot_be_used_is_named(local, setting):
    [(name, value)] = setting.items()
    stack = local(**setting)
    assert stack.make.wait(timeout=60) != 0
    assert f"{name} is '{value}'" in stack.output and "Traceback" not in stack.output, stack.output


@pytest.mark.timeout(240)
def test_a_process_that_dies_is_reported_and_started_again(local):
    stack = local(SIMULATE_RATE="0").wait_until_running()
    for program, port in (("sse-edge", 9081), ("nats-server", None), ("event-producer", 9085)):
        before = stack.programs()
        os.kill(before[program], signal.SIGKILL)
        eventually(lambda: f"{program} was killed by signal 9; it is started again" in stack.output, "it says so", timeout=30)
        eventually(lambda: stack.programs().get(program, before[program]) != before[program], "it is started again", timeout=30)
        if port:
            eventually(lambda: is_ready(port), "it serves again", timeout=60)
        assert {**stack.programs(), program: None} == {**before, program: None}, "others were touched"
    assert "The end of" in stack.output
    eventually(lambda: all(is_ready(port) for port in TABLE_ADMIN), "all serve again", timeout=60)
    stack.interrupt()
    stack.make.wait(timeout=60)
    eventually(lambda: not stack.children(), "all have ended")


TABLE_ADMIN = [port for name, port in TABLE.items() if "admin" in name]


def is_ready(admin_port):
    try:
        return httpx.get(f"http://127.0.0.1:{admin_port + OFFSET}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.timeout(120)
def test_a_process_that_cannot_start_is_reported_with_its_last_words(local):
    stack = local(SIMULATE_RATE="0", NATS_URL="nats://host:port")
    assert stack.make.wait(timeout=90) != 0
    assert "ended with code 1." in stack.output and "The end of" in stack.output and "Traceback" not in stack.output, stack.output
    eventually(lambda: not stack.children(), "the others have ended too")


def test_a_run_directory_that_cannot_be_written_is_named(local, tmp_path):
    (tmp_path / "file").write_text("")
    for directory in (tmp_path / "file" / "run", "/proc/nobody/run"):
        stack = local(RUN_DIR=str(directory))
        assert stack.make.wait(timeout=60) != 0
        assert f"RUN_DIR is {directory}" in stack.output and "Traceback" not in stack.output, stack.output


@pytest.mark.timeout(240)
def test_an_existing_bus_and_a_secret_of_ones_own_are_used(local, tmp_path):
    nats = NATSServer(tmp_path).start()
    try:
        secret = "a-secret-that-somebody-else-has-chosen-for-this"
        stack = local(NATS_URL=nats.url, AUTH_HS256_SECRET=secret, SIMULATE_RATE="50").wait_until_running()
        assert nats.url in stack.output and "nats-server" not in stack.programs()
        bus = Bus(nats.url)
        try:
            eventually(lambda: len(bus.events()) > 20, "events are stored on the bus that was named")
        finally:
            bus.close()
        assert not (stack.directory / "auth-secret").exists()
        stack.interrupt()
        stack.make.wait(timeout=60)
        assert nats.is_running, "a bus that it did not start was ended"
    finally:
        nats.kill()


def test_the_first_build_is_estimated(local, tmp_path):
    """`make run` prints the build's estimated time only if nothing is built yet."""
    swift = tmp_path / "bin" / "swift"
    swift.parent.mkdir()
    swift.write_text("#!/bin/sh\nexit 1\n")
    swift.chmod(0o755)
    root = tmp_path / "checkout"
    shutil.copytree(ROOT, root, ignore=lambda folder, names: set(names) - {"Makefile", "deploy", "Clients"} if Path(folder) == ROOT else ())
    for build in (None, root / ".build" / "release"):
        if build:
            build.mkdir(parents=True)
        stack = local(root=root, BIN_DIR="", PATH=f"{swift.parent}:{os.environ['PATH']}")
        assert stack.make.wait(60) != 0
        [line] = re.findall(r"^Building .*$", stack.output, re.MULTILINE)
        assert ("first build takes about" in line) == (build is None), stack.output
