"""A deployment with traffic for the on-call exercise, and what a person on call sees of it (docs/on-call-exercise.md)."""

import contextlib
import itertools
import json
import threading
from dataclasses import dataclass, field

import httpx

from .approvals import approval_service
from .doctor import Visit, make_certificate
from .prometheus import Prometheus, dashboard_queries
from .proxy import Nginx
from .services import command
from .sse import SSEConnection
from .surfaces import NotificationStream
from .tokens import expect_no_token, mint, producer_token
from .waiting import eventually
from .webhooks import dispatcher

#: Longer than the exercise takes, and shorter than the step of the clock.
_LIFETIME = 2 * 3600


class Client(threading.Thread):
    """Follows the notification stream at an address, and connects again after each end, also when it is refused."""

    def __init__(self, url, user):
        super().__init__(name=f"client of {user}", daemon=True)
        self._url, self._token = url + NotificationStream.path, mint(user=user, lifetime=_LIFETIME)
        self._over, self._leaves = threading.Event(), threading.Event()
        self._cursor = ""
        self.status, self.is_open = None, False

    def run(self):
        while not self._over.is_set():
            with contextlib.suppress(OSError):
                self._follow()
            self.is_open = False
            self._over.wait(0.2)

    def _follow(self):
        headers = {"Last-Event-ID": self._cursor} if self._cursor else {}
        with SSEConnection(self._url, token=self._token, headers=headers, timeout=5, pings=True) as connection:
            self.status = connection.status
            self.is_open = self.status == 200
            while self.is_open and not self._over.is_set() and not self._leaves.is_set():
                with contextlib.suppress(TimeoutError):
                    block = connection.next_block(0.5)
                    if block is None:
                        break
                    self._cursor = block.id or self._cursor
        self._leaves.clear()

    def reconnect(self):
        """Leaves the connection, and comes back."""
        self._leaves.set()

    def stop(self):
        self._over.set()
        self.join(timeout=20)


class Traffic(threading.Thread):
    """Publishes events of a tenant without an end, one request after another. Keeps the statuses of the answers."""

    def __init__(self, url, tenant, *, batch, interval):
        super().__init__(name=f"traffic of {tenant}", daemon=True)
        self._url, self._tenant, self._batch, self._interval = f"{url}/v1/events", tenant, batch, interval
        self._over = threading.Event()
        #: The id of the last event that was accepted, and the status of the last answer.
        self.last, self.status = None, None

    def run(self):
        headers = {"Authorization": f"Bearer {producer_token(lifetime=_LIFETIME)}"}
        numbers = itertools.count()
        with httpx.Client(timeout=15, headers=headers) as client:
            while not self._over.is_set():
                events = [{"type": "load.tick", "tenant": self._tenant, "payload": {"n": next(numbers)}} for _ in range(self._batch)]
                with contextlib.suppress(httpx.HTTPError):
                    answer = client.post(self._url, json=events)
                    self.status = answer.status_code
                    if self.status == 202:
                        self.last = answer.json()["ids"][-1]
                self._over.wait(self._interval)

    def stop(self):
        self._over.set()
        self.join(timeout=20)


@dataclass
class Look:
    """The arguments of `why` and `doctor` during an incident, and further commands of the runbook."""

    #: The event and the user that `why` is asked about.
    event: str
    user: str = "ann"
    #: The address that the doctor visits; by default that of the proxy.
    url: str | None = None
    #: More arguments of the doctor.
    doctor: tuple = ()
    #: Further commands of the runbook, each with what it printed.
    commands: dict = field(default_factory=dict)


@dataclass
class Seen:
    """What was seen while an incident lasted."""

    alerts: set
    #: The reasons of the processes that are not ready, by process and condition.
    readiness: dict
    #: The doctor's findings that are faults, by check.
    faults: dict
    #: The exit code and the text of `why`.
    why: tuple
    #: What changed in a panel: by panel and labels, the figures before and now.
    panels: dict
    commands: dict


class Deployment:
    """All services behind nginx, two of the sse-edge, twelve clients, steady traffic, and Prometheus with the project's rules."""

    def __init__(self, stack, clock, window):
        """`clock`: the settings under which one edge has its own clock."""
        self.stack, self.bus = stack, stack.bus
        self.edges = [stack.edge(heartbeat_interval="2s"), stack.edge(heartbeat_interval="2s", **clock)]
        self.approvals = approval_service(stack)
        self.authorities = stack.directory / "authorities"
        self.authorities.mkdir()
        make_certificate(self.authorities, ["authority"], ends_in_days=365)
        self.dispatcher = dispatcher(stack, webhook_ca_file=self.authorities / "certificate.pem")
        self.services = {
            "sse-edge": self.edges, "websocket-edge": [stack.edge("websocket-edge", heartbeat_interval="2s")],
            "jsonrpc-relay": [stack.edge("jsonrpc-relay", heartbeat_interval="2s")], "approval-api": [self.approvals.wait_ready()],
            "event-producer": [stack.producer], "webhook-dispatcher": [self.dispatcher.wait_ready()],
        }  # fmt: skip
        self.proxy = stack.add(Nginx(stack.directory, self.services)).wait_ready()
        self.prometheus = stack.add(Prometheus(stack.directory, self.services, window=window)).wait_ready()
        self.clients = [Client(self.proxy.url, user) for user in ("ann", *(f"usr_{n}" for n in range(11)))]
        self.traffic = Traffic(stack.producer.url, "acme", batch=2, interval=0.1)

    def __enter__(self):
        for thread in (*self.clients, self.traffic):
            thread.start()
        self.wait_for_clients()
        return self

    def __exit__(self, *_):
        for thread in (self.traffic, *self.clients):
            thread.stop()

    @property
    def instances(self):
        return [instance for several in self.services.values() for instance in several]

    def wait_for_clients(self):
        eventually(lambda: all(client.is_open for client in self.clients), "all clients have streams", timeout=60)

    def wait_until_ready(self):
        for instance in self.instances:
            instance.wait_ready(timeout=60)

    def accepted(self):
        """The id of an event that is accepted after this call."""
        before = self.traffic.last
        return eventually(lambda: self.traffic.last if self.traffic.last != before else None, "an event is accepted", timeout=60)

    # What a person on call looks at.

    def wait_for_quiet(self):
        """Waits until all processes are scraped, and no alert fires."""

        def is_quiet():
            return len(self.prometheus.query("up == 1")) == len(self.instances) and not self.prometheus.firing()

        eventually(is_quiet, "no alert fires", timeout=120, interval=0.3)

    def wait_for_alerts(self, names):
        """Waits until these alerts have fired, or for a minute, and returns all that have: some fire for half a minute only."""
        fired = set()

        def have_fired():
            fired.update(self.prometheus.firing())
            return fired.issuperset(names)

        with contextlib.suppress(AssertionError):
            eventually(have_fired, "the alerts fire", timeout=60, interval=0.3)
        return fired

    def look(self, look, fired, panels, before):
        """What is seen now; `fired`: the alerts until now; `before`: what the panels showed before the incident."""
        return Seen(
            alerts=fired | self.prometheus.firing(),
            readiness=self._readiness(),
            # Before the doctor, whose streams would be among them.
            panels={panel: _changes(before[panel], now) for panel, now in self.figures(panels).items()},
            faults=self._doctor(look),
            why=self._why(look),
            commands=look.commands,
        )

    def figures(self, panels):
        """What panels show, by their name and the labels of a figure."""
        queries = [(panel, query) for panel, query in dashboard_queries("10s") if panel in panels]
        assert {panel for panel, _ in queries} == set(panels), "a panel has another name"
        found = {panel: {} for panel in panels}
        for number, (panel, query) in enumerate(queries):
            for sample in self.prometheus.query(query):
                # The queries of a panel may have the same labels.
                found[panel][f"{self._labels(sample)} ({number})"] = float(sample["value"][1])
        return found

    def _labels(self, sample):
        """The values of its labels, with the name of the process for an instance."""
        names = {f"127.0.0.1:{instance.admin_port}": instance.name for instance in self.instances}
        return " ".join(names.get(value, value) for name, value in sample.get("metric", {}).items() if name not in ("__name__", "job"))

    def _readiness(self):
        found = {}
        for instance in self.instances:
            try:
                answer = httpx.get(f"{instance.admin_url}/readyz", timeout=10)
            except httpx.HTTPError as error:
                found[instance.name] = {"": type(error).__name__}
                continue
            if answer.status_code != 200:
                found[instance.name] = {one["name"]: one.get("reason") for one in answer.json()["conditions"] if not one["ready"]}
        return found

    def _doctor(self, look):
        report = Visit(look.url or self.proxy.url, mint(user="doctor"), ("--idle-seconds", "3", *look.doctor)).start().report()
        return report.faults

    def _why(self, look):
        edges = ",".join(instance.admin_url for name in ("sse-edge", "websocket-edge", "jsonrpc-relay") for instance in self.services[name])
        arguments = ("why", "--event", look.event, "--user", look.user, "--edges", edges)
        done = command("causeway", *arguments, causeway_url=self.stack.producer.url, causeway_token=producer_token())
        text = (done.stdout + done.stderr).decode()
        expect_no_token("why", text)
        return done.returncode, text

    def run(self, *arguments, **settings):
        """Runs `causeway` as an administrator of the tenant, and returns what it printed."""
        done = command("causeway", *arguments, **({"causeway_token": mint(user="olga", roles=("admin",))} | settings))
        text = (done.stdout + done.stderr).decode()
        expect_no_token("causeway", text)
        return f"exit code {done.returncode}\n{text}"


def _changes(before, now):
    """The figures that are others than before, or new, or gone."""
    names = sorted({*before, *now})
    return {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}


def as_text(name, seconds, seen):
    """What was seen of an incident, for the drill's output."""
    lines = [f"\n=== {name}: seen after {seconds[0]:.0f} s, over {seconds[1]:.0f} s after it was undone", f"alerts: {', '.join(sorted(seen.alerts))}"]
    lines += [f"readyz: {process}: {json.dumps(conditions)}" for process, conditions in seen.readiness.items()] or ["readyz: all ready"]
    lines += [f"doctor: {check}: {sentence}" for check, sentence in seen.faults.items()] or ["doctor: no fault"]
    lines += [f"why: exit code {seen.why[0]}: {line}" for line in seen.why[1].splitlines()]
    for panel, changes in seen.panels.items():
        lines += [f"panel: {panel}: {labels}: {_number(old)} -> {_number(new)}" for labels, (old, new) in changes.items()]
    for run, text in seen.commands.items():
        lines += [f"{run}: {line}" for line in text.splitlines()]
    return "\n".join(lines)


def _number(value):
    return "none" if value is None else f"{value:.3g}"
