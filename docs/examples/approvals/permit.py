"""The executor's half of an approval over HTTP (docs/approvals.md), with nothing but the standard library.

CAUSEWAY_URL is the address of Causeway, CAUSEWAY_TOKEN a token with the role producer.
"""

import hashlib
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from typing import Any
from urllib.parse import quote

_LARGEST = 2**53 - 1


class Refused(Exception):
    """The server refused a request that cannot succeed later; `code` is the error code."""

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code


def digest(action: Any) -> str:
    """The digest of an action: SHA-256 of its canonical form (RFC 8785).

    For what actions are usually made of, Python's JSON has that form: text, whole numbers, true, false, null, arrays, and objects whose names are
    ASCII. Anything else is refused; `causeway approvals digest` takes all JSON.
    """
    _expect_plain(action)
    text = json.dumps(action, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _expect_plain(value: Any) -> None:
    if isinstance(value, dict):
        for name, member in value.items():
            if not (isinstance(name, str) and name.isascii()):
                raise ValueError(f"the name {name!r} of a member is not ASCII")
            _expect_plain(member)
    elif isinstance(value, list):
        for item in value:
            _expect_plain(item)
    elif isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError(f"{value} is beyond the whole numbers that all JSON readers keep")
    elif not (value is None or isinstance(value, str)):
        raise ValueError(f"{value!r} is neither text nor a whole number")


def call(method: str, path: str, body: Any = None, key: str | None = None) -> Any:
    """Sends a request and returns the answer.

    Repeats it for as long as the server is away or asks for patience: only for requests that take effect once.
    """
    headers = {"Authorization": f"Bearer {os.environ['CAUSEWAY_TOKEN']}", "Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    data = None if body is None else json.dumps(body).encode()
    while True:
        request = urllib.request.Request(os.environ["CAUSEWAY_URL"] + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                said = json.load(error)
                raise Refused(said["error"], said["message"]) from None
            time.sleep(float(error.headers.get("Retry-After", "1")))
        except OSError:
            time.sleep(1)


def approval(id: str) -> dict[str, Any]:
    """The whole record of an approval."""
    return call("GET", f"/v1/notifications/approvals/{quote(id, safe='')}")


def consume(id: str, action: Any) -> dict[str, Any]:
    """Takes the permit to execute exactly this action. Raises Refused when it is not approved, is another action, or was consumed before.

    The key is new for each call: a request that is repeated after a lost answer gets the permit again, another process never does.
    """
    path = f"/v1/notifications/approvals/{quote(id, safe='')}/consume"
    return call("POST", path, {"actionDigest": digest(action)}, key=uuid.uuid4().hex)
