"""Publishing through the HTTP intake (contract §10)."""

import itertools
import json
import threading
import time

import httpx

from .tokens import producer_token
from .waiting import pause


class Intake:
    """A producer with a service token that may publish for every tenant."""

    def __init__(self, service, token=None):
        self.service = service
        self.token = token or producer_token()
        self.client = httpx.Client(timeout=15)

    def close(self):
        self.client.close()

    def post(self, content, *, content_type="application/json", token=None, path="/v1/events", headers=None):
        """Sends one raw request; `content` is bytes, or a value to encode as JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        fields = {"Authorization": f"Bearer {token or self.token}", "Content-Type": content_type} | (headers or {})
        return self.client.post(self.service.url + path, content=body, headers=fields)

    def publish(self, *events):
        """Publishes events of the native form, all at once, and returns their cursors."""
        response = self.post(list(events))
        assert response.status_code == 202, f"{response.status_code} {response.text}"
        answer = response.json()
        assert answer["accepted"] == len(answer["ids"]) == len(events), f"accepted something else than was sent: {answer}"
        return answer["ids"]

    def publish_surely(self, events, timeout=60):
        """Publishes through any outage: retries the same events, with ids, until they are acknowledged."""
        assert all("id" in event for event in events), "only events with an id can be sent twice"
        deadline = time.monotonic() + timeout
        while True:
            try:
                response = self.post(events)
                failure = f"{response.status_code} {response.text}"
                if response.status_code == 202:
                    ids = response.json()["ids"]
                    assert len(ids) == len(events), f"{len(events)} events have got {len(ids)} cursors"
                    return ids
                assert response.status_code == 503, f"an outage is answered with 503, not {failure}"
                assert "retry-after" in response.headers, "503 without Retry-After"
            except httpx.TransportError as error:
                failure = repr(error)
            assert time.monotonic() < deadline, f"not accepted within {timeout} s: {failure}"
            # The pace of a retrying producer: the outage's end is what its next attempt finds out.
            pause(0.1)


def numbered(number, tenant="acme", *, user=None, type="load.tick", padding=0, prefix="n"):
    """Returns an event with its number in the payload."""
    event = {"type": type, "tenant": tenant, "id": f"{prefix}-{number}", "payload": {"n": number}}
    if user is not None:
        event["user"] = user
    if padding:
        event["payload"]["padding"] = "x" * padding
    return event


class Flow(threading.Thread):
    """Publishes events in the background, in order, some at a time and through any outage, until all are acknowledged.

    `rate`: events a second, None for as fast as it goes. `ids`: the cursors of those that are acknowledged.
    """

    def __init__(self, intake, events, *, rate=None, batch=100):
        super().__init__(name="flow of events", daemon=True)
        self._intake, self._events, self._rate, self._batch = intake, events, rate, batch
        self._failure = None
        self._stopped = threading.Event()
        self.ids = []

    @property
    def accepted(self):
        """How many are acknowledged."""
        return len(self.ids)

    def run(self):
        try:
            events, begin = iter(self._events), time.monotonic()
            while not self._stopped.is_set() and (batch := list(itertools.islice(events, self._batch))):
                self.ids += self._intake.publish_surely(batch)
                if self._rate:
                    self._stopped.wait(max(0.0, begin + self.accepted / self._rate - time.monotonic()))
        except BaseException as failure:  # it is raised again in the test's own thread
            self._failure = failure

    def finish(self, timeout):
        """Waits until all are acknowledged."""
        self.join(timeout)
        if self._failure:
            raise self._failure
        assert not self.is_alive(), f"only {self.accepted} events were accepted within {timeout} s"

    def stop(self):
        """Stops publishing."""
        self._stopped.set()
        self.finish(60)
