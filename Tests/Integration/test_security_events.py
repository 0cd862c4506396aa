"""Revocations that an identity provider pushes as security event tokens (contract §13, RFC 8417, RFC 8935)."""

import json
import time

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from causeway_kit.approvals import ApprovalClient, approval_service, approval_services
from causeway_kit.every_surface import SURFACES, on_streams
from causeway_kit.identity_provider import (
    MEDIA_TYPE,
    PATH,
    SESSION_REVOKED,
    IdentityProvider,
    by_joserfc,
    by_jwcrypto,
    jwt_id,
    opaque,
    push,
    subject,
    user,
)
from causeway_kit.services import command
from causeway_kit.surfaces import Opened
from causeway_kit.tokens import PROMPT, SECRET, mint
from causeway_kit.waiting import eventually

EVENTS = "causeway_security_events_total"
REFUSED = "causeway_security_event_tokens_refused_total"


@pytest.fixture
def provider(stack):
    return IdentityProvider(stack.directory)


@pytest.fixture(scope="module")
def shared_provider(shared):
    return IdentityProvider(shared.directory)


@pytest.fixture(scope="module")
def service(shared, shared_provider):
    """A replica that takes events, for the tests that stop nothing."""
    return approval_service(shared, **shared_provider.settings).wait_ready()


def opened(surface, edge, token):
    client = surface.connect(edge, token)
    assert isinstance(client.next(), Opened)
    return client


def revocations(service, tenant):
    """What is revoked in a tenant: a jti, or a user and the time in seconds."""
    items = ApprovalClient(service, tenant, "usr_admin").pages("/v1/tokens/revocations", limit=200)
    return [item.get("jti") or (item["sub"], item["issuedBefore"]) for item in items]


# MARK: From the push to the end of the streams


@on_streams
@pytest.mark.parametrize("library", [by_joserfc, by_jwcrypto])
def test_a_users_streams_end_after_the_push(stack, provider, surface, library):
    service = approval_service(stack, **provider.settings).wait_ready()
    edge = stack.edge(surface.executable)
    before = int(time.time()) - 60
    with (
        opened(surface, edge, mint(user="ann", iat=before)) as ended,
        opened(surface, edge, mint(user="bob", iat=before)) as other,
        opened(surface, edge, mint("globex", user="ann", iat=before)) as foreign,
    ):
        assert push(service, provider.token(subject(user=user("ann")), library=library)).status_code == 202
        ended.expect_end("token_revoked", timeout=PROMPT)
        stack.intake.publish(surface.numbered(1), surface.numbered(1, "globex"))
        assert other.next_event().payload == foreign.next_event().payload == {"n": 1}
    with opened(surface, edge, mint(user="ann", iat=int(time.time()) + 1)):
        pass
    metrics = service.metrics()
    assert (metrics[f'{EVENTS}{{outcome="revoked"}}'], metrics[f'{EVENTS}{{outcome="ignored"}}']) == (1, 0)


def test_a_revocation_outlives_a_bus_that_is_killed_right_after_the_answer(stack, provider):
    service = approval_service(stack, **provider.settings).wait_ready()
    edge = stack.edge()
    with opened(SURFACES[0], edge, mint(user="ann")) as stream:
        assert push(service, provider.token(subject(user=opaque("ann")))).status_code == 202
        stack.nats.kill()
        stack.nats.start()
        stream.expect_end("token_revoked")
    late = stack.edge()
    answer = httpx.get(late.url + "/v1/events?wait=0s", headers={"Authorization": f"Bearer {mint(user='ann')}"}, timeout=15)
    assert answer.status_code == 401 and answer.json()["message"].startswith("The token was revoked")


def test_an_outage_is_answered_so_that_the_provider_tries_again(stack, provider):
    service = approval_service(stack, decision_timeout="500ms", **provider.settings).wait_ready()
    event = provider.token(subject(user=user("ann")))
    stack.nats.kill()
    answer = push(service, event)
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1
    # What is wrong is refused without the bus, so that it is not sent again.
    assert push(service, provider.token(subject(user=user("ann")), aud="other")).status_code == 400
    stack.nats.start()
    eventually(lambda: push(service, event).status_code == 202, "the same event is accepted", timeout=30)
    assert [name for name, _ in revocations(service, "acme")] == ["ann"]


def test_keys_are_read_again(stack, provider):
    service = approval_service(stack, **provider.settings).wait_ready()
    former = provider.key
    assert push(service, provider.token(subject(user=user("ann")))).status_code == 202
    provider.rotate()
    eventually(lambda: push(service, provider.token(subject(user=user("bob")))).status_code == 202, "the new key is read", timeout=15)
    answer = push(service, provider.token(subject(user=user("eve")), key=former))
    assert (answer.status_code, answer.json()["err"]) == (400, "authentication_failed")
    assert [name for name, _ in revocations(service, "acme")] == ["ann", "bob"]


def test_every_replica_takes_events_and_knows_them_all(stack, provider):
    first, second = approval_services(stack, 2, **provider.settings)
    for number in range(20):
        taker, reader = (first, second) if number % 2 else (second, first)
        assert push(taker, provider.token(subject(user=user(f"u{number:02}")))).status_code == 202
        assert f"u{number:02}" in [name for name, _ in revocations(reader, "acme")]


# MARK: What an event means


def test_the_time_of_the_event_counts_and_a_repeated_token_changes_nothing(service, shared_provider, tenant):
    at = int(time.time()) - 3600
    event = shared_provider.token(subject(tenant, user=user("ann")), events={SESSION_REVOKED: {"event_timestamp": at}})
    for _ in range(3):
        assert push(service, event).status_code == 202
    [item] = ApprovalClient(service, tenant, "usr_admin").pages("/v1/tokens/revocations")
    # Of the tokens issued in the same second, some may be older than the event.
    issued_before = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at + 1))
    expires_at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at + 366 * 86400))
    assert item == {"tenant": tenant, "sub": "ann", "issuedBefore": issued_before, "expiresAt": expires_at}


@pytest.mark.parametrize(
    "name, event",
    [
        ("ann", lambda idp, tenant: idp.token(subject(tenant, user=user("ann"), session=opaque("s-1")))),
        ("token-1", lambda idp, tenant: idp.token(subject(tenant, session=jwt_id("token-1")))),
        ("ann", lambda idp, tenant: idp.token(user("ann"), tenant_id=tenant)),
        ("ann", lambda idp, tenant: idp.token(None, org_id=tenant, events={SESSION_REVOKED: {"subject": user("ann")}})),
        ("ann", lambda idp, tenant: idp.token(subject(tenant, user=user("ann")), events={SESSION_REVOKED: {}, "https://x.example/y": 1})),
    ],
    ids=["session of a user", "token", "tenant as a claim", "subject in the event", "several events"],
)
def test_subjects_are_mapped(service, shared_provider, tenant, name, event):
    assert push(service, event(shared_provider, tenant)).status_code == 202
    assert [found if isinstance(found, str) else found[0] for found in revocations(service, tenant)] == [name]


def test_events_of_other_types_are_accepted_and_counted(service, shared_provider, tenant):
    before = service.metrics()[f'{EVENTS}{{outcome="ignored"}}']
    family = "https://schemas.openid.net/secevent"
    types = [f"{family}/ssf/event-type/verification", f"{family}/caep/event-type/credential-change"]
    answer = push(service, shared_provider.token(opaque("whatever"), events={type: {"state": "x"} for type in types}))
    assert answer.status_code == 202
    assert service.metrics()[f'{EVENTS}{{outcome="ignored"}}'] == before + 2
    assert revocations(service, tenant) == []


# MARK: What is refused

STRANGER = ec.generate_private_key(ec.SECP256R1())
FUTURE = int(time.time()) + 10 * 86400
REFUSALS = {
    "another issuer": ("invalid_issuer", {"iss": "https://other.example"}),
    "no issuer": ("invalid_issuer", {"iss": None}),
    "another audience": ("invalid_audience", {"aud": ["a", "b"]}),
    "no audience": ("invalid_audience", {"aud": None}),
    "an expiry": ("invalid_request", {"exp": FUTURE}),
    "no jti": ("invalid_request", {"jti": None}),
    "no iat": ("invalid_request", {"iat": None}),
    "no events": ("invalid_request", {"events": None}),
    "an empty object of events": ("invalid_request", {"events": {}}),
    "a token of the future": ("invalid_request", {"iat": FUTURE}),
    "an event of the future": ("invalid_request", {"events": {SESSION_REVOKED: {"event_timestamp": FUTURE}}}),
    "another tenant in the claims": ("invalid_request", {"tenant_id": "globex"}),
    "an access token's type": ("invalid_request", {"header": {"typ": "JWT"}}),
    "a critical extension": ("invalid_request", {"header": {"crit": ["exp"]}}),
    "an unknown key": ("invalid_key", {"header": {"kid": "other"}}),
    "a stranger's signature": ("authentication_failed", {"key": STRANGER}),
}


def expect_refused(service, token, err, **headers):
    before = service.metrics()[f'{REFUSED}{{err="{err}"}}']
    answer = push(service, token, **headers)
    assert (answer.status_code, answer.json()["err"]) == (400, err), answer.text
    assert service.metrics()[f'{REFUSED}{{err="{err}"}}'] == before + 1


@pytest.mark.parametrize("name", REFUSALS)
def test_a_bad_event_is_refused_with_its_code(service, shared_provider, tenant, name):
    err, changes = REFUSALS[name]
    changes = dict(changes)
    header = {"alg": "ES256", "kid": "idp", "typ": "secevent+jwt"} | changes.pop("header", {})
    key = changes.pop("key", None)
    claims = json.dumps(shared_provider.claims(subject(tenant, user=user("ann")), **changes)).encode()
    # By hand: libraries refuse to sign some of them.
    expect_refused(service, shared_provider.sign(claims, json.dumps(header).encode(), key), err)
    assert revocations(service, tenant) == []


@pytest.mark.parametrize(
    "named",
    [
        None, "ann", {}, opaque(""), {"format": "email", "email": "ann@example.com"}, user("ann", "https://other.example"), user("ann"),
        subject(session=opaque("s-1")), subject(user={"format": "email", "email": "ann@example.com"}), subject(group=opaque("g")),
        subject(user=user("ann"), tenant={"format": "email", "email": "a@b.example"}), subject(tenant="", user=user("ann")),
        subject(session=jwt_id("t", "https://other.example")),
    ],
    ids=str,
)  # fmt: skip
def test_a_subject_that_names_no_token_is_refused(service, shared_provider, named):
    expect_refused(service, shared_provider.token(named), "invalid_request")


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "a.b.c.d", "\u00e9.a.b", "[]"])
def test_what_is_no_token_is_refused(service, token):
    expect_refused(service, token.encode(), "invalid_request")


def test_an_access_token_is_refused(service):
    for token in (mint(roles=("issuer",)), mint(roles=("issuer",), headers={"typ": "at+jwt"})):
        expect_refused(service, token, "invalid_request")


def test_other_requests_are_refused_as_everywhere(service, shared_provider):
    event = shared_provider.token(subject(user=user("ann")))

    def ask(method, content=event, media_type=MEDIA_TYPE):
        answer = httpx.request(method, service.url + PATH, content=content, headers={"Content-Type": media_type}, timeout=15)
        assert set(answer.json()) == {"error", "message"}, answer.text
        return answer.status_code

    for method in ("GET", "PUT", "DELETE"):
        assert ask(method) == 405
    for media_type in ("application/jwt", "application/json", "text/plain"):
        assert ask("POST", media_type=media_type) == 415
    assert ask("POST", content="x" * (16 * 1024 + 1)) == 413


def test_an_issuer_of_one_tenant_and_a_transmitter_with_a_token(shared, shared_provider, tenant):
    settings = {"security_events_tenant": tenant, "security_events_bearer_token": "transmitters-secret-of-enough-bytes"}
    service = approval_service(shared, **shared_provider.settings, **settings).wait_ready()
    authorization = "Bearer transmitters-secret-of-enough-bytes"
    plain = shared_provider.token(user("ann"))
    for headers in ({}, {"Authorization": "Bearer transmitters-secret"}, {"Authorization": f"Bearer {mint(roles=('issuer',))}"}):
        expect_refused(service, plain, "authentication_failed", **headers)
    expect_refused(service, shared_provider.token(subject("globex", user=user("ann"))), "access_denied", Authorization=authorization)
    assert push(service, plain, Authorization=authorization).status_code == 202
    assert [name for name, _ in revocations(service, tenant)] == ["ann"]
    assert "transmitters-secret" not in service.log


def test_a_service_without_an_issuer_takes_none(shared, shared_provider):
    service = approval_service(shared).wait_ready()
    answer = push(service, shared_provider.token(subject(user=user("ann"))))
    assert answer.status_code == 404 and "SECURITY_EVENTS_ISSUER" in answer.json()["message"]


@pytest.mark.parametrize("missing", ["security_events_issuer", "security_events_audience", "security_events_jwks_file"])
def test_a_part_of_the_settings_is_refused_at_the_start(shared_provider, tmp_path, missing):
    settings = {name: value for name, value in shared_provider.settings.items() if name != missing}
    done = command("approval-api", auth_hs256_secret=SECRET, database_file=tmp_path / "x.sqlite", **settings)
    assert done.returncode == 78 and b"SECURITY_EVENTS_" in done.stderr, done.stderr


# MARK: A flood


@pytest.mark.alone
def test_a_flood_of_forgeries_does_not_use_up_the_providers_share(service, shared_provider, tenant):
    """What is refused is not counted against the share: the provider's events are taken all the same, and tenants are served."""
    forged = shared_provider.token(subject(tenant, user=user("ann")), key=STRANGER)
    with httpx.Client(timeout=30) as client:
        for number in range(3000):
            answer = client.post(service.url + PATH, content=forged, headers={"Content-Type": MEDIA_TYPE})
            assert answer.status_code == 400
            if number % 500 == 0:
                assert push(service, shared_provider.token(subject(tenant, user=user(f"u{number}")))).status_code == 202
                assert len(revocations(service, tenant)) == number // 500 + 1
