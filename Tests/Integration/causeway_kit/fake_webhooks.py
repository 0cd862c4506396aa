"""A stand-in for webhook-dispatcher in tests of a page alone: REST of contract §14 from memory. It delivers nothing."""

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .approvals import timestamp


def event_id(number):
    """An id that has the form of an event's."""
    return f"evt_{number:026d}"


class FakeWebhooks:
    """A server for one tenant: `endpoints` and `attempts` by endpoint's id, `requests` as they came, the `failure` of all of them, a status, and
    the number of events that a replay would send."""

    def __init__(self):
        self.endpoints, self.attempts, self.requests, self.failure, self.waiting = {}, {}, [], None, 12
        self._numbers = itertools.count()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.fake = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self):
        return self._server.server_port

    def add(self, url, state="enabled", **more):
        """Registers an endpoint in a state, and returns it."""
        id = f"whk_{next(self._numbers):026d}"
        states = {
            "pending": {"since": timestamp(-60), "failures": 0, "retryAt": timestamp(5)},
            "enabled": {},
            "failing": {"since": timestamp(-600), "failures": 3, "retryAt": timestamp(1800)},
            "disabled": {"since": timestamp(-600), "reason": "gone"},
        }
        endpoint = {"id": id, "url": url, "types": ["incident.*"], "ordered": True, "createdAt": timestamp(-3600), "cursor": event_id(7)}
        self.endpoints[id] = endpoint | {"state": {"name": state} | states[state]} | more
        return self.endpoints[id]

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method, path, body):
        """The status and the document for a request of an admin."""
        if self.failure:
            return self.failure, {"error": "service_unavailable", "message": "The log is out of reach: retry in 2 s."}
        _, _, id, action = [*path.split("?")[0].removeprefix("/").split("/"), None, None][:4]
        if id is None:
            if method == "GET":
                return 200, {"items": list(self.endpoints.values()), "nextCursor": None}
            if not body["url"].startswith("https://"):
                return 400, {"error": "validation_error", "message": "url: must begin with https://"}
            return 201, self.add(state="pending", **body) | {"secret": "whsec_first"}
        endpoint = self.endpoints.get(id)
        if endpoint is None:
            return 404, {"error": "not_found", "message": "There is no such webhook endpoint: check the id."}
        if method == "DELETE":
            del self.endpoints[id]
            return 204, None
        if method == "PATCH":
            enabled = body.pop("enabled", None)
            endpoint.update(body)
            if enabled is False:
                endpoint["state"] = {"name": "disabled", "since": timestamp(0), "reason": "requested"}
        if action == "replay":
            begin = event_id(int(body["from"][4:]) - 1) if body and "from" in body else event_id(2)
            if method == "GET":
                return 200, {"from": begin, "to": endpoint["cursor"], "events": self.waiting, "more": False}
            endpoint["replay"] = {"requestedAt": timestamp(0), "from": begin, "to": endpoint["cursor"]}
            endpoint["cursor"] = begin
        if action == "resend":
            if body["event"] > endpoint["cursor"]:
                return 409, {"error": "conflict", "message": "The endpoint is ordered and has not come to this event."}
            attempt = {"id": body["event"], "type": "incident.created", "startedAt": timestamp(0), "durationMs": 17, "status": 204, "answer": ""}
            self.attempts.setdefault(id, []).insert(0, attempt)
            return 200, {"delivered": True, "attempt": attempt}
        if action == "attempts":
            return 200, {"attempts": self.attempts.get(id, [])}
        if action == "enable":
            endpoint["state"] = {"name": "pending", "since": timestamp(0), "failures": 0, "retryAt": timestamp(0)}
        if action == "test":
            attempt = {"id": event_id(9), "type": "webhook.ping", "startedAt": timestamp(0), "durationMs": 131, "status": 503, "answer": "busy"}
            self.attempts.setdefault(id, []).insert(0, attempt)
            return 200, {"delivered": False, "attempt": attempt}
        return 200, endpoint | ({"secret": "whsec_second"} if action == "secret" else {})


class _Handler(BaseHTTPRequestHandler):
    def _handle(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        fake = self.server.fake
        if self.command != "GET":
            fake.requests.append((self.command, self.path, body, self.headers.get("Idempotency-Key")))
        status, document = fake.answer(self.command, self.path, body)
        content = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle

    def log_message(self, *_):
        pass
