"""Every client gets a producer's payload byte for byte: four doors, three real clients."""

import json
import re
import subprocess

import httpx
import pytest
from httpx_sse import connect_sse

from causeway_kit.browser import Browser, PageServer
from causeway_kit.cursors import Cursor
from causeway_kit.every_surface import on_surfaces_of_everything
from causeway_kit.reference import SAMPLES
from causeway_kit.services import command
from causeway_kit.sse import SSEParser
from causeway_kit.stack import Stack
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

STREAM = "/v1/notifications/stream"


@pytest.fixture(scope="module")
def page():
    server = PageServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = Browser(tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def deployment(page):
    with Stack() as stack:
        stack.shared_edge = stack.edge(cors_origins=page.origin)
        yield stack


# MARK: Ways in. Each publishes all samples in order, byte for byte, and returns them as they must be shown.


def native(sample, tenant):
    """The native form (contract §10) around the payload's own bytes."""
    members = {"type": sample.type, "tenant": tenant, "time": sample.time} | ({"user": sample.user} if sample.user else {})
    return json.dumps(members).encode()[:-1] + b', "payload": ' + sample.payload + b"}"


def through_http(deployment, tenant):
    body = b"[" + b",\n".join(native(sample, tenant) for sample in SAMPLES) + b"]"
    response = deployment.intake.post(body)
    assert (response.status_code, response.json()["accepted"]) == (202, len(SAMPLES)), response.text


def through_structured_cloud_events(deployment, tenant):
    for number, sample in enumerate(SAMPLES):
        attributes = {"specversion": "1.0", "id": f"{tenant}-{number}", "source": "/tests", "type": sample.type, "time": sample.time}
        attributes |= {"tenant": tenant} | ({"userid": sample.user} if sample.user else {})
        body = json.dumps(attributes).encode()[:-1] + b', "data": ' + sample.payload + b"}"
        response = deployment.intake.post(body, content_type="application/cloudevents+json")
        assert response.status_code == 202, response.text


def through_binary_cloud_events(deployment, tenant):
    for number, sample in enumerate(SAMPLES):
        headers = {"ce-specversion": "1.0", "ce-id": f"{tenant}-{number}", "ce-source": "/tests", "ce-type": sample.type}
        headers |= {"ce-time": sample.time, "ce-tenant": tenant} | ({"ce-userid": sample.user} if sample.user else {})
        response = deployment.intake.post(sample.payload, headers=headers)
        assert response.status_code == 202, response.text


def through_the_command_line(deployment, tenant):
    for sample in SAMPLES:
        user = ["--user", sample.user] if sample.user else []
        done = command(
            "event-producer", "publish", "--type", sample.type, "--tenant", tenant, *user, "--time", sample.time,
            "--payload", sample.payload.decode(), nats_url=deployment.nats.url,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()


def through_standard_input(deployment, tenant):
    lines = b"\n".join(native(sample, tenant) for sample in SAMPLES) + b"\n"
    done = command("event-producer", "publish", stdin=lines, nats_url=deployment.nats.url)
    assert done.returncode == 0, done.stderr.decode()


def through_nats(deployment, tenant):
    for number, sample in enumerate(SAMPLES):
        deployment.bus.publish_event(
            tenant, sample.type, sample.payload, id=f"{tenant}-{number}", user=sample.user, time=sample.time, source="/tests"
        )


WAYS_IN = [
    through_http,
    through_structured_cloud_events,
    through_binary_cloud_events,
    through_the_command_line,
    through_standard_input,
    through_nats,
]


# MARK: Clients. Each follows until it has as many events as there are samples.


class CurlClient:
    """`curl -N`, with its unchanged output."""

    def __init__(self, url, token, directory):
        self._output = directory / "curl.out"
        self._process = subprocess.Popen(
            ["curl", "-sS", "-N", "-H", f"Authorization: Bearer {token}", url], stdout=self._output.open("wb"), stderr=subprocess.STDOUT
        )
        eventually(lambda: b"\n\n" in self._output.read_bytes(), "curl shows the stream's opening")

    def blocks(self, count):
        """The opening and the first `count` events."""

        def enough():
            blocks = SSEParser().feed(self._output.read_bytes())
            return blocks if len(blocks) > count else None

        blocks = eventually(enough, f"curl shows {count} events")
        assert len(blocks) == count + 1, f"curl was sent more than {count} events: {[(block.id, block.event) for block in blocks]}"
        return blocks

    def close(self):
        self._process.kill()
        self._process.wait()


class HTTPXClient:
    """`httpx-sse`, from its own iterator."""

    def __init__(self, url, token):
        self._client = httpx.Client(timeout=15)
        self._source = connect_sse(self._client, "GET", url, headers={"Authorization": f"Bearer {token}"})
        event_source = self._source.__enter__()
        event_source.response.raise_for_status()
        # httpx-sse hands out blocks without data too, which the standard dispatches to nobody: here, the opening.
        self._events = (event for event in event_source.iter_sse() if event.data)

    def events(self, count):
        return [next(self._events) for _ in range(count)]

    def close(self):
        self._source.__exit__(None, None, None)
        self._client.close()


@pytest.mark.parametrize("publish", WAYS_IN, ids=lambda way: way.__name__.replace("_", "-"))
def test_reference_events_arrive_as_they_were_sent(deployment, page, browser, tmp_path, tenant, publish):
    url, token = deployment.shared_edge.url + STREAM, mint(tenant, "usr_1")
    curl, sse = CurlClient(url, token, tmp_path), HTTPXClient(url, token)
    try:
        browser.open(page.origin)
        browser.follow(f"{url}?token={token}", [sample.type for sample in SAMPLES])
        eventually(lambda: browser.states() == ["open"], "the browser's EventSource opens")

        publish(deployment, tenant)

        opening, *blocks = curl.blocks(len(SAMPLES))
        assert re.fullmatch(rb"retry: \d+\nid: evt_[0-9A-HJKMNP-TV-Z]{26}\n\n", opening.raw), f"not an opening: {opening.raw!r}"
        for sample, block in zip(SAMPLES, blocks, strict=True):
            assert block.raw == sample.block(block.id)

        stored = [event for event in deployment.bus.events() if event.tenant == tenant]
        assert [event.body for event in stored] == [sample.payload for sample in SAMPLES], "the log holds other payloads than were sent"
        assert [Cursor.parse(block.id).sequence for block in blocks] == [event.sequence for event in stored]

        expected = [(block.event, block.id, block.data) for block in blocks]
        assert [(event.event, event.id, event.data) for event in sse.events(len(SAMPLES))] == expected
        seen = eventually(lambda: len(found := browser.received()) >= len(SAMPLES) and found, "the browser has all events")
        assert [(event["type"], event["id"], event["data"]) for event in seen] == expected
    finally:
        curl.close()
        sse.close()


@on_surfaces_of_everything
def test_the_intake_tells_the_producer_the_ids_that_clients_see(shared, edge, surface, tenant):
    with surface.connect(edge, mint(tenant)) as client:
        client.next()
        ids = shared.intake.publish(*({"type": "a.b", "tenant": tenant, "payload": {"n": n}} for n in range(5)))
        assert [event.id for event in client.events(5)] == ids


def test_a_browser_resumes_by_itself_when_its_edge_is_killed(deployment, page, browser, tenant):
    edge = deployment.edge(cors_origins=page.origin)
    browser.open(page.origin)
    browser.follow(f"{edge.url}{STREAM}?token={mint(tenant)}", ["a.b"])
    eventually(lambda: browser.states() == ["open"], "the EventSource opens")
    ids = deployment.intake.publish({"type": "a.b", "tenant": tenant, "payload": {"n": 1}})
    eventually(lambda: [event["id"] for event in browser.received()] == ids, "the first event arrives")

    edge.kill()
    eventually(lambda: "reconnecting" in browser.states(), "the browser notices")
    ids += deployment.intake.publish({"type": "a.b", "tenant": tenant, "payload": {"n": 2}})
    edge.start()
    edge.wait_ready()
    ids += deployment.intake.publish({"type": "a.b", "tenant": tenant, "payload": {"n": 3}})

    eventually(lambda: len(browser.received()) >= 3, "the browser catches up", timeout=30)
    assert [event["id"] for event in browser.received()] == ids
    assert "closed" not in browser.states(), "the EventSource gave up"
