#!/usr/bin/env python3
"""A receiver of webhooks (docs/webhook-commands.md): verifies each delivery, answers it, and prints what came.

WEBHOOK_SECRET=whsec_… python3 docs/examples/webhook-receiver.py 8090

WEBHOOK_SECRET_FILE names a file with the secret instead. It is read for each delivery: it may appear, or change, after the receiver has started.
"""

import os
import sys
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

from standardwebhooks import Webhook, WebhookVerificationError

#: A payload has at most 256 KiB; the envelope is small.
MAXIMUM_BYTES = 300 * 1024
#: How many ids are remembered. A repetition has the id of the first delivery, so it can be told apart.
REMEMBERED = 10_000

_seen, _lock = OrderedDict(), Lock()


def secret() -> str | None:
    """The endpoint's secret; None while there is none."""
    file = os.environ.get("WEBHOOK_SECRET_FILE")
    try:
        return Path(file).read_text().strip() if file else os.environ.get("WEBHOOK_SECRET")
    except OSError:
        return None


def is_new(message: str) -> bool:
    """Whether a message is seen for the first time. A receiver that must survive restarts keeps the ids with its data, in one transaction."""
    with _lock:
        if message in _seen:
            return False
        _seen[message] = None
        if len(_seen) > REMEMBERED:
            _seen.popitem(last=False)
        return True


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: Seconds after which a connection that sends nothing is closed.
    timeout = 60

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAXIMUM_BYTES:
            return self.answer(413, close=True)
        body = self.rfile.read(int(length))
        if not (key := secret()):
            return self.answer(503, ("retry-after", "1"))
        try:
            # The signature is of the bytes as they came: verify these, not JSON that was parsed and written again.
            event = Webhook(key).verify(body, dict(self.headers))
        except WebhookVerificationError as refusal:
            print("refused:", refusal, flush=True)
            return self.answer(401)
        message = self.headers["webhook-id"]
        if is_new(message):
            print(message, event["type"], event["data"], flush=True)
        else:
            print(message, "again", flush=True)
        # Only 2xx counts as delivered, and only within 15 s: work that takes longer is queued, and done after the answer.
        return self.answer(204)

    def answer(self, status: int, *fields: tuple[str, str], close: bool = False) -> None:
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", "0")
        if close:
            self.send_header("connection", "close")
        self.end_headers()

    def log_message(self, *_) -> None:
        """Prints no line for each request: what came is printed above."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8090), Receiver)
    print("receiving at http://127.0.0.1:%d/" % server.server_port, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(130)
