"""The processes' logs (docs/operating.md): their lines at the default level, and no blocking when they are not read."""

import fcntl
import json
import re
import signal
import struct
import subprocess
import termios

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.every_surface import SURFACES
from causeway_kit.programs import COMMANDS
from causeway_kit.services import ROOT, Service, is_built
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import SECRET, mint
from causeway_kit.waiting import eventually

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")

PROGRAMS = list(COMMANDS.values())


def lines(service, message):
    """Returns the metadata of the lines with that message; waits for the first one."""
    return eventually(lambda: [line for line in service.log_lines if line["message"] == message], f"{service.name} says: {message}")


@pytest.fixture(scope="module")
def quiet():
    """A deployment at the default level with few requests, so that no line is suppressed."""
    with Stack() as own:
        own.surfaces = [own.edge(surface.executable) for surface in SURFACES]
        own.approvals = approval_service(own).wait_ready()
        yield own


def test_a_request_has_a_line_in_every_service(quiet):
    for service in (*quiet.surfaces, quiet.producer, quiet.approvals):
        assert "LOG_LEVEL" not in service.environment, "this is about the default level"
        httpx.get(f"{service.url}/nowhere", timeout=10)
        line = lines(service, "Request")[-1]
        assert line["level"] == "info" and line["metadata"]["http.status"] == "404" and line["metadata"]["http.target"] == "/nowhere"


def test_what_is_stored_has_a_line(quiet, tenant):
    ids = quiet.intake.publish(*({"type": "a.b", "tenant": tenant, "payload": {}} for _ in range(2)))
    line = lines(quiet.producer, "events stored")[-1]
    assert line["level"] == "info" and [line["metadata"][name] for name in ("event.id.first", "event.id.last", "events")] == [*ids, "2"]


def test_a_decision_and_its_effect_have_a_line(quiet, tenant):
    quiet.intake.publish(requested(f"app_{tenant}", tenant))
    assert ApprovalClient(quiet.approvals, tenant).decide(f"app_{tenant}").status_code == 200
    [decision] = lines(quiet.approvals, "approval decided")
    assert decision["level"] == "info" and decision["metadata"]["user"]
    expected = {"tenant": tenant, "approval.id": f"app_{tenant}", "approval.action": "approve"}
    assert decision["metadata"] | expected == decision["metadata"]
    [effect] = lines(quiet.approvals, "decision effect published")
    assert effect["level"] == "info" and effect["metadata"]["tenant"] == tenant and effect["metadata"]["approval.id"] == f"app_{tenant}"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program[0])
def test_the_last_line_of_a_process_is_a_sentence(stack, program):
    """An error that stops a process has the form of all other lines, without internal details."""
    service = Service(program[0], stack.directory, nats_url=stack.nats.url, arguments=program[1:], name="unlucky")
    service.environment["HTTP_PORT"] = str(stack.producer.http_port)
    service.start()
    assert service.wait(timeout=30) == 1
    last = json.loads(service.log.splitlines()[-1])
    assert last["level"] == "critical" and last["message"].startswith(f"port {stack.producer.http_port} on 127.0.0.1 is in use")
    stack.bus.reconfigure(subjects=["events.acme.>"])
    service = stack.start(*program)
    assert service.wait(timeout=30) == 1
    service.kill()
    last = json.loads(service.log.splitlines()[-1])
    assert last["level"] == "critical" and last["message"].startswith("The stream EVENTS cannot be the log"), last
    assert not re.search(r"incompatibleStream|Error|\(code|errno", last["message"])


class Unread(subprocess.Popen):
    """A service whose standard output and error are one small pipe that is not read."""

    def __init__(self, service):
        self.service = service
        environment = {"PATH": "/usr/bin:/bin"} | service.environment
        super().__init__(service.arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        fcntl.fcntl(self.stdout, fcntl.F_SETPIPE_SZ, 4096)

    def waiting(self):
        """Returns the number of bytes in the pipe."""
        return struct.unpack("i", fcntl.ioctl(self.stdout, termios.FIONREAD, b"\0" * 4))[0]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program[0])
def test_nobody_who_does_not_read_the_log_stops_the_process(stack, program):
    settings = {"log_level": "debug", "drain_window": "1s"}
    service = Service(program[0], stack.directory, nats_url=stack.nats.url, arguments=program[1:], name="unread", **settings)
    process = Unread(service)
    try:
        eventually(lambda: service.readiness() == 200, "it is ready", timeout=30)
        with httpx.Client(timeout=5) as client:
            for _ in range(600):
                client.get(f"{service.url}/v1/notifications/stream?{'x' * 100}")
            assert process.waiting() > 2048, "the pipe is full"
            assert client.get(f"{service.admin_url}/healthz").status_code == 200
            assert client.get(f"{service.admin_url}/readyz").status_code == 200
        metrics = service.metrics()
        assert metrics["causeway_log_dropped_lines_total"] == 0 and metrics["causeway_log_suppressed_lines_total"] > 0
        if program[0] == NotificationStream.executable:
            with NotificationStream().connect(service, mint()) as reader:
                reader.next()
        process.send_signal(signal.SIGTERM)
        # It waits for its reader at the end, but not for long.
        assert process.wait(timeout=15) == 0
    finally:
        process.kill()
        process.wait()
    text = process.stdout.read().decode()
    written = [line for line in text.split("\n")[:-1]]
    assert written and all(json.loads(line)["logger"] for line in written)
    assert SECRET not in text


def test_one_tenant_does_not_fill_the_log(stack):
    """Repeated lines are limited and then counted; another tenant's lines are not affected."""
    approvals = approval_service(stack).wait_ready()
    loud, quiet = mint("loud", roles=("admin",)), mint("quiet", roles=("admin",))
    with httpx.Client(timeout=10) as client:
        for token in [loud] * 300 + [quiet]:
            client.get(f"{approvals.url}/v1/notifications/approvals/unknown", headers={"Authorization": f"Bearer {token}"})

    def told(tenant, message):
        return [line for line in approvals.log_lines if line["message"] == message and line["metadata"].get("tenant") == tenant]

    eventually(lambda: told("quiet", "Request"), "the other tenant's request has its line")
    # A period may have ended in between.
    assert 50 <= len(told("loud", "Request")) <= 100
    suppressed = eventually(lambda: told("loud", "repeated log lines were suppressed"), "it is said how many there were", timeout=25)
    assert suppressed[0]["metadata"]["log.message"] == "Request" and int(suppressed[0]["metadata"]["log.suppressed"]) > 100


def test_every_documented_line_is_one_that_a_service_writes():
    """The messages in the table of docs/operating.md are in the source, word for word."""
    [table] = re.findall(r"\n\| line \| of \| says \|\n\|---\|---\|---\|\n((?:\|.*\n)+)", (ROOT / "docs/operating.md").read_text())
    messages = {message for row in table.splitlines() for message in re.findall(r"`([^`]+)`", row.split("|")[1])}
    source = "".join(file.read_text() for folder in ("Services", "Shared") for file in (ROOT / folder).rglob("*.swift"))
    assert messages and {message for message in messages if f'"{message}"' not in source} == set()


def test_metadata_keys_are_constants():
    """One key for one thing: each is a constant of `LogKey`. The one exception is the key under which Hummingbird reads the id of a request."""
    literal = re.compile(r'metadataKey: "|[mM]etadata\["|[mM]etadata(?::[ \w.]+=|:| =)\s*\[\s*"|LogKey\.\w+: [^\n]*, "[a-z_.]+": ')
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for folder in ("Shared", "Services")
        for path in sorted((ROOT / folder).rglob("*.swift"))
        for match in literal.finditer(path.read_text().replace('metadataKey: "hb.request.id"', ""))
    ]
    assert not found
