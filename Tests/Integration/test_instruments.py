"""The processes' metrics (docs/operating.md), and the dashboards, alert rules and runbooks that use them."""

import re
import resource
import subprocess
import time

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested, timestamp
from causeway_kit.bus import STREAM
from causeway_kit.cut_line import CutLine
from causeway_kit.doctor import make_certificate
from causeway_kit.every_surface import SURFACES
from causeway_kit.follower import Follower
from causeway_kit.intake import Flow, numbered
from causeway_kit.markdown import anchors_of, sections_of
from causeway_kit.programs import COMMANDS
from causeway_kit.prometheus import OTHERS, RULES, RUNBOOKS, Prometheus, alerts, dashboard_queries, metrics_in
from causeway_kit.services import ROOT, Service, is_built
from causeway_kit.sizes import size
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually
from causeway_kit.webhooks import Answer, Receiver, WebhookClient, dispatcher

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")


def authorities(directory, *, ends_in_days=365):
    """Writes a file of authorities for a dispatcher."""
    folder = directory / "authorities"
    folder.mkdir(exist_ok=True)
    make_certificate(folder, ["authority"], ends_in_days=ends_in_days)
    return folder / "certificate.pem"


@pytest.fixture(scope="module")
def services(shared, tmp_path_factory):
    """One instance of each program, with activity for every metric."""
    found = {surface.executable: [shared.shared_edge_of(surface.executable)] for surface in SURFACES}
    found |= {"event-producer": [shared.producer], "approval-api": [approval_service(shared).wait_ready()]}
    certificates = authorities(tmp_path_factory.mktemp("instruments"))
    found |= {"webhook-dispatcher": [dispatcher(shared, webhook_ca_file=certificates).wait_ready()]}
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


def test_each_alert_has_a_runbook_and_each_runbook_an_alert():
    page = "docs/runbooks.md"
    sections = {title: section.text for title, section in sections_of(page).items() if title != "Runbooks"}
    assert list(sections) == list(alerts()), "the sections are in the order of the rules"
    for name, rule in alerts().items():
        anchor = name.lower()
        assert rule["annotations"]["runbook_url"] == f"{{{{ $externalLabels.runbooks }}}}#{anchor}" and anchor in anchors_of(page)
        severity = rule["labels"]["severity"]
        for part in (f"**Meaning** ({severity}).", "**Who is hurt.**", "**First look.**", "| cause | mend |", "**Over when**"):
            assert sections[name].count(part) == 1, f"{name}: {part}"


def asked():
    """(where, metric) of every metric in a rule or a panel."""
    queries = [(name, rule["expr"]) for name, rule in alerts().items()] + dashboard_queries("1m")
    return {(where, metric) for where, query in queries for metric in metrics_in(query)}


def documented():
    """The metrics that docs/operating.md lists. It explains `_others` once for all."""
    return set(re.findall(r"`(causeway_\w+)", (ROOT / "docs/operating.md").read_text()))


def is_documented(metric):
    return re.sub(r"_(bucket|sum|count|others)$", "", metric) in documented()


def test_every_metric_that_is_asked_for_exists(services):
    there = sampled(services) | OTHERS
    # A metric by tenants has samples of the tenants that there are, and always one of all others.
    there |= {metric.removesuffix("_others") for metric in there}
    assert {(where, metric) for where, metric in asked() if metric not in there} == set()


def test_every_metric_that_is_asked_for_is_documented():
    own = {(where, metric) for where, metric in asked() if metric.startswith("causeway_")}
    assert own and {(where, metric) for where, metric in own if not is_documented(metric)} == set()


def test_the_documented_metrics_exist_and_those_that_exist_are_documented(services):
    there = {sample for sample in sampled(services) if sample.startswith("causeway_")}
    assert documented() and {name for name in documented() if not any(sample.startswith(name) for sample in there)} == set()
    assert {sample for sample in there if not is_documented(sample)} == set()


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
    settings = {"heartbeat_interval": "1s", "event_log_tail_bytes": "64KiB"}
    services = {surface.executable: [stack.edge(surface.executable, **settings)] for surface in SURFACES[:2]}
    services |= {"jsonrpc-relay": [stack.edge("jsonrpc-relay")], "event-producer": [stack.producer]}
    certificates = authorities(stack.directory)
    services |= {"approval-api": [approval_service(stack).wait_ready()]}
    services |= {"webhook-dispatcher": [dispatcher(stack, webhook_ca_file=certificates).wait_ready()]}
    prometheus = stack.add(Prometheus(stack.directory, services)).wait_ready()
    clients = [Follower(surface, services[surface.executable], mint(), break_after=lambda: 40).start() for surface in SURFACES]
    flow = Flow(stack.intake, (SURFACES[-1].numbered(n, padding=2000) for n in range(1_000_000)), rate=50, batch=5)
    flow.start()
    admin, hooks = ApprovalClient(services["approval-api"][0]), WebhookClient(services["webhook-dispatcher"][0])
    decided = iter(range(1_000_000))

    def empty():
        return [(panel, query) for panel, query in dashboard_queries("10s") if not prometheus.query(query)]

    def every_panel_has_data():
        approval = f"app_{next(decided)}"
        stack.intake.publish(requested(approval))
        assert admin.decide(approval).status_code == 200
        hooks.endpoints()
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
        self.edge = stack.add(Service("sse-edge", stack.directory, nats_url=url, heartbeat_interval="1h", event_log_tail_bytes="64KiB"))
        self.other = stack.edge("websocket-edge")
        # A share that one tenant uses up with its second request.
        self.approvals = approval_service(stack, name="model", rate_limit=1, rate_burst=1)
        self.dispatcher = dispatcher(stack, webhook_ca_file=authorities(stack.directory))
        self.services = {
            "sse-edge": [self.edge.wait_ready()], "websocket-edge": [self.other], "jsonrpc-relay": [stack.edge("jsonrpc-relay")],
            "event-producer": [stack.producer], "approval-api": [self.approvals.wait_ready()],
            "webhook-dispatcher": [self.dispatcher.wait_ready()],
        }  # fmt: skip
        self.prometheus = stack.add(Prometheus(stack.directory, self.services))
        self.crowd = []
        self.receiver = Receiver().start()
        self.reader = NotificationStream().connect(self.edge, mint())
        self.first = self.reader.next().id

    def close(self):
        self.line.close()
        self.reader.close()
        self.receiver.stop()

    def _repeat(self, job, status, send):
        """Sends requests that get this status, and more of them when Prometheus knows their series, so that it sees an increase."""
        eventually(lambda: send().status_code == status, f"{job} answers {status}")
        series = f'causeway_http_requests_total{{job="{job}",status="{status}"}}'
        eventually(lambda: self.prometheus.query(series), f"{series} is scraped", timeout=30)
        for _ in range(100):
            send()

    def tokens_refused(self):
        """Requests without a token, to a program that gets few others."""
        url = f"{self.approvals.url}/v1/notifications"
        self._repeat("approval-api", 401, lambda: httpx.get(url, timeout=15))
        yield

    def requests_invalid(self):
        """Requests that are malformed, to a program that gets few others."""
        admin = WebhookClient(self.dispatcher)
        self._repeat("webhook-dispatcher", 400, lambda: admin.send("POST", "/v1/webhooks", json=[]))
        yield

    def tenant_floods(self):
        """A tenant sends more requests than its share."""
        greedy = ApprovalClient(self.approvals, "greedy")
        self._repeat("approval-api", 429, greedy.notifications)
        yield

    def certificate_expires(self):
        """The authorities' file is replaced by one that ends soon."""
        authorities(self.stack.directory, ends_in_days=3)
        yield

    def webhook_disabled(self):
        """An endpoint answers 410. Another one has taken its ping, and takes nothing more."""
        admin = WebhookClient(self.dispatcher)
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

    def stream_nearly_full(self):
        """The records of approvals reach the limit of their stream."""
        limit = self.stack.bus.config("APPROVALS").max_bytes
        self.stack.bus.reconfigure("APPROVALS", max_bytes=self.stack.bus.state("APPROVALS").bytes + 10)
        yield
        self.stack.bus.reconfigure("APPROVALS", max_bytes=limit)

    def read_model_rebuilt(self):
        """The file of the read model is removed."""
        (self.stack.directory / "model.sqlite").unlink()
        yield
        self.approvals.wait_ready()

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

    def stream_drops_early(self):
        """The log reaches its size limit long before its age limit."""
        limit = self.stack.bus.config().max_bytes
        self.stack.bus.reconfigure(max_bytes=self.stack.bus.state().bytes)
        yield
        self.stack.bus.reconfigure(max_bytes=limit)

    def descriptors_run_out(self):
        """More connections than the limit allows."""
        self.crowd = [SURFACES[1].connect(self.other, mint()) for _ in range(40)]
        for client in self.crowd:
            client.next()
        before = resource.prlimit(self.other.pid, resource.RLIMIT_NOFILE)
        limit = int(self.other.metrics()["process_open_fds"] / 0.93)
        resource.prlimit(self.other.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        yield
        resource.prlimit(self.other.pid, resource.RLIMIT_NOFILE, before)

    def connections_gone(self):
        """All of them leave, after Prometheus has seen them in one of the steps at which the rule looks."""
        seen = 'max_over_time((sum(causeway_edge_connections{job="websocket-edge"}))[1h:10s]) >= 10'
        eventually(lambda: self.prometheus.query(seen), "the crowd is seen", timeout=60)
        for client in self.crowd:
            client.close()
        yield

    def feed_lags(self):
        """One process gets events much later than the others."""
        self.line.hold()
        for thousand in range(11):
            self.stack.intake.publish(*(numbered(n, prefix=f"lag-{thousand}") for n in range(1000)))
        self.delayed = time.monotonic()
        yield

    def delivery_slow(self):
        """The delayed events reach the reader, seconds after their intake."""
        # The other alert can fire within a third of a second.
        eventually(lambda: time.monotonic() >= self.delayed + 3, "they are late")
        self.line.release()
        for _ in range(11_000):
            self.reader.next_event(timeout=30)
        yield

    def webhooks_lag(self):
        """The other endpoint has refused its event for half a minute."""
        eventually(lambda: self.dispatcher.metrics()["causeway_webhook_lag_seconds"] > 30, "it lags", timeout=60)
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

    def program_gone(self):
        """It leaves the service discovery too."""
        self.prometheus.discover("websocket-edge", [])
        yield


@pytest.mark.timeout(400)
def test_every_alert_fires_when_its_cause_is_there(stack):
    """With a real Prometheus. The rules are those of deploy/prometheus, with shorter durations."""
    trouble = Trouble(stack)
    prometheus = trouble.prometheus.wait_ready()
    eventually(lambda: len(prometheus.query("up == 1")) == len(trouble.services), "all are scraped")
    # Until its first scrapes, every program was absent.
    eventually(lambda: prometheus.firing() == set(), "no alert fires")
    fired = set()
    for cause in [method for name, method in vars(Trouble).items() if not name.startswith("_") and name != "close"]:
        alert = "Causeway" + cause.__name__.title().replace("_", "")
        for _ in cause(trouble):
            eventually(lambda alert=alert: alert in prometheus.firing(), f"{alert} fires", timeout=30)
        fired.add(alert)
    assert fired == set(alerts()), "an alert is not among them"
    assert prometheus.runbooks()["CausewayProgramGone"] == f"{RUNBOOKS}#causewayprogramgone"
    trouble.close()
