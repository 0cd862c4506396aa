"""The on-call exercise of docs/on-call-exercise.md: incidents that happen one after another, and what a person on call sees of each.

`make drill ARGS="-k on_call"` runs it and prints all that was seen.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from causeway_kit.approvals import ApprovalClient, requested
from causeway_kit.clock import Clock
from causeway_kit.doctor import make_certificate
from causeway_kit.intake import numbered
from causeway_kit.key_rotation import replace
from causeway_kit.markdown import sections_of
from causeway_kit.on_call import Client, Deployment, Look, Traffic, as_text
from causeway_kit.programs import COMMANDS, OPERATING
from causeway_kit.prometheus import alerts
from causeway_kit.read_model import damage
from causeway_kit.services import command, is_built
from causeway_kit.sizes import IS_DRILL
from causeway_kit.sse import SSEConnection
from causeway_kit.stack import Stack
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import SECRET, mint
from causeway_kit.waiting import eventually
from causeway_kit.webhooks import Answer, Receiver, WebhookClient

pytestmark = pytest.mark.skipif(not all(map(is_built, [*COMMANDS, OPERATING])), reason="not all programs are built")
PAGE = "docs/on-call-exercise.md"


class OnCall(Deployment):
    """The incidents: each causes the thing, yields a look while it lasts, and undoes it as its runbook says."""

    def __init__(self, stack, directory):
        self.clock = Clock(directory / "clock")
        self.secret, self.previous = directory / "secret", directory / "previous-secret"
        super().__init__(stack, self.clock.settings, window="30s")

    def edge_gone(self):
        """One of two replicas is killed."""
        self.edges[0].kill()
        yield Look(self.accepted())
        self.edges[0].start()

    def bus_gone(self):
        """nats-server is killed, while producers publish."""
        event = self.accepted()
        self.stack.nats.kill()
        eventually(lambda: self.traffic.status == 503, "producers get 503", timeout=60)
        yield Look(event)
        self.stack.nats.start()

    def log_full(self):
        """The log reaches its size limit, drops what is newer than its age limit, and a client resumes too late."""
        event = self.accepted()
        self.bus.reconfigure(max_bytes=self.bus.state().bytes + (1 << 20))
        # Small enough that a dropped one leaves the log nearly full.
        self._publish_padded("full", 120, padding=20_000)

        def is_too_late():
            with SSEConnection(self.edges[0].url + NotificationStream.path, token=mint(), headers={"Last-Event-ID": event}):
                return self.edges[0].metrics()['causeway_edge_resumes_total{outcome="expired"}']

        eventually(is_too_late, "the edge tells that events have expired", timeout=30, interval=0.3)
        yield Look(event, commands={"log info": self.run("log", "info", nats_url=self.stack.nats.url)})
        done = command("causeway", "log", "resize", nats_url=self.stack.nats.url, event_log_max_bytes="10GiB")
        assert done.returncode == 0, done.stderr

    def log_refuses(self):
        """The log reaches its size limit, and refuses new events (`discard` is `new`, which Causeway does not set)."""
        event = self.accepted()
        config = self.bus.config()
        self.bus.api("STREAM.UPDATE.EVENTS", **(self._stream() | {"discard": "new", "max_bytes": self.bus.state().bytes + 2000}))
        eventually(lambda: self.traffic.status == 500, "producers get 500", timeout=60)
        yield Look(event)
        self.bus.api("STREAM.UPDATE.EVENTS", **(self._stream() | {"discard": "old", "max_bytes": config.max_bytes}))

    def _stream(self):
        return self.bus.api("STREAM.INFO.EVENTS")["config"]

    def _publish_padded(self, prefix, count, padding):
        for n in range(count):
            self.stack.intake.publish(numbered(n, padding=padding, prefix=prefix))

    def key_rotated_wrongly(self):
        """The new secret replaces the old one, which is not kept as the previous one. Clients connect again after that."""
        event = self.accepted()
        replace(self.previous, "another-secret-that-nobody-has-signed-a-token-with-and-that-is-as-long-as-it-has-to-be\n")
        replace(self.secret, "a-new-secret-with-which-nobody-has-signed-a-token-yet-and-that-is-as-long-as-it-has-to-be\n")
        eventually(lambda: self.traffic.status == 401, "producers get 401", timeout=60)

        def are_refused():
            # Each process reads the files in its own time: an edge that has not yet done so accepts the client.
            for client in self.clients:
                client.reconnect()
            return all(client.status == 401 for client in self.clients)

        eventually(are_refused, "clients get 401", timeout=60, interval=1)
        yield Look(event)
        replace(self.previous, SECRET + "\n")
        self.accepted()
        self.wait_for_clients()
        replace(self.secret, SECRET + "\n")

    def one_tenant_floods(self):
        """Four producers of a tenant publish far more than its share."""
        floods = [Traffic(self.stack.producer.url, "flood", batch=20, interval=0.02) for _ in range(4)]
        for flood in floods:
            flood.start()
        eventually(lambda: any(flood.status == 429 for flood in floods), "they get 429", timeout=60)
        yield Look(self.accepted())
        for flood in floods:
            flood.stop()

    def slow_consumer(self):
        """Three clients of a user do not read."""
        url, token = self.edges[0].url + NotificationStream.path, mint(user="sam")
        with contextlib.ExitStack() as sleepers:
            for _ in range(3):
                sleepers.enter_context(SSEConnection(url, token=token, receive_buffer=4096))
            self._publish_padded("slow", 60, padding=100_000)
            yield Look(self.accepted(), user="sam")

    def clock_off(self):
        """The clock of one of two edges, which has a client, is ten minutes ahead: tokens are still valid."""
        client = Client(self.edges[1].url, "cleo")
        client.start()
        eventually(lambda: client.is_open, "it has a stream", timeout=60)
        self.clock.set(600)
        yield Look(self.accepted(), url=self.edges[1].url)
        self.clock.set(0)
        client.stop()

    def clock_far_off(self):
        """The clock of one of two edges is three hours ahead, longer than tokens are valid. Clients come and go."""
        self.clock.set(3 * 3600)

        def are_refused():
            for client in self.clients:
                client.reconnect()
            return self.edges[1].metrics()['causeway_tokens_refused_total{reason="expired"}'] > 40

        eventually(are_refused, "the edge refuses clients", timeout=90, interval=1)
        yield Look(self.accepted(), url=self.edges[1].url)
        self.clock.set(0)

    def certificate_expired(self):
        """The proxy has a certificate that has expired, and so has the dispatcher's file of authorities."""
        make_certificate(self.proxy.certificates, ["localhost"], ends_in_days=-1)
        make_certificate(self.authorities, ["authority"], ends_in_days=-1)
        self.proxy.signal_reload()
        url = self.proxy.tls_url.replace("127.0.0.1", "localhost")
        yield Look(self.accepted(), url=url, doctor=("--ca-file", str(self.proxy.certificate)))
        make_certificate(self.proxy.certificates, ["localhost"], ends_in_days=365)
        make_certificate(self.authorities, ["authority"], ends_in_days=365)
        self.proxy.signal_reload()

    def read_model_damaged(self):
        """Pages of the file are overwritten under a running process."""
        self.stack.intake.publish(requested("damaged"))
        admin, file = ApprovalClient(self.approvals), self.approvals.environment["DATABASE_FILE"]
        eventually(lambda: admin.approval("damaged").status_code == 200, "the approval is in the read model", timeout=30)
        # What is in the file itself, not in a cache or beside it.
        self.approvals.terminate()
        assert self.approvals.wait(60) == 0
        with contextlib.closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.approvals.start().wait_ready(timeout=60)
        eventually(lambda: self.prometheus.query("causeway_read_model_rebuilds_total == 0"), "it has been scraped", timeout=30)
        self.wait_for_quiet()
        damage(self.stack.directory / file, b"damaged")
        self.stack.intake.publish(requested("after"))
        eventually(lambda: "the read model is damaged" in self.approvals.log, "the damage is noticed", timeout=60)
        yield Look(self.accepted())

    def webhook_endpoint_down(self):
        """A receiver stops. It comes back, and its owner enables the endpoint, instead of waiting for the next retry."""
        admin = WebhookClient(self.dispatcher)
        with contextlib.ExitStack() as running:
            receiver = Receiver()
            running.enter_context(receiver)
            hook = receiver.hook()
            endpoint = admin.created(hook, ["down.seen"])["id"]
            # The dispatcher has kept its connection, which the end of the server leaves open.
            hook.answer = Answer(manner="reset")
            running.close()
            self.stack.intake.publish({"type": "down.seen", "tenant": "acme", "payload": {}})
            eventually(lambda: self.dispatcher.metrics()["causeway_webhook_lag_seconds"] > 30, "it lags", timeout=120)
            url = self.dispatcher.url
            yield Look(self.accepted(), commands={"webhooks attempts": self.run("webhooks", "attempts", endpoint, causeway_url=url)})
            hook.answer = Answer()
            running.enter_context(receiver)
            assert admin.enable(endpoint).status_code == 200
            hook.wait_for(1)
            assert admin.delete(endpoint).status_code in (200, 204)


@dataclass(frozen=True)
class Incident:
    """What the person on call must see of an incident."""

    cause: Callable
    #: The alerts that fire, the runbook's first; others may fire beside them.
    alerts: tuple
    #: The first words of the answer of `why`, and the checks of the doctor that find a fault.
    why: str
    #: The panels in which something changes.
    panels: tuple
    doctor: frozenset = frozenset()

    @property
    def name(self):
        return self.cause.__name__.replace("_", " ")


INCIDENTS = [
    Incident(OnCall.edge_gone, ("CausewayProcessDown",), "sent:", ("Causeway: Up", "Causeway: edges: Open streams")),
    Incident(
        OnCall.bus_gone,
        ("CausewayBusAway", "CausewayEventsNotAccepted"),
        "",
        ("Causeway: Connected to the bus", "Causeway: intake: Requests by route and status, a second"),
        frozenset({"stream"}),
    ),
    Incident(
        OnCall.log_full,
        ("CausewayStreamDropsEarly", "CausewayClientsMissEvents"),
        "not in the log: its retention has removed",
        ("Causeway: intake: Fill of the streams", "Causeway: intake: Age of the oldest message"),
    ),
    Incident(
        OnCall.log_refuses,
        ("CausewayEventsNotAccepted", "CausewayStreamNearlyFull"),
        "",
        ("Causeway: intake: Fill of the streams", "Causeway: intake: Requests refused a second, by code"),
    ),
    Incident(
        OnCall.key_rotated_wrongly,
        ("CausewayTokensRefused",),
        "",
        ("Causeway: edges: Tokens refused a second, by reason", "Causeway: Requests by status, a second"),
        frozenset({"stream", "workspace"}),
    ),
    Incident(
        OnCall.one_tenant_floods,
        ("CausewayTenantFloods",),
        "sent:",
        ("Causeway: tenants: Events accepted in the last minute", "Causeway: tenants: Intake refused for a share, a second"),
    ),
    Incident(OnCall.slow_consumer, ("CausewayManyLaggards",), "lagging:", ("Causeway: edges: Laggards",)),
    Incident(OnCall.clock_off, ("CausewayDeliverySlow",), "sent:", ("Causeway: edges: From intake to readers, 99 %",), frozenset({"clock"})),
    Incident(
        OnCall.clock_far_off,
        ("CausewayTokensRefused",),
        "sent:",
        ("Causeway: edges: Tokens refused a second, by reason",),
        frozenset({"clock", "stream"}),
    ),
    Incident(
        OnCall.certificate_expired,
        ("CausewayCertificateExpires",),
        "sent:",
        ("Causeway: Days until a certificate expires",),
        frozenset({"connection"}),
    ),
    Incident(OnCall.read_model_damaged, ("CausewayReadModelRebuilt",), "sent:", ("Causeway: approvals: Read model: disk full, rebuilds",)),
    Incident(
        OnCall.webhook_endpoint_down,
        ("CausewayWebhooksLag",),
        "sent:",
        ("Causeway: webhooks: Lag of the slowest endpoint", "Causeway: webhooks: Attempts a second, by outcome"),
    ),
]


def test_the_page_has_a_section_for_each_incident():
    """With the alerts that fire, which are alerts with a runbook."""
    sections = {title.lower(): section.text for title, section in sections_of(PAGE).items()}
    for incident in INCIDENTS:
        assert set(incident.alerts) <= alerts().keys()
        for alert in incident.alerts:
            assert f"[{alert}](runbooks.md#{alert.lower()})" in sections[incident.name], f"{incident.name}: {alert}"


@pytest.mark.long
@pytest.mark.skipif(not IS_DRILL, reason="it takes some minutes (make drill)")
@pytest.mark.timeout(1800)
def test_on_call(tmp_path):
    """The rules are those of deploy/prometheus, without `for`, and with 30 seconds in place of minutes."""
    for name in ("secret", "previous-secret"):
        (tmp_path / name).write_text(SECRET + "\n")
    settings = {
        "auth_hs256_secret": None, "auth_hs256_secret_file": tmp_path / "secret", "auth_hs256_secret_previous_file": tmp_path / "previous-secret",
        "intake_events_per_second": 50,
    }  # fmt: skip
    missing = []
    with Stack(**settings) as stack, OnCall(stack, tmp_path) as on_call:
        for incident in INCIDENTS:
            missing += go_through(on_call, incident)
    assert not missing, "\n".join(missing)


def go_through(on_call, incident):
    """Causes an incident, prints what is seen of it, waits until it is over, and returns what should have been seen and was not."""
    on_call.wait_until_ready()
    on_call.wait_for_clients()
    on_call.wait_for_quiet()
    missing, before, begin = [], on_call.figures(incident.panels), time.monotonic()
    for look in incident.cause(on_call):
        fired = on_call.wait_for_alerts(incident.alerts)
        lasted = time.monotonic() - begin
        seen = on_call.look(look, fired, incident.panels, before)
    begin = time.monotonic()
    on_call.wait_until_ready()
    on_call.wait_for_clients()
    on_call.wait_for_quiet()
    print(as_text(incident.name, (lasted, time.monotonic() - begin), seen))
    missing += [f"{incident.name}: {alert} does not fire" for alert in incident.alerts if alert not in seen.alerts]
    missing += [f"{incident.name}: the doctor finds no fault in {check}" for check in incident.doctor - seen.faults.keys()]
    missing += [f"{incident.name}: {panel} does not change" for panel in incident.panels if not seen.panels[panel]]
    if not seen.why[1].startswith(incident.why):
        missing.append(f"{incident.name}: why says {seen.why[1]!r}")
    return missing
