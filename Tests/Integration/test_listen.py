"""`causeway listen`: events of a stream as signed webhooks, at a receiver on this machine (docs/webhook-commands.md)."""

import base64
import json
import re
import secrets
import signal
import sys
from datetime import timedelta

import httpx
import pytest

from causeway_kit.cursors import Cursor
from causeway_kit.ports import free_port
from causeway_kit.processes import Process
from causeway_kit.services import ROOT, command, executable, is_built
from causeway_kit.tokens import expect_no_token, mint
from causeway_kit.waiting import eventually
from causeway_kit.webhooks import Answer, Receiver

pytestmark = pytest.mark.skipif(not is_built("causeway"), reason="causeway is not built")

#: A payload whose bytes a JSON library would change.
PAYLOAD = b'{ "n": 1e2,\n "text": "\\u00e9\xc3\xa9", "big": 9007199254740993 }'


@pytest.fixture
def receiver():
    with Receiver() as own:
        yield own


@pytest.fixture
def listen(shared, tenant, tmp_path):
    """Starts `causeway listen` for a user of the tenant, and waits until it follows."""
    started = []

    def start(url, *options, user="ann", edge=None, secret=None, token=None, follows=True, **environment):
        file = tmp_path / "secret"
        file.write_text(secret or new_secret())
        arguments = ["listen", "--forward-to", url, "--secret-file", file, "--url", (edge or shared.shared_edge).url, *options]
        environment = {"CAUSEWAY_TOKEN": token or mint(tenant, user, ["member"])} | environment
        process = Process(f"listen-{tenant}-{len(started)}", [executable("causeway"), *arguments], shared.directory, environment)
        started.append(process)
        process.start()
        if follows:
            process.wait_until(lambda: "causeway: following " in process.log, "follows", 30)
        return process

    yield start
    for process in started:
        process.expect_alive()
        process.kill()
        expect_no_token(process.name, process.log)


def new_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def publish(stack, tenant, *payloads, type="load.tick", user=None):
    """Publishes payloads byte for byte; returns their cursors."""
    ids = []
    for payload in payloads:
        members = f'"type":"{type}","tenant":"{tenant}"' + (f',"user":"{user}"' if user else "")
        answer = stack.intake.post(f"{{{members},".encode() + b'"payload":' + payload + b"}")
        assert answer.status_code == 202, answer.text
        ids += answer.json()["ids"]
    return ids


def lines_of(process):
    """The lines that tell of deliveries."""
    return [line for line in process.log.splitlines() if line.startswith("evt_")]


def test_an_event_is_delivered_with_its_bytes_and_a_signature(shared, tenant, receiver, listen):
    hook, secret = receiver.hook(), new_secret()
    process = listen(hook.url, secret=secret)
    [cursor] = publish(shared, tenant, PAYLOAD)
    [delivery] = hook.wait_for(1)
    for minutes in (-4, 0, 4):
        delivery.verify(secret, clock=timedelta(minutes=minutes))
    assert delivery.id == cursor and list(json.loads(delivery.body)) == ["type", "timestamp", "data"]
    assert delivery.body.endswith(b',"data":' + PAYLOAD + b"}") and delivery.type == "load.tick"
    [stored] = [event for event in httpx_events(shared, tenant) if event["id"] == cursor]
    assert json.loads(delivery.body)["timestamp"] == stored["timestamp"]
    process.wait_until(lambda: lines_of(process), "tells of the delivery", 20)
    assert re.fullmatch(rf"{cursor}  load\.tick  204  \d.*s", lines_of(process)[0])


def httpx_events(stack, tenant):
    """All events of a tenant, by a long poll."""
    headers = {"Authorization": f"Bearer {mint(tenant, 'ann')}", "Last-Event-ID": ""}
    return httpx.get(f"{stack.shared_edge.url}/v1/events?wait=0s", headers=headers).json()["events"]


def test_only_what_the_user_may_see_and_asks_for(shared, tenant, receiver, listen):
    hook = receiver.hook()
    listen(hook.url, "--types", "load.*,order.paid")
    publish(shared, tenant, b'{"n":0}', user="bob")
    publish(shared, tenant, b'{"n":1}', type="order.made")
    publish(shared, f"{tenant}_other", b'{"n":2}')
    wanted = publish(shared, tenant, b'{"n":3}', user="ann") + publish(shared, tenant, b'{"n":4}', type="order.paid")
    hook.wait_for(2)
    hook.expect_order(wanted)


def test_a_failing_receiver_gets_each_event_again_in_order(shared, tenant, receiver, listen):
    hook = receiver.hook(answer=lambda number, headers: Answer(204 if number else 500))
    process = listen(hook.url)
    ids = publish(shared, tenant, *(b'{"n":%d}' % number for number in range(5)))
    hook.wait_for(5)
    hook.expect_order(ids)
    assert [delivery.id for delivery in hook.deliveries] == [ids[0], *ids], "the same id again"
    line = rf"^causeway: {ids[0]}  load\.tick  500, after .*; next attempt in "
    process.wait_until(lambda: re.search(line, process.log, re.MULTILINE), "says that it tries again", 20)


@pytest.mark.parametrize("manner", ["reset", "huge"])
def test_a_receiver_that_breaks_the_protocol_is_tried_again(shared, tenant, receiver, listen, manner):
    # The status of an answer counts, however long it is.
    first = Answer(manner="reset") if manner == "reset" else Answer(503, body=bytes(1 << 20), headers={"retry-after": "1"})
    hook = receiver.hook(answer=lambda number, headers: Answer() if number else first)
    listen(hook.url)
    ids = publish(shared, tenant, b"{}", b"{}")
    hook.wait_for(2)
    hook.expect_order(ids)


def test_a_receiver_that_starts_later(shared, tenant, receiver, listen):
    hook = receiver.hook()
    receiver.stop()
    process = listen(hook.url)
    ids = publish(shared, tenant, b"{}", b"{}")
    process.wait_until(lambda: "the host did not accept a connection" in process.log, "says why", 20)
    receiver.start()
    hook.wait_for(2)
    hook.expect_order(ids)


def test_it_goes_on_where_it_was_when_the_edge_returns(shared, tenant, receiver, listen):
    hook, edge = receiver.hook(), shared.edge("sse-edge")
    process = listen(hook.url, edge=edge)
    ids = publish(shared, tenant, b"{}")
    hook.wait_for(1)
    edge.kill()
    ids += publish(shared, tenant, b'{"while":"away"}', b'{"while":"away"}')
    process.wait_until(lambda: "next request in" in process.log, "says that it tries again", 20)
    edge.start()
    edge.wait_ready()
    hook.wait_for(3)
    hook.expect_order(ids)
    assert len(hook.accepted) == 3, "nothing twice"
    shared.remove(edge)


def test_where_it_begins(shared, tenant, receiver, listen):
    ids = publish(shared, tenant, b"{}", b"{}", b"{}")
    oldest, behind, since, live = (receiver.hook(name) for name in ("oldest", "behind", "since", "live"))
    listen(oldest.url, "--last-event-id", "")
    listen(behind.url, "--last-event-id", ids[1])
    listen(since.url, "--since", "1h")
    listen(live.url)
    ids += publish(shared, tenant, b'{"last":true}')
    for hook, first in ((oldest, 0), (behind, 2), (since, 0), (live, 3)):
        hook.wait_for(4 - first)
        hook.expect_order(ids[first:])


def test_a_gap_comes_as_an_event_before_the_others(shared, tenant, receiver, listen):
    hook, secret = receiver.hook(), new_secret()
    ids = publish(shared, tenant, b"{}")
    process = listen(hook.url, "--last-event-id", Cursor.parse(ids[0])._replace(epoch=1).text, secret=secret)
    ids = publish(shared, tenant, b"{}")
    gap, event = hook.wait_for(2)
    gap.verify(secret)
    assert gap.type == "stream.gap" and gap.data == {"reason": "unknown_cursor"} and event.id == ids[0]
    process.wait_for_log("events are missing")


def test_a_token_that_has_expired_ends_it(shared, tenant, receiver, tmp_path):
    environment = {"causeway_url": shared.shared_edge.url, "causeway_token": mint(tenant, "ann", lifetime=-1)}
    done = command("causeway", "listen", "--forward-to", receiver.hook().url, **environment)
    # The generated secret is told, and nothing else that is secret.
    told = re.sub(r"whsec_\S+", "", done.stderr.decode())
    assert done.returncode == 77 and "(unauthorized)" in told and not done.stdout
    expect_no_token("the command", told)
    assert len(re.findall(r"whsec_[A-Za-z0-9+/]{43}=", done.stderr.decode())) == 1


def test_a_token_file_is_read_again(shared, tenant, receiver, listen, tmp_path):
    file, hook = tmp_path / "token", receiver.hook()
    file.write_text(mint(tenant, "ann"))
    listen(hook.url, "--token-file", file, token="of-no-use")
    file.write_text(mint(tenant, "bob"))
    # The poll under way still has the first token: this event ends it.
    publish(shared, tenant, b"{}")
    hook.wait_for(1)
    [private] = publish(shared, tenant, b"{}", user="bob")
    assert hook.wait_for(2)[1].id == private


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 64, "Missing expected argument '--forward-to"),
        (["--forward-to", "http://10.0.0.1:3000"], 64, "--forward-to must be https, or http to this machine"),
        (["--forward-to", "http://127.0.0.1:3000", "--since", "soon"], 64, "soon"),
        (["--forward-to", "http://127.0.0.1:3000", "--secret-file", "/nowhere"], 78, "--secret-file: /nowhere is not"),
        (["--forward-to", "https://127.0.0.1:3000", "--forward-ca-file", "/nowhere"], 78, "/nowhere"),
        (["--forward-to", "http://127.0.0.1:3000"], 78, "missing token"),
    ],
    ids=["none", "plain", "since", "secret", "authorities", "token"],
)
def test_what_cannot_be_used(arguments, code, says):
    done = command("causeway", "listen", *arguments)
    assert (done.returncode, done.stdout) == (code, b"") and says in done.stderr.decode(), done


def test_an_interrupt_ends_it(shared, tenant, receiver, listen):
    process = listen(receiver.hook().url)
    process.signal(signal.SIGINT)
    assert process.wait(20) == -signal.SIGINT


def test_the_receiver_of_the_documentation(shared, tenant, receiver, listen, tmp_path):
    """It verifies, tells repetitions apart, and refuses what is not signed."""
    secret, file, port = new_secret(), tmp_path / "of-the-receiver", free_port()
    example = ROOT / "docs/examples/webhook-receiver.py"
    environment = {"WEBHOOK_SECRET_FILE": str(file)}
    shown = Process(f"receiver-{tenant}", [sys.executable, example, port], shared.directory, environment).start()
    try:
        shown.wait_until(lambda: "receiving at" in shown.log, "receives", 20)
        process = listen(f"http://127.0.0.1:{port}/", secret=secret)
        [cursor] = publish(shared, tenant, b'{"n":1}')
        process.wait_until(lambda: "503, after" in process.log, "is told that the receiver has no secret", 20)
        file.write_text(secret + "\n")
        shown.wait_until(lambda: f"{cursor} load.tick {{'n': 1}}\n" in shown.log, "shows the event", 30)
        again = listen(f"http://127.0.0.1:{port}/", "--last-event-id", "", secret=secret)
        again.wait_until(lambda: lines_of(again), "delivers it once more", 20)
        shown.wait_for_log(f"{cursor} again\n")
        forged = httpx.post(f"http://127.0.0.1:{port}/", content=b"{}", headers={"webhook-id": "evt_1"})
        assert forged.status_code == 401
        eventually(lambda: "refused: Missing required headers" in shown.log, "says why")
    finally:
        shown.kill()
