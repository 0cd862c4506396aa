"""Tokens that are taken back (contract §13), on every surface, over REST and at the intake."""

import time

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, approval_services, timestamp
from causeway_kit.every_surface import SURFACES, on_streams
from causeway_kit.surfaces import Heartbeat, Opened
from causeway_kit.tokens import PROMPT, mint
from causeway_kit.waiting import eventually

PATH = "/v1/tokens/revocations"


class Issuer(ApprovalClient):
    """Revokes tokens at one replica of approval-api."""

    def revoke(self, **body):
        answer = self.send("POST", PATH, json=body)
        assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
        return answer.json()

    def revocations(self, **query):
        return self.pages(PATH, **query)


def status(service, path, token, **arguments):
    """The status and the message of a request."""
    answer = httpx.request(arguments.pop("method", "GET"), service.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=15, **arguments)
    return answer.status_code, answer.json().get("message") if answer.status_code >= 400 else None


def is_refused(service, path, token, **arguments):
    code, message = status(service, path, token, **arguments)
    return code == 401 and message.startswith("The token was revoked")


def opened(surface, edge, token):
    client = surface.connect(edge, token)
    assert isinstance(client.next(), Opened)
    return client


def by_jti(issuer):
    return mint(jti="taken back"), mint(jti="kept"), lambda: issuer.revoke(jti="taken back")


def by_user(issuer):
    now = int(time.time())
    return mint(iat=now - 60), mint(iat=now), lambda: issuer.revoke(sub="usr_1", issuedBefore=timestamp(-30))


@on_streams
@pytest.mark.parametrize("way", [by_jti, by_user], ids=["jti", "sub"])
def test_connections_end_and_others_go_on(stack, surface, way):
    issuer = Issuer(approval_service(stack).wait_ready(), user="usr_admin")
    edge = stack.edge(surface.executable)
    revoked, kept, revoke = way(issuer)
    with (
        opened(surface, edge, revoked) as ended,
        opened(surface, edge, kept) as other,
        opened(surface, edge, mint("globex", jti="taken back", iat=1)) as foreign,
    ):
        revoke()
        ended.expect_end("token_revoked", timeout=PROMPT)
        stack.intake.publish(surface.numbered(1), surface.numbered(1, "globex"))
        assert other.next_event().payload == foreign.next_event().payload == {"n": 1}
    with surface.connect(edge, kept) as again:
        assert isinstance(again.next(), Opened)
    eventually(lambda: edge.metrics().get('causeway_edge_closes_total{cause="token_revoked"}') == 1, "the end is counted")
    assert edge.metrics()["causeway_revocations"] == 1


def test_refusals_are_counted_by_every_program(stack):
    """`test_doors.py` tries a revoked token at every door."""
    service = approval_service(stack).wait_ready()
    edge, relay = stack.edge("sse-edge"), stack.edge("jsonrpc-relay")
    Issuer(service, user="usr_admin").revoke(jti="taken back")
    token = mint(roles=("admin",), jti="taken back")
    for process, path, arguments in [
        (service, "/v1/notifications", {}), (stack.producer, "/v1/events", {"method": "POST"}), (edge, "/v1/events?wait=0s", {}),
        (relay, "/v1/relay/status", {}),
    ]:  # fmt: skip
        eventually(lambda: is_refused(process, path, token, **arguments), f"{process.name} refuses", timeout=PROMPT)
        assert process.metrics()['causeway_tokens_refused_total{reason="revoked"}'] >= 1
        assert process.metrics()["causeway_revocations"] == 1


def test_a_revocation_outlives_the_bus_and_reaches_what_starts_later(stack):
    service = approval_service(stack).wait_ready()
    issuer = Issuer(service, user="usr_admin")
    edge = stack.edge()
    token, kept = mint(jti="taken back"), mint(jti="kept")
    issuer.revoke(jti="taken back")
    eventually(lambda: is_refused(edge, "/v1/notifications/stream", token), "the edge has heard of it")
    stack.nats.kill()
    # A process that knows it goes on refusing it, and admits to its health that it learns of no other.
    eventually(lambda: is_refused(edge, "/v1/notifications/stream", token), "the edge refuses without the bus")
    assert status(service, "/v1/notifications", kept)[0] in (200, 503)
    eventually(lambda: edge.readiness() == 503, "the edge says that it is not ready")
    late = stack.start("sse-edge")
    eventually(lambda: late.readiness() == 503, "the new edge is not ready")
    stack.nats.start()
    late.wait_ready()
    assert is_refused(late, "/v1/notifications/stream", token)
    with opened(SURFACES[0], late, kept):
        pass
    eventually(lambda: edge.readiness() == 200, "the old edge is ready again")
    with opened(SURFACES[0], edge, mint(jti="next")) as client:
        issuer.service.wait_ready()
        issuer.revoke(jti="next")
        client.expect_end("token_revoked", timeout=PROMPT)


def test_the_bus_is_killed_right_after_the_answer(stack):
    """The stream is read again after each interruption, and what is new is applied to the connections that stayed open."""
    issuer = Issuer(approval_service(stack).wait_ready(), user="usr_admin")
    edge = stack.edge()
    with opened(SURFACES[0], edge, mint(jti="a")) as first, opened(SURFACES[0], edge, mint(jti="b")) as second:
        issuer.revoke(jti="a")
        stack.nats.kill()
        stack.nats.start()
        first.expect_end("token_revoked")
        issuer.service.wait_ready()
        issuer.revoke(jti="b")
        while isinstance(message := second.next(), Heartbeat):
            pass
        assert message.reason == "token_revoked"


def test_who_may_revoke_and_list(stack):
    first, second = approval_services(stack, 2)
    admin = Issuer(first, user="usr_admin")
    issuer = Issuer(second, "operations", "svc_issuer", roles=("issuer",))
    assert admin.revoke(jti="a").keys() == {"tenant", "jti", "expiresAt"}
    time_of_issue = timestamp(-10)
    assert issuer.revoke(sub="ann", issuedBefore=time_of_issue, tenant="acme")["issuedBefore"] == time_of_issue
    # An earlier time takes nothing back.
    assert issuer.revoke(sub="ann", issuedBefore=timestamp(-100), tenant="acme")["issuedBefore"] == time_of_issue
    issuer.revoke(jti="mine")

    def known(client, **query):
        return [item.get("jti") or item["sub"] for item in client.revocations(**{"limit": 1} | query)]

    # At once, whichever replica has accepted it.
    assert known(admin) == ["a", "ann"]
    assert known(issuer, tenant="acme") == ["a", "ann"]
    assert known(issuer) == ["mine"]
    for number in range(50):
        taker, reader = (admin, issuer) if number % 2 else (issuer, admin)
        taker.revoke(jti=f"n{number}", **({"tenant": "acme"} if taker is issuer else {}))
        query = {"limit": 200} | ({"tenant": "acme"} if reader is issuer else {})
        assert f"n{number}" in known(reader, **query), f"revocation {number} is missing at the other replica"
    for client, body in [(admin, {"jti": "a", "tenant": "globex"}), (Issuer(first, roles=("member", "producer")), {"jti": "a"})]:
        assert client.send("POST", PATH, json=body).status_code == 403
    assert admin.send("GET", PATH, params={"tenant": "globex"}).status_code == 403
    for field, body in [
        ("jti", {}),
        ("sub", {"jti": "a", "sub": "b"}),
        ("issuedBefore", {"sub": "b"}),
        ("issuedBefore", {"sub": "b", "issuedBefore": timestamp(60)}),
        ("exp", {"jti": "a", "exp": 1}),
    ]:
        answer = admin.send("POST", PATH, json=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
        assert answer.json()["message"].startswith(field)
