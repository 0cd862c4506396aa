"""Verification of webhooks, against the signatures of PyPI's `standardwebhooks`, which was written by others."""

import hmac
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from causeway import WebhookRefused
from causeway.webhooks import verify

SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
NOW = 1_700_000_000
BODY = b'{"type":"incident.created","timestamp":"2024-04-01T14:32:10.000Z","data":{"text":"caf\xc3\xa9 / \\u00e9"}}'


def signed(body=BODY, id="evt_1", secret=SECRET, at=NOW):
    signature = Webhook(secret).sign(id, datetime.fromtimestamp(at, UTC), body.decode())
    return {"Webhook-Id": id, "Webhook-Timestamp": str(at), "Webhook-Signature": signature}


def test_a_vector_of_the_specification():
    """That of the reference libraries, whose payload is no event: the signature is checked first."""
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
    headers["webhook-signature"] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    with pytest.raises(WebhookRefused, match="not an event"):
        verify(b'{"test": 2432232314}', headers, SECRET, now=1614265330)
    with pytest.raises(WebhookRefused, match="no signature"):
        verify(b'{"test": 2432232315}', headers, SECRET, now=1614265330)


def test_a_signature_of_another_implementation_is_verified():
    delivery = verify(BODY, signed(), SECRET, now=NOW)
    assert (delivery.id, delivery.type, delivery.timestamp) == ("evt_1", "incident.created", "2024-04-01T14:32:10.000Z")
    assert delivery.data == json.loads(BODY)["data"]


def test_one_signature_of_several_and_one_secret_of_several_suffice():
    both = signed(secret=OTHER)
    both["Webhook-Signature"] = f"v1a,AAAA nonsense v1,%%% {both['Webhook-Signature']} {signed()['Webhook-Signature']}"
    assert verify(BODY, both, SECRET, now=NOW) == verify(BODY, both, OTHER, now=NOW) == verify(BODY, signed(), [OTHER, SECRET], now=NOW)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"Webhook-Id": "evt_2"}, "no signature"),
        ({"Webhook-Id": ""}, "missing"),
        ({"Webhook-Signature": ""}, "missing"),
        ({"Webhook-Signature": "v1"}, "no signature"),
        ({"Webhook-Signature": "v1,\u00e9"}, "no signature"),
        ({"Webhook-Signature": "v1,\udcff"}, "no signature"),
        ({"Webhook-Id": "evt_\udcff"}, "no signature"),
        ({"Webhook-Signature": signed()["Webhook-Signature"].replace("v1,", "v2,")}, "no signature"),
        ({"Webhook-Timestamp": str(NOW + 1)}, "no signature"),
        ({"Webhook-Timestamp": str(NOW + 301)}, "another time"),
        ({"Webhook-Timestamp": str(NOW - 301)}, "another time"),
        ({"Webhook-Timestamp": "nan"}, "not a time"),
        ({"Webhook-Timestamp": "\u0661"}, "not a time"),
    ],
)
def test_what_was_changed_is_refused(changed, told):
    with pytest.raises(WebhookRefused, match=told) as refusal:
        verify(BODY, signed() | changed, SECRET, now=NOW)
    assert SECRET not in str(refusal.value) and signed()["Webhook-Signature"] not in str(refusal.value)


def test_the_body_is_hashed_once_for_each_secret(monkeypatch):
    hashed, digest = [], hmac.digest
    monkeypatch.setattr(hmac, "digest", lambda *given: hashed.append(given) or digest(*given))
    with pytest.raises(WebhookRefused, match="no signature"):
        verify(BODY, signed() | {"Webhook-Signature": "v1,AAAA " * 2000}, [SECRET, OTHER], now=NOW)
    assert len(hashed) == 2


def test_another_secret_and_another_body_are_refused():
    for body, secret in ((BODY + b" ", SECRET), (BODY, OTHER)):
        with pytest.raises(WebhookRefused, match="no signature"):
            verify(body, signed(), secret, now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_\u00e9", "whsec_%%%"])
def test_a_secret_that_cannot_be_one_is_a_mistake_of_the_caller(secret):
    with pytest.raises(ValueError, match="whsec_ and base64"):
        verify(BODY, signed(), secret, now=NOW)
