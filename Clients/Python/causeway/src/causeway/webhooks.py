"""Verification of webhooks (Standard Webhooks 1.0; contract §14)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import WebhookRefused

_PREFIX = "whsec_"


@dataclass(frozen=True)
class Delivery:
    """A verified webhook."""

    #: The event's id. The same event may be delivered again: with the same id.
    id: str
    type: str
    #: The event's time, as in the body.
    timestamp: str
    #: The payload.
    data: Any


def verify(
    body: bytes, headers: Mapping[str, str], secrets: str | Sequence[str], *, tolerance: float = 300, now: float | None = None
) -> Delivery:
    """Verifies a webhook, and returns what it delivers. Raises WebhookRefused: answer with 400, and use nothing of it.

    `body`: the bytes of the request, before anything has parsed them. `headers`: in any case of letters. `secrets`: that of the endpoint
    (`whsec_…`), or the present and the former one after a rotation of your own. `tolerance`: seconds by which the sender's clock may differ
    from this one's, whose time is `now`, in seconds since 1970.
    """
    fields = {name.lower(): value for name, value in headers.items()}
    id, sent_at, signatures = (fields.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (id and sent_at and signatures):
        raise WebhookRefused("webhook-id, webhook-timestamp or webhook-signature is missing: this is no webhook, or a proxy has removed them")
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 15):
        raise WebhookRefused("webhook-timestamp is not a time in seconds")
    if abs((time.time() if now is None else now) - int(sent_at)) > tolerance:
        raise WebhookRefused("the webhook was sent at another time: it was repeated by somebody, or the clock of one side is wrong")
    signed = _encoded(f"{id}.{sent_at}.") + body
    given = [_encoded(value) for version, _, value in (part.partition(",") for part in signatures.split(" ")) if version == "v1"]
    # Hash the body once for each secret: the sender, who is not verified yet, decides how many signatures the header has.
    expected = [_signature(secret, signed) for secret in _listed(secrets)]
    # All are compared, each in constant time.
    matches = [hmac.compare_digest(signature, value) for signature in expected for value in given]
    if not any(matches):
        raise WebhookRefused("no signature is one of this secret: check that it is the endpoint's, and that nothing has parsed the body before")
    try:
        content = json.loads(body)
        return Delivery(id, content["type"], content["timestamp"], content["data"])
    except (ValueError, KeyError, TypeError):
        raise WebhookRefused("the body is not an event: only Causeway's webhooks have type, timestamp and data") from None


def _encoded(text: str) -> bytes:
    # Some servers pass bytes of a header that are no UTF-8 on as surrogates.
    return text.encode(errors="surrogateescape")


def _listed(secrets: str | Sequence[str]) -> Sequence[str]:
    return (secrets,) if isinstance(secrets, str) else secrets


def _signature(secret: str, signed: bytes) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError(f"the secret of a webhook is {_PREFIX} and base64, as the answer that created the endpoint had it") from None
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
