"""Invalid requests: each gets its status, its code, and a message that says what to do, and stores nothing (contract §1, §4, §10)."""

import base64
import hashlib
import hmac
import json
import re
import time
from dataclasses import dataclass, field

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from causeway_kit.doorways import DOORS, door_name
from causeway_kit.stack import Stack
from causeway_kit.tokens import SECRET, mint, producer_token

STREAM = "/v1/notifications/stream"
EVENTS = "/v1/events"
#: The id of an event of another log.
ABSENT_EVENT = "evt_01HX9VTPQR3KF0MZWBYD5N6JCE"
CODES = {
    400: "validation_error", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
    413: "payload_too_large", 415: "unsupported_media_type",
}  # fmt: skip


@dataclass
class Wrong:
    """A request, its expected status, and words that the message must contain."""

    name: str
    status: int
    says: str
    path: str = EVENTS
    method: str = "POST"
    token: str | None = None
    headers: dict = field(default_factory=dict)
    content: bytes = b""

    def __str__(self):
        return self.name


# MARK: Tokens that no surface accepts


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def claims(**changes):
    everything = {"sub": "usr_1", "tenant_id": "acme", "roles": ["member", "producer"], "exp": int(time.time()) + 6 * 3600} | changes
    return {name: value for name, value in everything.items() if value is not None}


def signed(secret=SECRET, algorithm="HS256", headers=None, **changes):
    # PyJWT checks some claims' types itself when it encodes; a token is put together by hand where it would refuse.
    head = {"alg": algorithm, "typ": "JWT"} | (headers or {})
    signer = jwt.get_algorithm_by_name(algorithm)
    message = f"{encoded(head)}.{encoded(claims(**changes))}"
    signature = signer.sign(message.encode(), signer.prepare_key(secret))
    return f"{message}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def written(header='{"alg":"HS256","typ":"JWT"}', body=None):
    """Signs a token with these JSON texts: for JSON that no encoder writes."""
    parts = [header if isinstance(header, bytes) else header.encode(), body if isinstance(body, bytes) else (body or claims_text()).encode()]
    message = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.new(SECRET.encode(), message, hashlib.sha256).digest()
    return (message + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def claims_text(**members):
    """Claims as text; `members` are JSON texts that come first."""
    return "{" + "".join(f'"{name}":{value},' for name, value in members.items()) + json.dumps(claims())[1:]


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
# When the tests were collected, which may be long before this file's turn.
NOW = int(time.time())


def token_rows():
    good = signed()
    head, body, signature = good.split(".")
    forged = f"{head}.{encoded(claims(tenant_id='victim'))}.{signature}"
    texts = [
        ("alg twice", written('{"alg":"none","alg":"HS256"}'), "already"),
        ("kid twice", written('{"alg":"HS256","kid":"a","kid":"b"}'), "already"),
        ("a member twice deep in the header", written('{"alg":"HS256","x":[{"a":1,"a":2}]}'), "already"),
        ("sub twice", written(body=claims_text(sub='"root"')), "already"),
        ("tenant_id twice", written(body=claims_text(tenant_id='"victim"')), "already"),
        ("roles twice, once escaped", written(body=claims_text(**{"rol\\u0065s": '["admin"]'})), "already"),
        ("exp twice", written(body=claims_text(exp="99999999999")), "already"),
        ("a member twice deep in the claims", written(body=claims_text(x='{"y":{"a":1,"a":1}}')), "already"),
        ("claims that are not UTF-8", written(body=claims_text(x='"?"').encode().replace(b"?", b"\xff")), "JSON"),
        ("claims in UTF-16", written(body=claims_text().encode("utf-16")), "JSON"),
        ("claims behind a byte order mark", written(body=b"\xef\xbb\xbf" + claims_text().encode()), "JSON"),
        ("claims with half a surrogate pair", written(body=claims_text(x='"\\ud800"')), "surrogate"),
        ("claims nested 1,000 deep", written(body=claims_text(x="[" * 1000 + "]" * 1000)), "JSON"),
        ("crit names an extension", written('{"alg":"HS256","crit":["exp"]}'), "crit"),
        ("crit is empty", written('{"alg":"HS256","crit":[]}'), "crit"),
        ("crit is null", written('{"alg":"HS256","crit":null}'), "crit"),
    ]  # fmt: skip
    tokens = [
        ("two parts", f"{head}.{body}", "JWT|token"),
        ("no signature", f"{head}.{body}.", "signature|token"),
        ("not base64url", "!!!.???.***", "token|Bearer"),
        ("not JSON inside", f"{base64.urlsafe_b64encode(b'hello').decode().rstrip('=')}.{body}.{signature}", "JWT|token"),
        ("another tenant under an old signature", forged, "signature"),
        ("signed with another secret", signed(secret="another-secret-of-sufficient-length-for-hmac-256"), "signature"),
        ("alg none", f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{body}.", "algorithm|signature|token"),
        ("alg NoNe with a signature", f"{encoded({'alg': 'NoNe'})}.{body}.{signature}", "algorithm|token"),
        ("alg missing", f"{encoded({'typ': 'JWT'})}.{body}.{signature}", "JWT|algorithm|token"),
        ("HS384 with the HS256 secret", signed(algorithm="HS384"), "algorithm"),
        ("HS512 with the HS256 secret", signed(algorithm="HS512"), "algorithm"),
        ("RS256 with a key nobody configured", signed(pem(OTHER_RSA_KEY), "RS256"), "algorithm|key"),
        ("ES256 with a key nobody configured", signed(pem(EC_KEY), "ES256"), "algorithm|key"),
        ("expired", signed(exp=NOW - 1), "expired"),
        ("expired long ago", signed(exp=1), "expired"),
        ("no exp", signed(exp=None), "exp"),
        ("exp is a text", signed(exp="tomorrow"), "exp|JWT|token"),
        ("exp is null", f"{head}.{encoded(claims() | {'exp': None})}.x", "signature|exp|token"),
        ("nbf beyond the leeway", signed(nbf=NOW + 3 * 3600), "not valid yet|not yet|nbf|future"),
        ("iat beyond the leeway", signed(iat=NOW + 3 * 3600), "not valid yet|not yet|iat|future"),
        ("no sub", signed(sub=None), "sub"),
        ("an empty sub", signed(sub=""), "sub"),
        ("no tenant", signed(tenant_id=None), "tenant"),
        ("an empty tenant", signed(tenant_id=""), "tenant"),
        ("a tenant that is a number", signed(tenant_id=42), "tenant|JWT|token"),
        ("a token of 20,000 bytes", signed(email="x" * 15000), "token"),
    ]  # fmt: skip
    for name, token, says in texts:
        yield Wrong(f"stream: {name}", 401, says, STREAM, "GET", token)
        yield Wrong(f"intake: {name}", 401, says, token=token, content=b'{"type":"a.b","payload":{}}', headers=JSON)
    for name, token, says in tokens:
        yield Wrong(f"stream: {name}", 401, says, STREAM, "GET", token)
    for name, token, says in tokens[:8]:
        yield Wrong(f"intake: {name}", 401, says, token=token, content=b'{"type":"a.b","payload":{}}', headers=JSON)


# MARK: Requests for the stream

JSON = {"Content-Type": "application/json"}


def stream_rows():
    good = mint()

    def get(name, status, says, *, path=STREAM, method="GET", token=None, **more):
        return Wrong(f"stream: {name}", status, says, path, method, token, **more)

    yield get("no token", 401, "token")
    yield get("an empty token in the query", 401, "token", path=f"{STREAM}?token=")
    yield get("two tokens in the query", 401, "one token|exactly one", path=f"{STREAM}?token={good}&token={good}")
    yield get("Basic instead of Bearer", 401, "Bearer", headers={"Authorization": "Basic dXNlcjpwdw=="})
    yield get("Bearer without a token", 401, "Bearer|token", headers={"Authorization": "Bearer"})
    yield get("a wrong header beside a good query", 401, ".", path=f"{STREAM}?token={good}", headers={"Authorization": "Bearer nonsense"})
    yield get("no role", 403, "role|admin|member", token=mint(roles=()))
    yield get("only the role of a producer", 403, "role|admin|member", token=producer_token())
    yield get("a role that nobody knows", 403, "role|admin|member", token=mint(roles=("owner",)))
    yield get("POST", 405, "GET", method="POST", token=good)
    yield get("DELETE", 405, "GET", method="DELETE", token=good)
    yield get("PUT without a token", 405, "GET", method="PUT")
    yield get("another path", 404, "path|address", path="/v1/notifications/streams", token=good)
    yield get("a path that climbs", 404, "path|address", path="/v1/notifications/stream/../../../etc/passwd", token=good)
    yield get("the admin listener's path", 404, "path|address", path="/metrics")
    yield get("a type in capitals", 400, "types", path=f"{STREAM}?types=Incident.Created", token=good)
    yield get("a type without a dot", 400, "types", path=f"{STREAM}?types=incident", token=good)
    yield get("an empty type", 400, "types", path=f"{STREAM}?types=a.b,", token=good)
    yield get("nothing but an empty filter", 400, "types", path=f"{STREAM}?types=", token=good)
    yield get("a star in the middle", 400, "types", path=f"{STREAM}?types=a.*.b", token=good)
    yield get("a lone star", 400, "types", path=f"{STREAM}?types=*", token=good)
    yield get("65 types", 400, "64", path=f"{STREAM}?types=" + ",".join(f"a.t{n}" for n in range(65)), token=good)
    yield get("a filter that cannot be decoded", 400, "types.*hexadecimal", path=f"{STREAM}?types=%zz", token=good)
    yield get("a type of 200 bytes", 400, "types", path=f"{STREAM}?types=a.{'b' * 200}", token=good)


# MARK: Requests to publish


def intake_rows():
    admin, service = mint(roles=("admin",)), producer_token()

    def post(name, status, says, content, *, token=service, headers=JSON, **more):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return Wrong(f"intake: {name}", status, says, token=token, content=body, headers=headers, **more)

    def event(**changes):
        everything = {"type": "incident.created", "tenant": "acme", "payload": {"incidentId": "inc_1"}} | changes
        return {name: value for name, value in everything.items() if value is not None}

    good = event()
    yield post("no token", 401, "token", good, token=None)
    yield Wrong(
        "intake: a token in the query", 401, "token|header", f"{EVENTS}?token={service}", content=json.dumps(good).encode(), headers=JSON
    )
    yield post("a member", 403, "role|producer|admin", good, token=mint())
    yield post("nobody's role", 403, "role|producer|admin", good, token=mint(roles=()))
    yield post("GET", 405, "POST", b"", method="GET")
    yield post("PUT", 405, "POST", good, method="PUT")
    yield post("another path", 404, "path|address", good, path="/v1/event")

    def look(name, status, says, id, *, token=admin, **more):
        return Wrong(f"stored event: {name}", status, says, f"{EVENTS}/{id}", **{"method": "GET", "token": token} | more)

    yield look("no token", 401, "token", ABSENT_EVENT, token=None)
    yield look("an issuer", 403, "admin or member or producer", ABSENT_EVENT, token=mint(roles=("issuer",)))
    yield look("an id in lower case", 400, "eventId", ABSENT_EVENT.lower())
    yield look("an id that is too short", 400, "eventId", ABSENT_EVENT[:-1])
    yield look("an id of a notification", 400, "eventId", ABSENT_EVENT.replace("evt", "ntf"))
    yield look("an id of more than 128 bits", 400, "eventId", "evt_8" + ABSENT_EVENT[5:])
    yield look("an id that cannot be decoded", 400, "eventId", "%ff")
    yield look("an id that was never given", 404, "no event with this id", ABSENT_EVENT)
    yield look("an id at the beginning of no log", 404, "no event with this id", "evt_" + 26 * "0", token=service)
    yield look("PUT", 405, "GET", ABSENT_EVENT, method="PUT")
    yield look("a path below it", 404, "path|address", f"{ABSENT_EVENT}/payload")

    yield post("an admin for another tenant", 403, "tenant", event(tenant="other"), token=admin)
    yield post("a text", 415, "application/json", good, headers={"Content-Type": "text/plain"})
    yield post("a form", 415, "application/json", b"type=a.b", headers={"Content-Type": "application/x-www-form-urlencoded"})
    yield post("JSON in Latin-1", 415, "application/json", good, headers={"Content-Type": "application/json; charset=iso-8859-1"})

    yield post("an empty body", 400, "JSON|body|empty", b"")
    yield post("not JSON", 400, "JSON", b"incident!")
    yield post("half a JSON text", 400, "JSON|ends", b'{"type":"incident.created","payl')
    yield post("two JSON texts", 400, "JSON|follow", b'{"type":"a.b","payload":{}}{"type":"a.b","payload":{}}')
    yield post("a trailing comma", 400, "JSON", b'{"type":"a.b","payload":{},}')
    yield post("not UTF-8", 400, "JSON|UTF-8", b'{"type":"a.b","payload":{"x":"\xff"}}')
    yield post("a byte order mark", 400, "JSON", b"\xef\xbb\xbf" + json.dumps(good).encode())
    yield post("a number", 400, "object|event", b"42")
    yield post("an empty array", 400, "event|empty|at least", b"[]")
    yield post("1,001 events", 400, "1,?000", [event(id=f"e{n}") for n in range(1001)])
    yield post("nested too deep", 400, "JSON|within|deep|64", b'{"type":"a.b","payload":{"x":' + b"[" * 100 + b"]" * 100 + b"}}")

    yield post("no type", 400, "type", event(type=None))
    yield post("a type in capitals", 400, "type", event(type="Incident.Created"))
    yield post("a type of one word", 400, "type", event(type="incident"))
    yield post("the type ping", 400, "reserved", event(type="ping"))
    yield post("the type heartbeat", 400, "reserved", event(type="heartbeat"))
    yield post("the type connected", 400, "reserved", event(type="connected"))
    yield post("a type under stream.", 400, "reserved", event(type="stream.end", payload={}))
    yield post("a type with a line end", 400, "type", event(type="a.b\nevent: stream.end"))
    yield post("a type of 129 bytes", 400, "type|128", event(type="a." + "b" * 127))
    yield post("a type that is a number", 400, "type", event(type=7))
    yield post("no payload", 400, "payload", event(payload=None))
    yield post("a payload that is an array", 400, "payload", event(payload=[1]))
    yield post("a payload that is a text", 400, "payload", event(payload='{"incidentId":"inc_1"}'))
    yield post("a payload with a type of its own", 400, r"payload\.type", event(payload={"incidentId": "i", "type": "x"}))
    yield post("a payload with a timestamp of its own", 400, r"payload\.timestamp", event(payload={"incidentId": "i", "timestamp": 1}))
    yield post("a hidden timestamp", 400, r"payload\.timestamp", b'{"type":"a.b","tenant":"acme","payload":{"\\u0074imestamp":1}}')
    yield post("a member twice", 400, "two members", b'{"type":"a.b","tenant":"acme","payload":{"a":1,"a":2}}')
    yield post("no incidentId", 400, r"payload\.incidentId", event(payload={}))
    yield post("an incidentId that is a number", 400, r"payload\.incidentId", event(payload={"incidentId": 1}))
    yield post("an empty incidentId", 400, r"payload\.incidentId", event(payload={"incidentId": ""}))
    yield post(
        "progress without agentName",
        400,
        r"payload\.agentName",
        event(type="investigation.progress", payload={"incidentId": "i", "message": "m"}),
    )
    yield post("a misspelt member", 400, "usr|member", event() | {"usr": "usr_1"})
    yield post("an empty user", 400, "user", event(user=""))
    yield post("a user that is null", 400, "user", b'{"type":"a.b","tenant":"acme","user":null,"payload":{}}')
    yield post("a user with a line end", 400, "user", event(user="usr_1\r\nX: y"))
    yield post("a user of 300 bytes", 400, "user", event(user="u" * 300))
    yield post("a tenant of 257 bytes", 400, "tenant", event(tenant="t" * 257))
    yield post("an empty tenant", 400, "tenant", event(tenant=""))
    yield post("an id of 300 bytes", 400, "id", event(id="i" * 300))
    yield post("a time without an offset", 400, "time", event(time="2024-04-01T14:32:10"))
    yield post("a day that does not exist", 400, "time", event(time="2024-02-30T14:32:10Z"))
    yield post("a time that is a number", 400, "time", event(time=1711981930))
    yield post("a wrong one among good ones", 400, r"\[2\]\.payload\.incidentId", [good, good, event(payload={}), good])

    padding = "x" * (256 * 1024)
    yield post("a payload over 256 KiB", 413, r"payload.*262144|payload.*256", event(payload={"incidentId": "i", "x": padding}))
    structured = {"Content-Type": "application/cloudevents+json"}
    attributes = {"specversion": "1.0", "id": "1", "source": "/s", "type": "a.b", "tenant": "acme", "data": {}}

    def without(*names, **changes):
        return {name: value for name, value in attributes.items() if name not in names} | changes

    yield post("a CloudEvent without specversion", 400, "specversion", without("specversion"), headers=structured)
    yield post("a CloudEvent of version 0.3", 400, "specversion", without(specversion="0.3"), headers=structured)
    yield post("a CloudEvent without id", 400, "id", without("id"), headers=structured)
    yield post("a CloudEvent without source", 400, "source", without("source"), headers=structured)
    yield post("a CloudEvent without data", 400, "data", without("data"), headers=structured)
    yield post("a CloudEvent with binary data", 400, "data_base64", without("data", data_base64="aGk="), headers=structured)
    yield post("a CloudEvent that is an array", 400, "array|one event", [attributes], headers=structured)
    yield post("a batch that is no array", 400, "array", attributes, headers={"Content-Type": "application/cloudevents-batch+json"})
    binary = JSON | {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "a.b", "ce-tenant": "acme"}
    yield post("a binary CloudEvent without id", 400, "ce-id", {}, headers={name: binary[name] for name in binary if name != "ce-id"})
    yield post("a binary CloudEvent of a reserved type", 400, "ce-type", {}, headers=binary | {"ce-type": "stream.gap"})
    yield post("a binary CloudEvent with an array", 400, "body|object", [], headers=binary)


# MARK: Requests about webhooks


WEBHOOKS = "/v1/webhooks"
#: What no dispatcher of a deployment without WEBHOOK_ALLOWED_NETWORKS calls: each is refused before a name is looked up.
CLOSED_URLS = [
    "https://127.0.0.1/", "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://169.254.169.254/latest/meta-data", "https://0.0.0.0/",
    "https://224.0.0.1/", "https://[::1]/", "https://[fe80::1]/", "https://[fd00::1]/", "https://[::ffff:127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
    "https://2130706433/", "https://0x7f.1/", "https://017700000001/", "http://93.184.215.14/", "ftp://hooks.example/", "https://ann:pw@hooks.example/",
    "https://hooks.example:22/", "https://hooks.example:6379/", "https://hooks.example/#a", "//hooks.example/", "hooks.example", "",
]  # fmt: skip


def webhook_rows():
    admin, good = mint(roles=("admin",)), {"url": "https://93.184.215.14/", "types": ["incident.*"]}
    nothing = f"{WEBHOOKS}/whk_01HX9VTPQR3KF8MZWBYD5N6JCE"

    def ask(name, status, says, content=b"", *, path=WEBHOOKS, method="POST", token=admin, headers=JSON, **more):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return Wrong(f"webhooks: {name}", status, says, path, method, token, headers, body, **more)

    yield ask("no token", 401, "token", good, token=None)
    yield ask("a token in the query", 401, "token|header", good, path=f"{WEBHOOKS}?token={admin}", token=None)
    for role in ("member", "producer", "issuer"):
        yield ask(f"a {role}", 403, "role admin", good, token=mint(roles=(role,)))
    yield ask("PUT", 405, "GET.*POST", good, method="PUT")
    yield ask("POST to an endpoint", 405, "DELETE.*GET.*PATCH", good, path=nothing)
    yield ask("GET of an action", 405, "POST", path=f"{nothing}/test", method="GET")
    yield ask("another action", 404, "path|address", path=f"{nothing}/repeat")
    yield ask("a text", 415, "application/json", good, headers={"Content-Type": "text/plain"})
    yield ask("an empty body", 400, "body", b"")
    yield ask("an array", 400, "body.*object", [good])
    yield ask("a member twice", 400, "two members", b'{"url":"https://a.example","url":"https://b.example","types":["a.b"]}')
    yield ask("a body of 100 KiB", 413, "at most", good | {"description": "x" * 102_400})
    yield ask("no url", 400, "^url: .*missing", {"types": ["a.b"]})
    yield ask("no types", 400, "^types: .*missing", {"url": good["url"]})
    yield ask("no type", 400, "^types: .*1 to 64", good | {"types": []})
    yield ask("65 types", 400, "^types: .*64", good | {"types": [f"a.t{number}" for number in range(65)]})
    yield ask("a type in capitals", 400, "^types: ", good | {"types": ["Incident.created"]})
    yield ask("a type that is a number", 400, r"^types\[1\]: .*string", good | {"types": ["a.b", 7]})
    yield ask("two types in one", 400, "^types: .*comma", good | {"types": ["a.b,c.d"]})
    yield ask("a member that nobody knows", 400, "^secret: is not a member", good | {"secret": "whsec_x"})
    yield ask("an order that is a text", 400, "^ordered: .*true or false", good | {"ordered": "yes"})
    yield ask("an empty user", 400, "^user: ", good | {"user": ""})
    yield ask("a description with a control character", 400, "^description: ", good | {"description": "a\x00"})
    yield ask("a description of 513 bytes", 400, "^description: ", good | {"description": "x" * 513})
    yield ask("a key of 257 bytes", 400, "^Idempotency-Key: ", good, headers=JSON | {"Idempotency-Key": "k" * 257})
    for url in CLOSED_URLS:
        yield ask(f"the URL {url or '(none)'}", 400, "^url: ", good | {"url": url})
    yield ask("a page of nothing", 400, "^limit: ", path=f"{WEBHOOKS}?limit=0", method="GET")
    yield ask("a page behind nothing", 400, "^cursor: ", path=f"{WEBHOOKS}?cursor=x", method="GET")
    yield ask("a change of nothing", 400, "changes nothing", {}, path=nothing, method="PATCH")
    yield ask("a change of the id", 400, "^id: is not a member", {"id": "x"}, path=nothing, method="PATCH")
    yield ask("a change to no type", 400, "^types: ", {"types": None}, path=nothing, method="PATCH")
    yield ask("a replay of nothing", 400, "^from: .*missing", {}, path=f"{nothing}/replay")
    yield ask("a replay from no event", 400, "^from: .*evt_", {"from": "ntf_01HX9VTPQR3KF8MZWBYD5N6JCE"}, path=f"{nothing}/replay")
    yield ask("a replay since a day", 400, "^since: .*RFC 3339", {"since": "2024-04-01"}, path=f"{nothing}/replay")
    yield ask("a replay from and since", 400, "^since: .*from", {"from": "evt_1", "since": "2024-04-01T14:32:10Z"}, path=f"{nothing}/replay")
    yield ask("a count of nothing", 400, "^from: .*missing", path=f"{nothing}/replay", method="GET")
    yield ask("a count since a day", 400, "^since: .*RFC 3339", path=f"{nothing}/replay?since=2024-04-01", method="GET")
    yield ask("nothing again", 400, "^event: .*missing", {}, path=f"{nothing}/resend")
    yield ask("no event again", 400, "^event: .*evt_", {"event": "ntf_01HX9VTPQR3KF8MZWBYD5N6JCE"}, path=f"{nothing}/resend")
    yield ask("an event again, with a time", 400, "^since: is not a member", {"event": ABSENT_EVENT, "since": "x"}, path=f"{nothing}/resend")
    for action in ("secret", "test", "enable"):
        yield ask(f"{action} with a member", 400, "^x: is not a member", {"x": 1}, path=f"{nothing}/{action}")
    for method, path, content in (
        ("GET", "", b""), ("PATCH", "", {"ordered": True}), ("DELETE", "", b""), ("POST", "/secret", b""), ("POST", "/test", b""),
        ("POST", "/enable", b""), ("POST", "/replay", {"since": "2024-04-01T14:32:10Z"}), ("GET", "/attempts", b""),
        ("GET", "/replay?since=2024-04-01T14:32:10Z", b""), ("POST", "/resend", {"event": ABSENT_EVENT}),
    ):  # fmt: skip
        yield ask(f"{method} {path} of an endpoint that is not there", 404, "no such webhook endpoint", content, path=nothing + path, method=method)


ROWS = [*token_rows(), *stream_rows(), *intake_rows(), *webhook_rows()]


def expect_refusal(row, response):
    about = f"{row.name}: {response.status_code} {response.text[:300]}"
    assert response.status_code == row.status, about
    assert response.headers["content-type"].startswith("application/json"), about
    assert response.headers.get("x-request-id"), f"no X-Request-Id; {about}"
    if response.request.method == "HEAD":
        return
    answer = response.json()
    assert set(answer) == {"error", "message"}, about
    assert answer["error"] == CODES[row.status], about
    message = answer["message"]
    assert re.search(row.says, message), f"the message does not say what to do ({row.says}); {about}"
    assert message[0] == message[0].upper() or re.match(r"[\[\w.\]-]+: ", message) or message[0] == '"', f"not a sentence; {about}"
    assert "eyJ" not in response.text, f"the answer repeats a token; {about}"
    if row.status == 401:
        assert response.headers["www-authenticate"].startswith("Bearer"), about
    if row.status == 405:
        assert row.method not in response.headers["allow"].split(", ") and response.headers["allow"], about


@pytest.fixture(scope="module", params=DOORS, ids=door_name)
def quick_door(request):
    return request.param


@pytest.fixture(scope="module")
def closed():
    """A deployment whose dispatcher may call nothing on loopback: in the shared one it would be chosen to deliver to the receivers of other tests."""
    with Stack() as own:
        own.webhooks = own.start("webhook-dispatcher", webhook_allowed_networks=None).wait_ready()
        yield own


def send(row, edge, producer, webhooks=None):
    base = {"stream": edge, "webhooks": webhooks}.get(row.name.split(":")[0], producer).url
    headers = dict(row.headers)
    if row.token is not None:
        headers["Authorization"] = f"Bearer {row.token}"
    # The target is sent exactly as written here: no normalising, no encoding.
    url = httpx.URL(base)
    with httpx.Client(timeout=15) as client:
        request = client.build_request(row.method, url, headers=headers, content=row.content)
        request.extensions["target"] = row.path.encode()
        return client.send(request)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_wrong_request_is_refused_and_stores_nothing(shared, edge, closed, row):
    bus = closed.bus if row.name.startswith("webhooks:") else shared.bus
    before = bus.state().last_seq if bus.log_exists() else 0
    expect_refusal(row, send(row, edge, shared.producer, closed.webhooks))
    assert bus.state().last_seq == before, f"{row.name} stored something"


def test_the_table_is_as_long_as_the_issue_asks():
    assert len(ROWS) >= 60 and len({row.name for row in ROWS}) == len(ROWS)


def test_a_refusal_of_head_has_no_body(edge):
    response = httpx.head(edge.url + STREAM)
    assert (response.status_code, response.content) == (401, b"")


def test_a_body_that_is_too_large_is_refused_unread(shared):
    """A body larger than any valid batch is not read to its end, with a declared length or without."""
    refused = Wrong("too large", 413, "at most|less|large")
    body = b'{"type":"a.b","tenant":"acme","payload":{"x":"' + b"x" * (64 << 20) + b'"}}'
    for content in (body, (body[start : start + (1 << 20)] for start in range(0, len(body), 1 << 20))):
        headers = JSON | {"Authorization": f"Bearer {producer_token()}"}
        try:
            response = httpx.post(shared.producer.url + EVENTS, content=content, headers=headers, timeout=30)
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            # Closing while the client still sends is the other permitted refusal (RFC 9110 §15.5.14).
            continue
        expect_refusal(refused, response)
    shared.producer.expect_alive()
    assert shared.producer.readiness() == 200


# MARK: Keys and claims of a stricter deployment


@pytest.fixture(scope="module")
def strict(tmp_path_factory, quick_door):
    """An edge that knows only an RSA public key, and demands issuer and audience."""
    key_file = tmp_path_factory.mktemp("keys") / "public.pem"
    key_file.write_bytes(public_pem(RSA_KEY))
    with Stack() as stack:
        settings = {"auth_public_key_file": key_file, "auth_issuer": "https://id.example", "auth_audience": "causeway", "quick_door": quick_door}
        stack.shared_edge = stack.edge(auth_hs256_secret=None, **settings)
        yield stack


def rsa_token(key=RSA_KEY, algorithm="RS256", **changes):
    return signed(pem(key), algorithm, **({"iss": "https://id.example", "aud": "causeway"} | changes))


@pytest.mark.parametrize("audience", ["causeway", ["other", "causeway"]])
def test_the_right_key_issuer_and_audience_are_accepted(strict, audience):
    with httpx.stream("GET", strict.shared_edge.url + STREAM, headers={"Authorization": f"Bearer {rsa_token(aud=audience)}"}) as response:
        assert response.status_code == 200


def confused():
    """Algorithm confusion: HMAC with the public key's bytes as the secret."""
    head, body = encoded({"alg": "HS256", "typ": "JWT"}), encoded(claims(iss="https://id.example", aud="causeway"))

    signature = hmac.new(public_pem(RSA_KEY), f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


STRICT_ROWS = [
    Wrong(f"stream: {name}", 401, says, STREAM, "GET", token)
    for name, token, says in [
        ("HMAC made with the public key", confused(), "algorithm"),
        ("HS256 with some secret", signed(iss="https://id.example", aud="causeway"), "algorithm"),
        ("PS256 with the RS256 key", rsa_token(algorithm="PS256"), "algorithm"),
        ("another RSA key", rsa_token(OTHER_RSA_KEY), "signature"),
        ("another issuer", rsa_token(iss="https://evil.example"), "issue|iss"),
        ("no issuer", rsa_token(iss=None), "issue|iss"),
        ("another audience", rsa_token(aud="billing"), "audience|aud"),
        ("other audiences", rsa_token(aud=["billing", "shop"]), "audience|aud"),
        ("no audience", rsa_token(aud=None), "audience|aud"),
    ]
]


@pytest.mark.parametrize("row", STRICT_ROWS, ids=str)
def test_a_token_for_somebody_else_is_refused(strict, row):
    expect_refusal(row, send(row, strict.shared_edge, strict.producer))
