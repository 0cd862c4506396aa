"""What one tenant sees of a deployment while something else goes on: delays, gaps, and whether anything is lost."""

import statistics
import threading
import time

import httpx

from .approvals import ApprovalClient, requested
from .intake import Intake
from .relay import RelayClient, request
from .surfaces import NotificationStream, Opened
from .tokens import mint
from .workspace import WorkspaceStream

#: Between two measurements of one kind. Far below every share of a tenant.
_PACE = 0.1
#: A delay that counts as an outage.
_PATIENCE = 20.0
_INCIDENT = "inc_probe"


class Delays:
    """Durations of one kind of thing, in seconds, and when each of them ended."""

    def __init__(self):
        self._begin = time.monotonic()
        self._values = []

    def add(self, seconds):
        self._values.append((time.monotonic() - self._begin, seconds))

    @property
    def count(self):
        return len(self._values)

    def p99(self, after=0.0):
        """In milliseconds, of what ended at least `after` seconds after the beginning; of fewer than a hundred values the greatest."""
        values = [seconds for moment, seconds in self._values if moment >= after]
        if len(values) < 2:
            return 1000 * max(values, default=float("nan"))
        return 1000 * statistics.quantiles(values, n=100, method="inclusive")[98]


class Probe:
    """A quiet tenant at every surface. `with Probe(...) as probe:` measures until the block ends; then `check()`.

    `publish`: from the intake's request to the event on a stream, the slowest surface counts; `decision`: a POST that decides an
    approval; `handshake`: from connecting to the opening of a stream.
    """

    def __init__(self, producer, approvals, sse, workspace, relay, tenant="quiet"):
        self._producer, self._approvals, self._sse, self._workspace, self._relay = producer, approvals, sse, workspace, relay
        self._tenant = tenant
        self.publish, self.decision, self.handshake = Delays(), Delays(), Delays()
        self.faults = []
        self._stopped = threading.Event()
        self._threads = []

    def __enter__(self):
        self._streams = [
            NotificationStream().connect(self._sse, mint(self._tenant)),
            WorkspaceStream().connect(self._workspace, mint(self._tenant)),
        ]
        for stream in self._streams:
            assert isinstance(stream.next(), Opened)
        self._client = RelayClient(self._relay, mint(self._tenant))
        self._client.result("investigation.subscribe", {"incidentId": _INCIDENT})
        for measure in (self._publish, self._decide, self._shake_hands):
            thread = threading.Thread(target=self._repeat, args=(measure,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_):
        self._stopped.set()
        for thread in self._threads:
            thread.join(3 * _PATIENCE)
        for stream in self._streams:
            stream.close()
        self._client.close()

    def _repeat(self, measure):
        number = 0
        with httpx.Client(timeout=_PATIENCE) as http:
            while not self._stopped.is_set():
                number += 1
                try:
                    measure(http, number)
                except (AssertionError, OSError, httpx.HTTPError, KeyError, ValueError) as fault:
                    self.faults.append(f"{measure.__name__.strip('_')} {number}: {fault!r}"[:400])
                    if len(self.faults) > 20:
                        return
                self._stopped.wait(_PACE)

    def _publish(self, http, number):
        payload = {"incidentId": _INCIDENT, "message": "m", "agentName": "a", "n": number}
        event = {"type": "investigation.progress", "id": f"probe-{id(self)}-{number}", "payload": payload}
        token = mint(self._tenant, user="svc_probe", roles=("producer",))
        begin = time.monotonic()
        answer = http.post(f"{self._producer.url}/v1/events", json=event, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
        # Its answer is passed over below; a client that says nothing for a minute is closed.
        self._client.ws.send_text(request("ping", {}, id=f"ping-{number}"))
        for stream in self._streams:
            while True:
                message = stream.next_event(_PATIENCE)
                if message.payload.get("n") == number and message.type == "investigation.progress":
                    break
                assert message.type != "investigation.progress", f"{stream.surface}: {message.payload} instead of {number}"
        while (message := self._client.next(_PATIENCE)).get("method") != "investigation.progress":
            pass
        assert message["params"]["n"] == number, f"relay: {message['params']} instead of {number}"
        self.publish.add(time.monotonic() - begin)

    def _decide(self, http, number):
        name = f"apr-{id(self)}-{number}"
        producer = Intake(self._producer, mint(self._tenant, user="svc_probe", roles=("producer",)))
        try:
            producer.publish(requested(name, self._tenant))
        finally:
            producer.close()
        client = ApprovalClient(self._approvals, self._tenant, client=http)
        begin = time.monotonic()
        answer = client.decide(name)
        self.decision.add(time.monotonic() - begin)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"

    def _shake_hands(self, http, number):
        surface, edge = ((NotificationStream(), self._sse), (WorkspaceStream(), self._workspace))[number % 2]
        begin = time.monotonic()
        with surface.connect(edge, mint(self._tenant, user=f"usr_{number}")) as stream:
            first = stream.next(_PATIENCE)
            self.handshake.add(time.monotonic() - begin)
            assert isinstance(first, Opened), f"{surface}: {first}"

    def check(self):
        """Nothing was lost, refused, out of order or reported as a gap."""
        assert not self.faults, f"{len(self.faults)} faults of the probe\n" + "\n".join(self.faults[:20])
        for what in (self.publish, self.decision, self.handshake):
            assert what.count, "nothing was measured"
