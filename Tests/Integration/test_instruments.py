"""The processes' metrics (docs/operating.md), and the dashboard and alert rules that use them."""

import re
import resource
import subprocess
import time

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested, timestamp
from causeway_kit.bus import STREAM
from causeway_kit.cut_line import CutLine
from causeway_kit.every_surface import SURFACES
from causeway_kit.follower import Follower
from causeway_kit.intake import Flow, numbered
from causeway_kit.programs import COMMANDS
from causeway_kit.prometheus import RULES, Prometheus, alerts, dashboard_queries, metrics_in
from causeway_kit.services import ROOT, Service, is_built
from causeway_kit.sizes import size
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.webhooks import Answer, Receiver, WebhookClient, dispatcher

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")


@pytest.fixture(scope="module")
def services(shared):
    """One instance of each program, with activity for every metric."""
    found = {surface.executable: [shared.shared_edge_of(surface.executable)] for surface in SURFACES}
    found |= {"event-producer": [shared.producer], "approval-api": [approval_service(shared).wait_ready()]}
    found |= {"webhook-dispatcher": [dispatcher(shared).wait_ready()]}
    WebhookClient(found["webhook-dispatcher"][0], "instruments").endpoints()
    admin = ApprovalClient(found["approval-api"][0], "instruments")
    shared.intake.publish(requested("instruments", "instruments"))
    assert admin.decide("instruments").status_code == 200
    for surface in SURFACES:
        with surface.connect(found[surface.executable][0], mint("instruments")) as client:
            client.next()
    return found


def exposition(service):
    return httpx.get(f"{service.admin_url}/metrics", timeout=5).text


def sampled(services):
    """Returns the names of all samples of all processes."""
    text = "".join(exposition(instance) for instances in services.values() for instance in instances)
    return set(re.findall(r"(?m)^([a-zA-Z_:][\w:]*)(?:\{.*\})? ", text))


# MARK: Form


@pytest.mark.parametrize("program", COMMANDS)
def test_promtool_finds_nothing_to_improve(services, program):
    [service] = services[program]
    done = subprocess.run(["promtool", "check", "metrics"], input=exposition(service), capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr
    undescribed = re.findall(r"(?m)^# HELP (\w+) (\w+)$", exposition(service))
    assert not undescribed, f"without a word of explanation: {undescribed}"


@pytest.mark.parametrize(
    "line", ["check rules alerts.yml", "test rules alerts.test.yml", "check config local.yml", "check config containers.yml"]
)
def test_promtool_accepts_rules_and_configurations(line):
    done = subprocess.run(["promtool", *line.split()], cwd=RULES.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_tried_by_promtool():
    """The rules' test file covers every alert."""
    tests = (RULES.parent / "alerts.test.yml").read_text()
    assert all(tests.count(name) == 2 for name in alerts())
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] in ("page", "ticket") for rule in alerts().values())


def test_every_metric_that_is_asked_for_exists(services):
    asked = [(name, rule["expr"]) for name, rule in alerts().items()] + dashboard_queries("1m")
    there = sampled(services) | {"up"}
    missing = {(where, metric) for where, query in asked for metric in metrics_in(query) if metric not in there}
    assert not missing


def test_the_documented_metrics_exist(services):
    documented = set(re.findall(r"`(causeway_\w+)", (ROOT / "docs/operating.md").read_text()))
    there = sampled(services)
    assert documented and {name for name in documented if not any(sample.startswith(name) for sample in there)} == set()


# MARK: Content


def test_resumes_are_counted_by_how_they_were_answered(stack, surface):
    edge = stack.edge(surface.executable)
    [first, *_] = stack.intake.publish(*(surface.numbered(n) for n in range(10)))

    def outcomes():
        return {
            outcome: edge.metrics()[f'causeway_edge_resumes_total{{outcome="{outcome}"}}']
            for outcome in ("resumed", "expired", "unknown_cursor")
        }

    eventually(lambda: edge.metrics()["causeway_feed_position"] == 10, "the edge has read all")
    with surface.connect(edge, mint(), cursor=first) as client:
        client.next()
        client.events(9)
    assert outcomes() == {"resumed": 1, "expired": 0, "unknown_cursor": 0}
    with surface.connect(edge, mint(), cursor="evt_nonsense") as client:
        client.next()
        eventually(lambda: outcomes()["unknown_cursor"] == 1, "a cursor that means nothing is counted")


def test_latency_laggards_and_reconnects_are_measured(stack):
    """From an event's intake to the last reader; a slow reader; an outage of the bus."""
    surface, edge = NotificationStream(), stack.edge(delivery_loops=1)
    with surface.connect(edge, mint()) as reader, surface.connect(edge, mint(), receive_buffer=4096) as sleeper:
        reader.next(), sleeper.next()
        for n in range(20):
            stack.intake.publish(surface.numbered(n))
            reader.next_event()
        metrics = edge.metrics()
        count = metrics["causeway_edge_publish_to_write_seconds_count"]
        assert 1 <= count <= 20 and metrics['causeway_edge_publish_to_write_seconds_bucket{le="+Inf"}'] == count
        assert metrics["causeway_edge_publish_to_write_seconds_sum"] / count < 5
        assert metrics["causeway_edge_laggards"] == 0
        for n in range(20, 40):
            stack.intake.publish(surface.numbered(n, padding=200_000))
            reader.next_event()
        eventually(lambda: edge.metrics()["causeway_edge_laggards"] == 1, "the sleeper is a laggard")
        for _ in range(40):
            sleeper.next_event()
        eventually(lambda: edge.metrics()["causeway_edge_laggards"] == 0, "nobody is any more")
    before = edge.metrics()["causeway_bus_reconnects_total"]
    stack.nats.kill()
    eventually(lambda: edge.metrics()["causeway_bus_connected"] == 0, "the bus is away")
    stack.nats.start()
    edge.wait_ready()
    assert edge.metrics()["causeway_bus_reconnects_total"] == before + 1
    assert edge.metrics()["causeway_feed_restarts_total"] >= 1 and edge.metrics()["causeway_feed_following"] == 1


@pytest.mark.timeout(size(120, 240))
def test_prometheus_sees_the_stack(stack):
    """Debian's Prometheus next to a running stack, under load on every surface: every panel has data, and no alert fires."""
    settings = {"heartbeat_interval": "1s", "log_tail_bytes": "64KiB"}
    services = {surface.executable: [stack.edge(surface.executable, **settings)] for surface in SURFACES[:2]}
    services |= {"jsonrpc-relay": [stack.edge("jsonrpc-relay")], "event-producer": [stack.producer]}
    services |= {"approval-api": [approval_service(stack).wait_ready()], "webhook-dispatcher": [dispatcher(stack).wait_ready()]}
    prometheus = stack.add(Prometheus(stack.directory, services)).wait_ready()
    clients = [Follower(surface, services[surface.executable], mint(), break_after=lambda: 40).start() for surface in SURFACES]
    flow = Flow(stack.intake, (SURFACES[-1].numbered(n, padding=2000) for n in range(1_000_000)), rate=50, batch=5)
    flow.start()
    admin = ApprovalClient(services["approval-api"][0])
    decided = iter(range(1_000_000))

    def empty():
        return [(panel, query) for panel, query in dashboard_queries("10s") if not prometheus.query(query)]

    def every_panel_has_data():
        approval = f"app_{next(decided)}"
        stack.intake.publish(requested(approval))
        assert admin.decide(approval).status_code == 200
        return not empty()

    # In a drill, after a minute.
    begin = time.monotonic()
    try:
        eventually(
            lambda: every_panel_has_data() and time.monotonic() >= begin + size(0, 60),
            "every panel has data",
            timeout=90,
            interval=0.5,
        )
    except AssertionError:
        raise AssertionError(f"panels without data: {empty()}") from None
    assert prometheus.firing() == set()
    flow.stop()
    for client in clients:
        client.stop()


# MARK: Alerts


class Trouble:
    """A stack with one fault after the other: the method with an alert's name causes that alert.

    In the order in which they are written: one prepares what the next one needs.
    """

    def __init__(self, stack):
        self.stack = stack
        # The sse-edge's connection to the bus is delayed.
        self.line = CutLine(stack.nats.port)
        url = self.line.url.replace("http", "nats")
        self.edge = stack.add(Service("sse-edge", stack.directory, nats_url=url, heartbeat_interval="1h", log_tail_bytes="64KiB"))
        self.other = stack.edge("websocket-edge")
        self.approvals = approval_service(stack)
        self.services = {
            "sse-edge": [self.edge.wait_ready()], "websocket-edge": [self.other], "event-producer": [stack.producer],
            "approval-api": [self.approvals.wait_ready()], "webhook-dispatcher": [dispatcher(stack).wait_ready()],
        }  # fmt: skip
        self.receiver = Receiver().start()
        self.reader = NotificationStream().connect(self.edge, mint())
        self.first = self.reader.next().id

    def close(self):
        self.line.close()
        self.reader.close()
        self.receiver.stop()

    def webhook_disabled(self):
        """An endpoint answers 410. Another one has taken its ping, and takes nothing more."""
        admin = WebhookClient(self.services["webhook-dispatcher"][0])
        failing = self.receiver.hook("failing")
        admin.created(failing, ["lag.seen"])
        failing.answer = Answer(500)
        self.stack.intake.publish({"type": "lag.seen", "tenant": "acme", "payload": {}})
        admin.create(self.receiver.hook("gone", Answer(410)))
        yield

    def dead_letters(self):
        """An invalid approval request is published on the bus."""
        self.stack.bus.publish("events.acme.approval.requested", b"[]")
        yield

    def approvals_due_soon(self):
        """An approval expires in five minutes."""
        self.stack.intake.publish(requested("due", expiresAt=timestamp(300)))
        yield

    def approvals_wait(self):
        """An approval has been pending for two days."""
        self.stack.intake.publish(requested("old") | {"time": timestamp(-2 * 86_400)})
        yield

    def background_work_stopped(self):
        """An incompatible consumer has the name of approval-api's."""
        name = "approval-decisions"
        other = {"durable_name": name, "deliver_subject": "elsewhere", "deliver_policy": "all", "ack_policy": "none"}

        def is_taken():
            self.stack.bus.delete_consumer(name)
            try:
                self.stack.bus.api(f"CONSUMER.DURABLE.CREATE.{STREAM}.{name}", stream_name=STREAM, config=other)
            except AssertionError:
                # approval-api was faster, and has recreated its consumer.
                return False
            return True

        eventually(is_taken, "the name is taken")
        yield
        self.stack.bus.delete_consumer(name)
        self.approvals.wait_ready()

    def many_laggards(self):
        """Clients that do not read."""
        sleepers = [NotificationStream().connect(self.edge, mint(), receive_buffer=4096) for _ in range(3)]
        for sleeper in sleepers:
            sleeper.next()
        for n in range(20):
            self.stack.intake.publish(numbered(n, padding=200_000))
            self.reader.next_event()
        yield
        for sleeper in sleepers:
            sleeper.close()

    def descriptors_run_out(self):
        """More connections than the limit allows."""
        clients = [SURFACES[1].connect(self.other, mint()) for _ in range(40)]
        for client in clients:
            client.next()
        before = resource.prlimit(self.other.pid, resource.RLIMIT_NOFILE)
        limit = int(self.other.metrics()["process_open_fds"] / 0.93)
        resource.prlimit(self.other.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        yield
        resource.prlimit(self.other.pid, resource.RLIMIT_NOFILE, before)
        for client in clients:
            client.close()

    def feed_lags(self):
        """One process gets events much later than the others."""
        self.line.hold()
        for thousand in range(11):
            self.stack.intake.publish(*(numbered(n, prefix=f"lag-{thousand}") for n in range(1000)))
        yield

    def delivery_slow(self):
        """The delayed events reach the reader."""
        self.line.release()
        for _ in range(11_000):
            self.reader.next_event(timeout=30)
        yield

    def webhooks_lag(self):
        """The other endpoint has refused its event for half a minute."""
        [service] = self.services["webhook-dispatcher"]
        eventually(lambda: service.metrics()["causeway_webhook_lag_seconds"] > 30, "it lags", timeout=60)
        yield

    def clients_miss_events(self):
        """A client resumes after the log has dropped the events that it missed."""
        self.stack.bus.purge(self.stack.bus.state().last_seq)

        def is_told():
            with NotificationStream().connect(self.edge, mint(), cursor=self.first) as client:
                client.next()
            return self.edge.metrics()['causeway_edge_resumes_total{outcome="expired"}']

        eventually(is_told, "the edge tells that events have expired", interval=0.3)
        yield

    def log_replaced(self):
        """The log's stream is deleted and recreated."""
        self.stack.bus.recreate_log()
        yield

    def bus_away(self):
        """nats-server dies."""
        self.stack.nats.kill()
        yield

    def feed_stopped(self):
        """It comes back without its log."""
        self.stack.nats.start(has_jetstream=False)
        yield

    def events_not_accepted(self):
        """A producer publishes meanwhile."""
        assert self.stack.intake.post([numbered(0, prefix="refused")]).status_code == 503
        yield

    def reconnects_to_bus(self):
        """The bus is restarted repeatedly."""
        for _ in range(3):
            self.stack.nats.kill()
            eventually(lambda: self.other.metrics()["causeway_bus_connected"] == 0, "the bus is away")
            self.stack.nats.start()
            self.other.wait_ready()
        yield

    def process_down(self):
        self.other.kill()
        yield


@pytest.mark.timeout(400)
def test_every_alert_fires_when_its_cause_is_there(stack):
    """With a real Prometheus. The rules are those of deploy/prometheus, with shorter durations."""
    trouble = Trouble(stack)
    prometheus = stack.add(Prometheus(stack.directory, trouble.services)).wait_ready()
    eventually(lambda: len(prometheus.query("up == 1")) == len(trouble.services), "all are scraped")
    assert prometheus.firing() == set()
    fired = set()
    for cause in [method for name, method in vars(Trouble).items() if not name.startswith("_") and name != "close"]:
        alert = "Causeway" + cause.__name__.title().replace("_", "")
        for _ in cause(trouble):
            eventually(lambda alert=alert: alert in prometheus.firing(), f"{alert} fires", timeout=30)
        fired.add(alert)
    assert fired == set(alerts()), "an alert is not among them"
    trouble.close()
