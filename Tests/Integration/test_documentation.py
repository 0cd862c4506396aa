"""Every code block of README.md and docs/*.md works as the page says: a reader runs each page against one shared stack.

A page with code blocks has one test here, which takes them one by one; a block that it leaves out fails it.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
import jwt
import pytest

from causeway_kit.bus import Bus
from causeway_kit.command_lines import builds_an_example, is_a_goal, is_composed, is_installed, names_a_file
from causeway_kit.containers import keys_of
from causeway_kit.documentation import blocks_of, pages
from causeway_kit.local_stack import OFFSET, TABLE, LocalStack
from causeway_kit.nats_server import NATSServer
from causeway_kit.ports import free_port
from causeway_kit.programs import COMMANDS
from causeway_kit.reader import Reader, make_checkout
from causeway_kit.relay import RelayClient
from causeway_kit.services import ROOT
from causeway_kit.waiting import eventually

#: The variables that pages tell their reader to set, for a stack on other ports than `make run`'s default.
ORIGIN = f"127.0.0.1:{TABLE['nginx'] + OFFSET}"
URL, BUS = f"http://{ORIGIN}", f"nats://127.0.0.1:{TABLE['nats-server'] + OFFSET}"
SOCKETS = f"ws://{ORIGIN}"
#: The reasons why some blocks are not run.
BUILDING = "a release build takes minutes; the tests have built the same for debugging"
PACKAGES = "packages come from the internet; the tests have them"


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    someone = Reader(tmp_path_factory.mktemp("reader"))
    yield someone
    someone.close()


@pytest.fixture(scope="module")
def stack(reader, tmp_path_factory):
    """The stack of `make run`: all services, nginx, and the simulator."""
    local = LocalStack(tmp_path_factory.mktemp("documentation"), SIMULATE_RATE="20", CORS_ORIGINS=reader.pages.origin)
    try:
        yield local.wait_until_running()
    finally:
        local.end()


@pytest.fixture
def read(reader, stack, tmp_path):
    """`with read("docs/page.md") as page` goes through a page."""
    checkout = make_checkout(tmp_path, stack.directory)
    return lambda name: reader.page(name, checkout)


def test_every_page_is_read():
    read = {page for file in Path(__file__).parent.glob("test_documentation*.py") for page in re.findall(r'\bread\("(\S+)"\)', file.read_text())}
    unread = [page for page in pages() if blocks_of(page) and page not in read]
    assert not unread, f"nobody tries out what {unread} say: add a test here that begins with `with read(\"{unread[0]}\") as page:`"


@pytest.mark.parametrize("page", pages())
def test_addresses_are_those_of_make_run(page):
    """Checks the default ports, which the tests below replace. Ports of further edges are 100 higher."""
    edges = [port + 100 for label, port in TABLE.items() if "edge" in label or "relay" in label]
    named = {int(port) for port in re.findall(r"\b(?:127\.0\.0\.1|localhost):(\d+)", (ROOT / page).read_text())}
    unknown = named - {*TABLE.values(), *edges, *ELSEWHERE}
    assert not unknown, f"{page} names ports that `make run` does not use; if they are right, add them to ELSEWHERE in this file"


#: Ports of other programs: a page of somebody else's, or Grafana (README.md, docs/containers.md); a receiver of webhooks; a collector of spans.
ELSEWHERE = {3000, 8090, 4318}


@pytest.mark.parametrize("page", pages())
def test_packages_are_those_that_the_tests_have(page):
    installed = (ROOT / "Tests/Integration/requirements.txt").read_text().splitlines()
    assert {*re.findall(r"[\w-]+==[\d.]+\b", (ROOT / page).read_text())} <= {*installed}


def test_the_settings_in_the_readme_are_those_of_the_programs():
    [table] = re.findall(r"\n## Settings\n(.*?)\n### ", (ROOT / "README.md").read_text(), re.DOTALL)
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", table))
    known = set().union(*map(keys_of, COMMANDS.values()))
    assert not documented - known, "README.md has settings that no service knows"
    assert not known - documented, "add these to README.md's table of settings"


def test_the_defaults_in_the_readme_are_those_of_the_programs():
    """Of rows that have one default for each variable. A program that gets them as its environment has the settings that it has without."""
    [table] = re.findall(r"\n## Settings\n(.*?)\n### ", (ROOT / "README.md").read_text(), re.DOTALL)
    documented = {}
    for names, values in re.findall(r"^\| (.*?) \| .* \| (.*?) \|$", table, re.MULTILINE):
        names = re.findall(r"`([A-Z][A-Z0-9_]+)`", names)
        values = re.findall(r"`([^`]+)`", values) if re.fullmatch(r"`[^`]+`(?:, `[^`]+`)*", values) else []
        if len(names) == len(values):
            documented |= zip(names, values, strict=True)
    assert len(documented) > 20
    # `keys_of` sets it.
    del documented["LOG_FORMAT"]
    for line in COMMANDS.values():
        defaults = keys_of(line)
        assert keys_of(line, **{name.lower(): value for name, value in documented.items() if name in defaults}) == defaults


def test_readme(read, stack):
    with read("README.md") as page:
        page.unrunnable("make run", because="this stack is `make run`, this run of pytest is part of `make test`", instead=is_a_goal)
        page.sample("producers ───►")
        page.sh("tokens.env", CAUSEWAY_URL=URL)
        assert page.variable("MEMBER") == stack.token("MEMBER")
        with page.stream("curl -N", shows="retry:") as listening:
            # These come at the simulator's pace; the shown ones among them.
            seen = listening.wait_for("id: evt_…\nevent: …\ndata: {…}\n")
        last = re.findall(r"^id: (evt_\w+)$", seen, re.MULTILINE)[0]
        with page.stream("Last-Event-ID", LAST=last) as resumed:
            resumed.wait_for("retry: …\nid: evt_…\nevent: …\ndata: …\n")
        assert page.sh("incident.created").count('"accepted":1') == 2

        with page.javascript("EventSource", url=URL, token=stack.token("MEMBER")) as script:
            script.wait_for("…")
        with page.javascript("workspace=acme", url=SOCKETS, token=stack.token("MEMBER")) as script:
            script.wait_for("connected\ninvestigation.…")
        with page.javascript("investigation.subscribe", url=SOCKETS, token=stack.token("MEMBER")) as script:
            script.wait_for('{"jsonrpc":"2.0","id":1,"result":{"subscriptionId":"sub_…","incidentId":"inc_1"}}')

        followed = page.sh("--agent helper", NATS_URL=BUS)
        assert "make test" in followed and "event: complete" in followed and followed.count("event: progress") > 5

        wait_for_an_approval(stack)
        [approval] = json.loads(page.sh("status=pending"))["items"]
        assert json.loads(page.sh("APPROVAL=", APPROVAL=approval["approvalId"]))["action"] == "approve"


def wait_for_an_approval(stack):
    """Waits until the simulator has requested an approval that is pending."""
    headers = {"Authorization": f"Bearer {stack.token('ADMIN')}"}

    def pending():
        return httpx.get(f"{URL}/v1/notifications/approvals?status=pending", headers=headers).json()["items"]

    eventually(pending, "the simulator asks for an approval", timeout=60)


def test_contract(read):
    # test_contract_page.py holds the page against the sources.
    with read("docs/contract.md") as page:
        page.sample("retry: 2180")
        page.sample('"connected"')
        page.sample("Reading codebase")


def test_architecture(read):
    with read("docs/architecture.md") as page:
        page.sample("inside an edge")


def test_concepts(read):
    with read("docs/concepts.md") as page:
        page.sample("POST /v1/events")


def test_quick_start(read, stack):
    with read("docs/quick-start.md") as page:
        page.sample("GET /v1/notifications/stream")
        page.unrunnable("make run", because="this stack is `make run`", instead=is_a_goal)
        page.sh("tokens.env", CAUSEWAY_URL=URL)
        with page.stream("causeway tail", shows="incident.created  {…}"):
            page.sh("$PRODUCER", shows='"accepted":1')


#: Words of the code for other products that docs/migrating.md shows.
BEFORE = ["new Centrifuge", "new EventSource", "new Pusher", 'io("https', "/api/publish", "mercure -H", "pusher.trigger", 'io.to("acme")']


def test_migrating(read, stack):
    with read("docs/migrating.md") as page:
        for words in BEFORE:
            page.sample(words)
        with page.javascript("new Causeway", before=FUNCTIONS, url=URL, token=stack.token("MEMBER")) as script:
            script.wait_for('{"incidentId":"inc_…')
        page.sh("tokens.env", CAUSEWAY_URL=URL)
        assert page.python("NewEvent").startswith("stored as evt_")


def test_producing(read, stack):
    with read("docs/producing.md") as page:
        page.sh("tokens.env", CAUSEWAY_URL=URL, NATS_URL=BUS)
        page.sh("inc_1/created", shows='"accepted":2')
        assert page.sh("cloudevents+json").count('"accepted":1') == 2
        assert page.sh("publish --type").count("evt_") == 2
        assert page.sh("<<'END'").count("evt_") == 2
        *told, token = page.sh("simulate").splitlines()
        assert sum(bool(re.match(r"\d\d:\d\d:\d\d", line)) for line in told) == 20
        assert httpx.get(f"{URL}/v1/notifications", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        page.same_as("ProducerConfiguration()", "docs/examples/publish-example/main.swift")
        page.unrunnable("swift build", because=BUILDING, instead=builds_an_example)
        assert "stored as evt_" in page.sh("publish-example")
        page.python("events.acme.incident.created")
        assert '"accepted":1' in page.sh("/v1/executions/agents/my-agent")
        assert page.sh("run --agent builder").startswith("git version")
        page.python("async def publish", after=PUBLISH_TWO_STEPS)
        steps = httpx.get(f"{URL}/api/streaming/workflows/from-python/stream", headers={"Authorization": f"Bearer {stack.token('MEMBER')}"})
        assert re.findall(r"^(?:id|event): (.*)", steps.text, re.MULTILINE) == ["1", "step_start", "2", "workflow_complete"]


#: What calls the function that the page shows.
PUBLISH_TWO_STEPS = """
import asyncio, json, os, nats

async def main():
    bus = await nats.connect(os.environ["NATS_URL"])
    for type, payload in (("step_start", {"stepId": "one"}), ("workflow_complete", {})):
        await publish(bus.jetstream(), "executions.acme.workflows.from-python", type, payload, "run_1")
    await bus.close()

asyncio.run(main())
"""


def test_consuming(read, stack):
    member = stack.token("MEMBER")
    with read("docs/consuming.md") as page:
        page.sh("tokens.env", CAUSEWAY_URL=URL, NATS_URL=BUS)
        page.unrunnable("swift build", because=BUILDING, instead=builds_an_example)

        page.sample("retry: 2180")
        approval = {"approvalId": "apr_1", "remediationId": "rem_1", "title": "Restart"}
        with page.stream("/v1/notifications/stream") as curl, page.stream("follow-example") as swift, page.python_stream("connect_sse") as python:
            with page.javascript('addEventListener("approval.requested"', before=FUNCTIONS, url=URL, token=member) as script:
                for follower in (curl, swift, python):
                    follower.wait_for("…")
                publish(stack, "approval.requested", approval)
                script.wait_for('{"type":"approval.requested","approvalId":"apr_1",…')
            curl.wait_for('event: approval.requested\ndata: {"type":"approval.requested","approvalId":"apr_1",…')
            swift.wait_for('approval.requested {"type":"approval.requested","approvalId":"apr_1",…')
            python.wait_for("approval.requested {'type': 'approval.requested', 'approvalId': 'apr_1',…")

        page.sample('"heartbeat"')
        with page.stream("Sec-WebSocket-Key") as curl, page.stream("workspace=acme") as swift, page.python_stream("/v1/stream") as python:
            with page.javascript("workspace=acme", before=f"{FUNCTIONS} setTimeout(connect);", url=SOCKETS, token=member) as script:
                script.wait_for('{"type":"connected",…\n{"type":…')
            curl.wait_for("HTTP/1.1 101 Switching Protocols")
            swift.wait_for('{"type":"connected",…\n{"type":…')
            python.wait_for("connected {'workspace_id': 'acme', 'user_id': 'ann'}\nincident.…")

        page.sample("→")
        with page.stream("/v1/connect") as swift, page.python_stream("/v1/connect") as python:
            with page.javascript("/v1/connect", before=FUNCTIONS, url=SOCKETS, token=member) as script:
                subscribed = '{"jsonrpc":"2.0","id":1,"result":{"subscriptionId":"sub_…","incidentId":"inc_1"}}'
                for follower in (swift, python):
                    follower.wait_for(subscribed)

                def pushed():
                    publish(stack, "investigation.progress", {"incidentId": "inc_1", "message": "Hello", "agentName": "docs"})
                    return script.has_printed('{"jsonrpc":"2.0","method":"investigation.progress",…"message":"Hello",…')

                # Nothing tells from outside when the page has subscribed.
                eventually(pushed, "the page is pushed the progress of its incident", interval=0.5)
            for follower in (swift, python):
                follower.wait_for('{"jsonrpc":"2.0","method":"investigation.progress",…"message":"Hello",…')
        assert '"activeConnections":' in page.sh("/v1/relay/status")

        page.sample("Reading codebase")
        publish(stack, "progress", {"progress": 0.2}, path="/v1/executions/agents/my-agent/events")
        publish(stack, "complete", {"result": "done", "duration": 12}, path="/v1/executions/agents/my-agent/events")
        assert 'event: complete\ndata: {"result":"done","duration":12}' in page.sh("curl -N")
        with page.javascript("encodeURIComponent", before=FUNCTIONS, url=URL, token=member) as script:
            script.wait_for('"done"')
        assert "complete {'result': 'done', 'duration': 12}" in page.python("my-agent")
        assert 'complete {"result":"done","duration":12}' in page.sh("my-agent")

        page.sample('{"events":[{"id":"evt_')
        assert '"events":[' in page.sh("wait=30s")
        with page.python_stream('"wait": "30s"') as python:
            python.wait_for("…")

        publish(stack, "notification.created", {"id": "ntf_1", "title": "Your turn"}, user="ann")
        listed = page.sh("/openapi.json")
        assert '"notificationId":' in listed and '"openapi":' in listed
        with page.javascript("fetch", before=FUNCTIONS, url=URL, token=member) as script:
            script.wait_for('…"notificationId":…')
        assert "'notificationId': " in page.python('"/v1/notifications"')


#: Functions that the examples call and a page would define.
FUNCTIONS = """
const show = (value) => console.log(JSON.stringify(value)), bar = {};
const reloadEverything = () => {}, startAgainWith = () => {}, freshToken = async () => "";
"""


def publish(stack, type, payload, path="/v1/events", **members):
    event = {"type": type, "tenant": "acme", "payload": payload} | members
    answer = httpx.post(URL + path, json=event, headers={"Authorization": f"Bearer {stack.token('PRODUCER')}"})
    assert answer.status_code == 202, answer.text


def test_commands(read, stack):
    with read("docs/commands.md") as page:
        page.unrunnable("pip install", because=PACKAGES, instead=is_installed)
        install_packages(stack)
        with page.stream("responder.py", NATS_URL=BUS) as service:
            service.wait_for("listening")
            page.sh("ask.py", shows="result", NATS_URL=BUS)
            client = RelayClient(SimpleNamespace(url=URL), stack.token("MEMBER"))
            client.ws.send_text(page.sample('"id":7,"method"').text)
            for line in page.sample("agent.analyze.progress").text.splitlines():
                assert client.next() == json.loads(line)
            client.close()
            page.sh("tokens.env", CAUSEWAY_URL=URL)
            with page.stream("websocket-example") as swift:
                swift.wait_for('{"jsonrpc":"2.0","method":"connected",…\n{"jsonrpc":"2.0","id":1,"result":{"tenant": "acme", "agents": …}}')


def test_webhook_commands(read, stack):
    with read("docs/webhook-commands.md") as page:
        page.sh("tokens.env", CAUSEWAY_URL=URL, RECEIVER_PORT=free_port())
        page.unrunnable("pip install", because="packages come from the internet; the tests have them", instead=is_installed)
        install_packages(stack)
        with page.stream("webhook-receiver.py") as receiver:
            receiver.wait_for("receiving at http://127.0.0.1:…")
            with page.stream("causeway listen", shows="causeway: following"):
                # At the simulator's pace.
                receiver.wait_for("evt_… {'incidentId': …}")
            page.sh("webhooks create")
            told = page.sh("webhooks list")
            assert "delivered: 204 after " in told and "deleted: whk_" in told


def install_packages(stack):
    """Does what `pip install` of the pages does: the tests have the packages."""
    folder = stack.directory / "python"
    if not folder.exists():
        folder.symlink_to(ROOT / ".venv")


#: A word of each policy on the page.
POLICIES = ['"security"', '"owners", "users": ["ann", "bob", "dan"]', "fourEyes", "escalation", "expiresAt"]


def test_approvals(read, stack):
    with read("docs/approvals.md") as page:
        page.sample("every group has its approvals")
        page.sh("tokens.env", CAUSEWAY_URL=URL)
        assert page.sh("approvals request") == "scale-checkout\n"
        shown = page.sh("approvals show")
        assert "scale-checkout: pending" in shown and "approved: scale-checkout by olga" in shown
        assert page.sh("approvals wait").splitlines()[-1] == "scaling"
        for number, words in enumerate(POLICIES):
            policy = json.loads(page.sample(words).text)
            publish(stack, "approval.requested", {"approvalId": f"policy-{number}", "remediationId": "rem_1"} | policy)
        assert page.sh("/v1/approvals/delegations").count('"delegationId":"dlg_') == 2
        page.unrunnable("pip install", because=PACKAGES, instead=is_installed)
        install_packages(stack)
        with page.stream("approvals/executor.py", shows="executing") as executor:
            executor.wait_for("requested scale-2")
            page.sh("approve scale-2")
        with page.stream("bus_executor.py", NATS_URL=BUS) as executor:
            executor.wait_for("requested scale-3")
            page.sh("approve scale-3")
            executor.wait_for("approved scale-3\nexecuting {'tool': 'scale',…")
        assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", page.sh("approvals digest"))


#: A delivery as the page describes it: Python's example verifies it, and then JavaScript's, which must refuse a changed one.
VERIFY = """
import datetime, json, subprocess
secret, body, now = "whsec_" + "A" * 43 + "=", b'{"type":"incident.created"}', datetime.datetime.now(datetime.UTC)
headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp()))}
headers["webhook-signature"] = "v1,AAAA " + Webhook(secret).sign("evt_1", now, body.decode())
assert received(headers, body, secret) == {"type": "incident.created"}
for sent in (body, body + b" "):
    script = f'''import {{ isGenuine }} from "./docs/examples/webhooks/verify.mjs";
    console.log(isGenuine({json.dumps(headers)}, Buffer.from({json.dumps(sent.decode())}), {json.dumps(secret)}));'''
    print(subprocess.run(["node", "--input-type=module", "-e", script], check=True, capture_output=True, text=True).stdout.strip())
"""


def test_webhooks(read, stack):
    with read("docs/webhooks.md") as page:
        page.sh("tokens.env", CAUSEWAY_URL=URL, PORT=free_port())
        install_packages(stack)
        with page.stream("webhook-receiver.py", shows="evt_… webhook.ping") as receiver:
            receiver.wait_for("receiving at http://127.0.0.1:…")
            page.sh("Quick start")
            tried = page.sh("inc_webhook")
            assert '"delivered":true' in tried and '"accepted":1' in tried and '"attempts":[{' in tried
            receiver.wait_for("evt_… incident.created {'incidentId': 'inc_webhook'}")
            page.sh("1 minute ago")
            receiver.wait_for("evt_… again")
            page.sh("-X DELETE")
        page.sample("webhook-signature:")
        assert page.python("from standardwebhooks", after=VERIFY).split() == ["true", "false"]
        page.same_as("timingSafeEqual", "docs/examples/webhooks/verify.mjs")
        page.same_as("HMAC<SHA256>", "Tests/WebhooksTests/VerificationExampleTests.swift")
        # Neither Go nor its library is installed here.
        page.sample("standardwebhooks.NewWebhook")


def test_authentication(read, stack):
    with read("docs/authentication.md") as page:
        page.sample('"sub": "ann"')
        for provider in ("keycloak", "microsoftonline", "auth0"):
            settings = dict(line.split("=", 1) for line in page.sample(provider).text.split())
            assert set(settings) <= set(keys_of(COMMANDS["sse-edge"])), "settings that no program knows"
        page.sh("export KEYS", NATS_URL=BUS)
        page.sh("export AUTH_HS256_SECRET_FILE")
        page.sh("EDGE_PORT=8181", EDGE_PORT=free_port(), EDGE_ADMIN_PORT=free_port())
        page.sh("openssl rand -hex 32 > $KEYS/new")
        assert page.sh("for TOKEN in").count('"events":') == 2
        assert "unauthorized" in page.sh("grep unauthorized")
        assert "public.pem" in page.sh("genpkey")
        assert page.python('write(old, new)').count(".") == 2
        settings = dict(line.split("=", 1) for line in page.sample("SECURITY_EVENTS_ISSUER").text.split())
        assert set(settings) <= set(keys_of(COMMANDS["approval-api"])), "settings that no program knows"
        event = page.python("secevent+jwt").strip()
        assert jwt.decode(event, options={"verify_signature": False})["iss"] == settings["SECURITY_EVENTS_ISSUER"]
        page.sample('"type":"authenticate"')
        page.sample('"method":"authenticate"')


def test_browser_client(read, stack):
    member = stack.token("MEMBER")
    client = f'import {{ Causeway }} from "./causeway/causeway.js"; const causeway = new Causeway({{ origin: "{URL}", token: "{member}" }});'
    with read("docs/browser-client.md") as page:
        with page.javascript("new Causeway", before=FUNCTIONS, url=URL, token=member) as script:
            script.wait_for("incident.… [object Object]")
        for type, payload in (("progress", {"progress": 0.5}), ("complete", {"result": "done"})):
            publish(stack, type, payload, path="/v1/executions/agents/code%20review/events")
        with page.javascript("for await", before=f"{client} const bar = {{ set value(part) {{ console.log(part); }} }};") as script:
            script.wait_for("0.5\n1")
        with responder(stack), page.javascript("causeway.relay()", before=f"{client} const show = console.log;") as script:
            script.wait_for("…\n…")


def test_python_client(read, stack):
    with read("docs/python-client.md") as page:
        page.sh("tokens.env", CAUSEWAY_URL=URL)
        page.unrunnable("pip install", because=PACKAGES, instead=is_installed)
        assert "incident.created {'incidentId': 'inc_1', 'title': 'Checkout is slow'}" in page.python("ann.follow(")
        assert page.python("causeway.publisher()") == "all are stored\n"
        with page.python_stream("FileCursor") as worker:
            worker.wait_for("… {…}\n… {…}")
        assert (stack.directory / "worker.cursor").read_text().startswith("evt_")
        assert "complete {'result': 'done'}" in page.python("follow_execution")
        with page.python_stream("approvals.permit(") as executor:
            admin = page.take("approvals.pending()", "python")
            eventually(lambda: "Scale checkout" in subprocess_python(admin.text, stack), "the admin sees the request", timeout=60, interval=0.5)
            executor.wait_for("executing {'tool': 'scale', 'service': 'checkout', 'replicas': 8}")
        assert page.python("webhooks.verify", after=RECEIVE_ONE).splitlines() == ["evt_1 incident.created {'incidentId': 'inc_1'}", "204 400"]


def subprocess_python(text, stack):
    """Runs a block that does its work only when something else has happened, and returns what it prints."""
    environment = os.environ | {"CAUSEWAY_URL": URL, "ADMIN": stack.token("ADMIN"), "PYTHONPATH": str(ROOT / "Clients/Python/causeway/src")}
    return subprocess.run([sys.executable, "-c", text], env=environment, check=True, capture_output=True, text=True, timeout=60).stdout


#: What calls the function that the page shows: with a webhook that another library has signed, and with one that nobody has.
RECEIVE_ONE = """
from datetime import UTC, datetime
from standardwebhooks.webhooks import Webhook

body, now = b'{"type":"incident.created","timestamp":"2024-04-01T14:32:10.000Z","data":{"incidentId":"inc_1"}}', datetime.now(UTC)
headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp()))}
headers["webhook-signature"] = Webhook(SECRET).sign("evt_1", now, body.decode())
print(receive(body, headers), receive(body + b" ", headers))
"""


@contextlib.contextmanager
def responder(stack):
    """The service of docs/commands.md behind the relay."""
    log = stack.directory / "responder.log"
    environment = os.environ | {"NATS_URL": BUS, "PYTHONUNBUFFERED": "1"}
    with log.open("w") as output:
        service = subprocess.Popen([sys.executable, ROOT / "docs/examples/responder.py"], env=environment, stdout=output, stderr=output)
    try:
        eventually(lambda: "listening" in log.read_text(), "the responder listens", timeout=20)
        yield
    finally:
        service.terminate()
        service.wait(timeout=20)


def test_doctor(read):
    secure = f"https://127.0.0.1:{TABLE['nginx, TLS'] + OFFSET}"
    with read("docs/doctor.md") as page:
        told = page.sh("causeway doctor", CAUSEWAY_URL=URL, SECURE_URL=secure)
        assert not re.search("^fault", told, re.MULTILINE) and f"{URL}: " in told and f"{secure}: " in told
        page.sample("fault   last-event-id")


def test_operating(read, stack, tmp_path):
    with read("docs/operating.md") as page:
        page.sh("tokens.env", NATS_URL=BUS, EDGE_HEALTH=f"http://127.0.0.1:{TABLE['sse-edge, admin'] + OFFSET}")
        assert "causeway_edge_connections" in page.sh("$EDGE_HEALTH/readyz")
        edges = ",".join(f"http://127.0.0.1:{TABLE[f'{name}, admin'] + OFFSET}" for name in ("sse-edge", "websocket-edge", "jsonrpc-relay"))
        printed = page.sh("causeway why", CAUSEWAY_URL=URL, CAUSEWAY_EDGES=edges)
        assert printed.startswith("no connection: eve had none between ") and '{"program":"sse-edge",' in printed
        page.sh("causeway dead-letters", NATS_URL=BUS)

        page.sh("EDGE=$!", EDGE_PORT=free_port(), EDGE_ADMIN_PORT=free_port())
        told = page.take("draining")
        with page.stream("$EDGE_PORT/v1/notifications/stream") as client:
            client.wait_for("retry: …")
            page.sh("kill -TERM")
            client.wait_for(told.text)

        back_up_and_restore(page, tmp_path)

        assert "configuration" in page.sh("ROUTES_LISTEN=", STORE=tmp_path / "cluster")
        page.unrunnable("cluster.conf", because="test_bus_cluster.py runs three", instead=names_a_file)
        printed = page.sh("--print-config")
        assert '"nats://10.0.0.1:4222,nats://10.0.0.2:4222,nats://10.0.0.3:4222"' in printed and re.search(r"event.log.replicas: +3", printed)


def back_up_and_restore(page, directory):
    """Does so with a log of its own."""
    kept, restored = directory / "kept", directory / "restored"
    for folder in (kept, restored):
        folder.mkdir()
    with log_in(kept) as bus:
        bus.create_log()
        bus.publish_event("acme", "a.b", b'{"n":1}', id="one")
        events = bus.events()
    page.sh("--create", STORE=kept / "jetstream", BACKUP=directory / "log.tar.gz")
    page.sh("--extract", STORE=restored / "jetstream", BACKUP=directory / "log.tar.gz")
    with log_in(restored) as bus:
        assert bus.events() == events and events


@contextlib.contextmanager
def log_in(directory):
    """A bus with its log in that folder, stopped at the end."""
    nats = NATSServer(directory).start()
    bus = Bus(nats.url)
    try:
        yield bus
        bus.close()
        nats.terminate()
        nats.wait(timeout=20)
    finally:
        nats.kill()


def test_proxies(read, tmp_path):
    with read("docs/proxies.md") as page:
        assert "test is successful" in page.sh("nginx -t", FOLDER=tmp_path / "nginx")


def test_containers(read, stack):
    with read("docs/containers.md") as page:
        for words in ("make-secrets", "docker compose exec", "--scale", "containers/roll", "--profile"):
            page.unrunnable(words, because="no container engine runs where the tests do", instead=is_composed)
