"""Approvals are decided exactly once, with concurrent requests and with processes killed meanwhile (contract §7)."""

import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, DecisionLog, approval_service, approval_services, error_of, requested, timestamp
from causeway_kit.cursors import Cursor
from causeway_kit.sizes import size
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually, pause


@pytest.fixture(scope="module")
def service(shared):
    """One replica in the shared deployment, for tests that do not stop it."""
    return approval_service(shared, expiry_interval="100ms").wait_ready()


@pytest.fixture
def admin(service, tenant):
    return ApprovalClient(service, tenant)


def expect_one_decision(stack, *approvals, tenant="acme", timeout=10):
    """Waits until each approval has its decision and effect, and checks that there is exactly one of each. Returns the log."""
    eventually(lambda: all_have_one(stack, approvals, tenant), "every decision and its effect are in the log", timeout, interval=0.2)
    log = DecisionLog(stack)
    for approval in approvals:
        log.expect_one(approval, tenant)
    return log


def all_have_one(stack, approvals, tenant):
    log = DecisionLog(stack)
    return all(log.has_one(approval, tenant) for approval in approvals)


# Responses


@pytest.mark.parametrize(("action", "status"), [("approve", "executing"), ("reject", "cancelled")])
def test_a_decision_and_its_history(shared, admin, tenant, action, status):
    [request_id] = shared.intake.publish(requested("apr_1", tenant, requestedBy="planner"))
    answer = admin.decide("apr_1", action, reason="It is \u201csafe\u201d.")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    decided_at = body.pop("decidedAt")
    assert datetime.fromisoformat(decided_at).tzinfo is not None
    assert body == {
        "approvalId": "apr_1",
        "status": {"approve": "approved", "reject": "rejected"}[action],
        "action": action,
        "remediationId": "rem_apr_1",
        "remediationStatus": status,
        "decidedBy": "usr_1",
        "reason": "It is \u201csafe\u201d.",
    }
    decision = expect_one_decision(shared, "apr_1", tenant=tenant).expect_one("apr_1", tenant)
    assert decision == {
        "approvalId": "apr_1",
        "remediationId": "rem_apr_1",
        "incidentId": "inc_apr_1",
        "action": action,
        "decidedBy": "usr_1",
        "decidedAt": decided_at,
        "reason": "It is \u201csafe\u201d.",
        "requestEventId": request_id,
    }
    shown = admin.approval("apr_1").json()
    assert shown["status"] == {"approve": "approved", "reject": "rejected"}[action]
    assert shown["requestedBy"] == "planner"
    assert shown["decision"]["decidedAt"] == decided_at
    types = [event["type"] for event in shown["events"]]
    assert types == ["approval.requested", "approval.resolved", f"remediation.{'approved' if action == 'approve' else 'rejected'}"]
    ids = [event["id"] for event in shown["events"]]
    assert ids[0] == request_id, "the history names the request as the intake and the edges do"
    assert ids == sorted(ids) and len(set(ids)) == 3


def test_the_decision_arrives_on_the_streams(shared, edge, admin, tenant, surface):
    if not surface.carries_everything:
        pytest.skip(f"{surface} delivers what was subscribed")
    edge = edge if edge.name.startswith(surface.executable) else shared.edge(surface.executable)
    with surface.connect(edge, mint(tenant)) as connection:
        connection.next()
        shared.intake.publish(requested("apr_1", tenant))
        assert admin.decide("apr_1", "reject").status_code == 200
        events = connection.events(3)
    assert [event.type for event in events] == ["approval.requested", "approval.resolved", "remediation.rejected"]
    assert events[1].payload["action"] == "reject"


def test_the_errors_of_the_contract(shared, service, admin, tenant):
    shared.intake.publish(requested("apr_1", tenant), requested("apr_2", tenant))
    path = "/v1/notifications/approvals/apr_1"
    member = ApprovalClient(service, tenant, roles=("member",))
    outsider = ApprovalClient(service, tenant, roles=("producer",))

    assert error_of(httpx.post(service.url + path, json={"action": "approve"})) == (401, "unauthorized")
    assert error_of(member.decide("apr_1")) == (403, "forbidden")
    assert error_of(outsider.decide("apr_1")) == (403, "forbidden")
    assert outsider.approval("apr_1").json()["status"] == "pending", "executors wait for the answer"
    assert error_of(admin.decide("apr_unknown")) == (404, "not_found")
    assert error_of(admin.approval("apr_unknown")) == (404, "not_found")
    assert error_of(admin.decide("x" * 256)) == (404, "not_found")
    assert error_of(admin.decide("x" * 257)) == (400, "validation_error")
    assert error_of(ApprovalClient(service, "somebody_else").decide("apr_1")) == (404, "not_found")
    bodies = [b"", b"null", b"[]", b"{", b"{}", b'{"action":"expire"}', b'{"action":true}', b'{"action":"APPROVE"}']
    bodies += [
        b'{"action":"approve","action":"reject"}',
        b'{"action":"approve","reason":1}',
        json.dumps({"action": "approve", "reason": "x" * 2001}).encode(),
    ]
    for body in bodies:
        answer = admin.send("POST", path, content=body, headers={"Content-Type": "application/json"})
        assert error_of(answer) == (400, "validation_error"), body
    answer = admin.send("POST", path, content=b"action=approve", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert error_of(answer) == (415, "unsupported_media_type")
    answer = admin.send("POST", path, content=b"x" * 40_000, headers={"Content-Type": "application/json"})
    assert error_of(answer) == (413, "payload_too_large")
    answer = admin.send("DELETE", path)
    assert error_of(answer) == (405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST"}
    assert error_of(admin.send("POST", path, json={"action": "approve"}, headers={"Idempotency-Key": ""})) == (400, "validation_error")

    # After all that, nothing is decided.
    assert admin.approval("apr_1").json()["status"] == "pending"
    assert admin.decide("apr_1").status_code == 200
    for action in ("approve", "reject"):
        assert error_of(admin.decide("apr_1", action)) == (409, "already_resolved")
    assert admin.approval("apr_2").json()["status"] == "pending"


def test_names_are_taken_as_they_are(shared, admin, tenant):
    """An approval's id may be any text; special characters of paths, subjects and queries do not confuse two ids."""
    names = ["a b", "a.b", "a/b", "a*", "a>", "\u00e1", "a%2Fb", "read", ".a", "'; DROP TABLE requests; --", "a\u0301", "\U0001f600", "x" * 256]
    # The kit makes the event's own id of the approval's, and so one of more than 256 bytes.
    shared.intake.publish(*[requested(name, tenant, remediationId=f"r{n}", incidentId=f"i{n}") | {"id": f"name-{n}"} for n, name in enumerate(names)])
    for n, name in enumerate(names):
        encoded = "".join(f"%{byte:02X}" for byte in name.encode())
        answer = admin.decide(encoded)
        assert answer.status_code == 200, f"{name!r}: {answer.text}"
        assert answer.json()["approvalId"] == name
        assert answer.json()["remediationId"] == f"r{n}"


@pytest.mark.parametrize("name", ["%00", "a%00b", "a%0Ab", "%C2%85", "%FF", "%2E%2E", "a%2F%2E%2E%2Fb", "x" * 257, "%", "%zz"])
def test_what_cannot_be_an_id_is_not_found(admin, name):
    """An id that breaks a rule gets an error that names the rule; an id that storage would truncate is never looked up (contract §0)."""
    for answer in (admin.approval(name), admin.decide(name)):
        assert error_of(answer) in ((404, "not_found"), (400, "validation_error")), name
    if name in ("a%00b", "x" * 257):
        assert "approvalId" in admin.approval(name).json()["message"]


def test_ids_with_nul_on_the_bus_are_no_requests(shared, admin, tenant):
    """Storage that ends a text at NUL must not take one approval for another (contract §0)."""
    for number, name in enumerate(["a\\u0000b", "a\\u0000"]):
        body = '{"approvalId":"%s","remediationId":"r"}' % name
        shared.bus.publish_event(tenant, "approval.requested", body.encode(), id=f"nul-{number}")
    shared.intake.publish(requested("ab", tenant))
    assert error_of(admin.approval("a")) == (404, "not_found")
    assert [item["approvalId"] for item in admin.approvals().json()["items"]] == ["ab"]
    assert admin.notifications().json()["unreadCount"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"action":"approve","x":{"a":1,"a":2}}',
        b'{"action":"approve","\\u0061ction":"approve"}',
        b'{"action":"approve","reason":"\\ud800"}',
        b'{"action":"approve","reason":"\xe3"}',
        b'\xef\xbb\xbf{"action":"approve"}',
        b'{"action":"approve","x":' + b"[" * 1000 + b"]" * 1000 + b"}",
    ],
)
def test_bodies_are_read_strictly(shared, admin, tenant, body):
    shared.intake.publish(requested("apr_1", tenant))
    answer = admin.send("POST", "/v1/notifications/approvals/apr_1", content=body, headers={"Content-Type": "application/json"})
    assert error_of(answer) == (400, "validation_error")
    assert admin.approval("apr_1").json()["status"] == "pending"


def test_texts_are_kept_whole(shared, service, admin, tenant):
    """NUL is a valid character in texts other than identifiers."""
    shared.intake.publish(requested("apr_1", tenant, title="a\0b"))
    answer = admin.decide("apr_1", reason="no\0, because", key="k")
    assert answer.json()["reason"] == "no\0, because"
    assert admin.decide("apr_1", reason="no\0, because", key="k").json() == answer.json()
    shown = admin.approval("apr_1").json()
    assert (shown["title"], shown["decision"]["reason"]) == ("a\0b", "no\0, because")


# Visibility


def private(approval, tenant, user, **payload):
    """A request for one user."""
    return requested(approval, tenant, **payload) | {"user": user}


def test_a_private_approval_exists_for_its_user_alone(shared, service, tenant):
    """The same on every surface, also for the events that follow from it (contract §12)."""
    ann, bob = (ApprovalClient(service, tenant, user=name) for name in ("ann", "bob"))
    shared.intake.publish(private("mine", tenant, "ann"), private("late", tenant, "ann", expiresAt=timestamp(0.3)), requested("ours", tenant))
    unknown = bob.approval("missing")
    for answer in (bob.approval("mine"), bob.decide("mine"), bob.decide("mine", "reject", key="k"), bob.approval("late")):
        assert error_of(answer) == (404, "not_found")
        assert answer.json() == unknown.json(), "nothing tells it from what does not exist"
    assert [item["approvalId"] for item in bob.pages("/v1/notifications/approvals", limit=1)] == ["ours"]
    assert [item["approvalId"] for item in ann.pages("/v1/notifications/approvals", limit=1)] == ["ours", "late", "mine"]
    assert error_of(ApprovalClient(service, tenant, user="ann", roles=("member",)).decide("mine")) == (403, "forbidden")
    assert ann.decide("mine").status_code == 200
    expect_one_decision(shared, "mine", "late", tenant=tenant)
    for status in ("pending", "approved", "rejected", "expired"):
        assert {item["approvalId"] for item in bob.approvals(status=status).json()["items"]} <= {"ours"}

    followed = [event for event in shared.bus.events() if event.tenant == tenant and json.loads(event.body)["approvalId"] != "ours"]
    assert [event.type for event in followed].count("approval.resolved") == 2
    assert {event.user for event in followed} == {"ann"}

    theirs = bob.notifications().json()
    assert [item["approvalId"] for item in theirs["items"]] == ["ours"]
    assert theirs["unreadCount"] == 1
    mine = ann.notifications().json()
    assert mine["unreadCount"] == len(mine["items"]) == 7
    hidden = next(item for item in mine["items"] if item["approvalId"] == "mine")
    assert error_of(bob.mark_read(hidden["notificationId"])) == (404, "not_found")
    assert bob.mark_all_read(mine["items"][0]["notificationId"]).json() == {"unreadCount": 0}
    assert ann.notifications().json()["unreadCount"] == 7


def test_a_private_approval_is_told_to_its_user_on_the_streams(shared, edge, service, tenant, surface):
    if not surface.carries_everything:
        pytest.skip(f"{surface} delivers what was subscribed")
    edge = edge if edge.name.startswith(surface.executable) else shared.edge(surface.executable)
    ann = ApprovalClient(service, tenant, user="ann")
    with surface.connect(edge, mint(tenant, "ann")) as hers, surface.connect(edge, mint(tenant, "bob")) as his:
        hers.next()
        his.next()
        shared.intake.publish(private("mine", tenant, "ann"))
        assert ann.decide("mine").status_code == 200
        assert [event.type for event in hers.events(3)] == ["approval.requested", "approval.resolved", "remediation.approved"]
        shared.intake.publish(requested("ours", tenant))
        assert his.next_event().payload["approvalId"] == "ours", "the first that he is told"


def test_users_who_look_alike_are_two(shared, service, tenant):
    """One letter, and the same letter with a combining accent: compared byte for byte (contract §0)."""
    one, other = (ApprovalClient(service, tenant, user=name) for name in ("\u00e9", "e\u0301"))
    shared.intake.publish(private("mine", tenant, "\u00e9"), requested("eyes", tenant, fourEyes=True, requestedBy="\u00e9"))
    assert error_of(other.decide("mine")) == (404, "not_found")
    assert one.decide("mine").status_code == 200
    assert error_of(one.decide("eyes")) == (403, "self_approval")
    assert other.decide("eyes").status_code == 200


# Requests with the same id


def test_a_request_that_nobody_could_answer_asks_nobody(shared, service, admin, tenant):
    """The bus does not refuse a second request: the first one counts, and the second creates no notification, decided or not."""

    def again(approval, number, **members):
        body = json.dumps(requested(approval, tenant, title="Again", **members)["payload"])
        shared.bus.publish_event(tenant, "approval.requested", body.encode(), id=f"again-{number}")

    shared.intake.publish(requested("done", tenant), requested("open", tenant))
    assert admin.decide("done").status_code == 200
    expect_one_decision(shared, "done", tenant=tenant)
    before = (admin.approvals().json(), admin.notifications().json())
    again("done", 1)
    again("done", 2, expiresAt=timestamp(-1))
    again("open", 3, expiresAt=timestamp(-1), remediationId="other")
    assert (admin.approvals().json(), admin.notifications().json()) == before
    fresh = ApprovalClient(approval_service(shared).wait_ready(), tenant)
    assert (fresh.approvals().json(), fresh.notifications().json()) == before
    assert error_of(admin.decide("done", "reject")) == (409, "already_resolved")
    assert admin.decide("open").json()["remediationId"] == "rem_open"


def test_a_decision_is_never_shown_for_another_request(stack):
    """A second request with a used id has no effect for as long as the first one's record is kept, whatever the log drops."""
    service = approval_service(stack).wait_ready()
    admin = ApprovalClient(service)
    [first] = stack.intake.publish(requested("apr"))
    hidden = requested("apr", remediationId="rem_other", title="Delete the database")
    assert stack.intake.post(hidden | {"id": "second"}).status_code == 409
    # The bus does not refuse it.
    stack.bus.publish_event("acme", "approval.requested", json.dumps(hidden["payload"]).encode(), id="second")
    assert admin.decide("apr", reason="It is safe").json()["remediationId"] == "rem_apr"
    decision = expect_one_decision(stack, "apr").expect_one("apr")
    assert decision["requestEventId"] == first
    eventually(lambda: service.metrics().get("causeway_approval_requests_passed_over_total", 0) >= 1, "the second request is counted")
    places = [event.sequence for event in stack.bus.events() if event.id != "second"]
    for place in places:
        stack.bus.delete(place)
    for replica in (admin, ApprovalClient(approval_service(stack).wait_ready())):
        shown = replica.approval("apr").json()
        assert (shown["status"], shown["remediationId"], shown["decision"]["reason"]) == ("approved", "rem_apr", "It is safe")
        assert error_of(replica.decide("apr", "reject")) == (409, "already_resolved")
        assert [item["approvalId"] for item in replica.approvals().json()["items"]] == ["apr"]
        assert not [item for item in replica.notifications().json()["items"] if item["type"] == "approval.requested"]
        refused = stack.intake.post(hidden | {"id": "third"})
        assert error_of(refused) == (409, "conflict") and "payload.approvalId: " in refused.json()["message"]


def test_showing_and_deciding_agree_about_what_left_the_log(stack):
    """An approval outlives the event of its request: it is shown, decided and expired, and only its notification is gone."""
    service = approval_service(stack, expiry_interval="20ms").wait_ready()
    admin = ApprovalClient(service)
    stack.intake.publish(requested("old"), requested("late", expiresAt=timestamp(2)), requested("new"))
    assert admin.approval("old").status_code == 200
    [_, _, notice] = admin.notifications().json()["items"]
    stack.bus.purge(before=3)
    for replica in (service, approval_service(stack).wait_ready()):
        client = ApprovalClient(replica)
        assert client.approval("old").json()["status"] == "pending"
        assert error_of(client.mark_read(notice["notificationId"])) == (404, "not_found")
        page = client.notifications(type="approval.requested").json()
        assert [item["approvalId"] for item in page["items"]] == ["new"]
        assert [item["approvalId"] for item in client.approvals().json()["items"]] == ["new", "late", "old"]
    assert admin.decide("old").status_code == 200
    expect_one_decision(stack, "old", "late")
    assert admin.approval("late").json()["status"] == "expired"
    # Its id stays in use.
    assert error_of(stack.intake.post(requested("old") | {"id": "once-more"})) == (409, "conflict")


def test_what_was_deleted_from_the_log_is_forgotten_by_every_replica(stack):
    """One message, or all of a tenant, is deleted in the middle of the log: replicas that had and had not read it give the same answer."""
    service = approval_service(stack).wait_ready()
    admin, other = ApprovalClient(service), ApprovalClient(service, "globex")
    stack.intake.publish(requested("first"), requested("hers", "globex"), requested("wiped"), requested("last"))
    assert admin.decide("first").status_code == 200
    assert other.decide("hers").status_code == 200
    expect_one_decision(stack, "first")
    expect_one_decision(stack, "hers", tenant="globex")
    [sequence] = [event.sequence for event in stack.bus.events() if b'"wiped"' in event.body]
    stack.bus.delete(sequence)
    stack.bus.purge_tenant("globex")
    fresh = approval_service(stack).wait_ready()
    for replica in (service, fresh):
        admin, other = ApprovalClient(replica), ApprovalClient(replica, "globex")
        # The log forgets events; approvals are kept by their records.
        assert [item["approvalId"] for item in admin.approvals().json()["items"]] == ["last", "wiped", "first"]
        assert [event["id"] for event in other.approval("hers").json()["events"]][1:] == [None]
        assert {name: other.notifications().json()[name] for name in ("items", "unreadCount")} == {"items": [], "unreadCount": 0}
        assert admin.notifications().json() == ApprovalClient(service).notifications().json()
        assert "wiped" not in {item["approvalId"] for item in admin.notifications().json()["items"]}
    # A process that was down meanwhile returns the same.
    service.kill()
    [sequence] = [event.sequence for event in stack.bus.events() if event.type == "approval.requested" and b'"last"' in event.body]
    stack.bus.delete(sequence)
    service.start().wait_ready()
    assert "last" not in {item["approvalId"] for item in ApprovalClient(service).notifications().json()["items"]}


def test_a_restored_log_is_noticed_without_a_hand(stack):
    """The bus is restored from an older copy and written beyond the replica's position; the replica's file still exists."""
    service = approval_service(stack).wait_ready()
    stack.intake.publish(requested("kept"))
    assert ApprovalClient(service).approval("kept").status_code == 200
    stack.nats.terminate()
    assert stack.nats.wait(20) is not None, "nats-server exits; Debian's with 1 at SIGTERM"
    copy = stack.directory / "copy"
    stack.nats.copy_store(copy)
    stack.nats.start()
    service.wait_ready()
    stack.intake.publish_surely([requested("lost"), requested("again")])
    # It may not have noticed the outage of the bus yet, and answers 503 until the bus is back.
    eventually(lambda: ApprovalClient(service).decide("lost", key="k").status_code == 200, "it decides again", timeout=30)
    expect_one_decision(stack, "lost")
    service.kill()
    stack.nats.kill()
    stack.nats.restore_store(copy)
    stack.nats.start()
    stack.intake.publish_surely([requested(f"new_{n}") | {"id": f"new-{n}"} for n in range(9)])
    service.start().wait_ready()
    admin, fresh = ApprovalClient(service), ApprovalClient(approval_service(stack).wait_ready())
    assert error_of(admin.approval("lost")) == (404, "not_found")
    assert admin.approvals().json() == fresh.approvals().json()
    assert {item["approvalId"] for item in admin.approvals().json()["items"]} == {"kept"} | {f"new_{n}" for n in range(9)}


def test_the_same_request_again_gets_the_first_answer(shared, service, admin, tenant):
    shared.intake.publish(requested("apr_1", tenant))
    other = approval_service(shared).wait_ready()
    first = admin.decide("apr_1", "approve", key="click-1", reason="yes")
    assert first.status_code == 200
    for replica in (service, other):
        again = ApprovalClient(replica, tenant)
        for _ in range(2):
            answer = again.decide("apr_1", "approve", key="click-1", reason="yes")
            assert (answer.status_code, answer.json()) == (200, first.json())
        assert error_of(again.decide("apr_1", "approve", key="click-2", reason="yes")) == (409, "already_resolved")
        assert error_of(again.decide("apr_1", "reject", key="click-1", reason="yes")) == (409, "already_resolved")
        assert error_of(again.decide("apr_1", "approve", key="click-1")) == (409, "already_resolved")
        assert error_of(again.decide("apr_1", "approve", reason="yes")) == (409, "already_resolved")
        somebody = ApprovalClient(replica, tenant, user="usr_2")
        assert error_of(somebody.decide("apr_1", "approve", key="click-1", reason="yes")) == (409, "already_resolved")
    expect_one_decision(shared, "apr_1", tenant=tenant)


def test_a_key_belongs_to_one_request(shared, service, admin, tenant):
    """Another approval under a used key is a conflict, for the same user of the same tenant."""
    shared.intake.publish(requested("apr_1", tenant), requested("apr_2", tenant), requested("apr_1", f"{tenant}_other"))
    key = "click \u00e9".encode()
    assert admin.decide("apr_1", key=key).status_code == 200
    other = approval_service(shared).wait_ready()
    for replica in (service, other):
        for action in ("approve", "reject"):
            assert error_of(ApprovalClient(replica, tenant).decide("apr_2", action, key=key)) == (409, "conflict")
    assert admin.approval("apr_2").json()["status"] == "pending"
    assert ApprovalClient(service, f"{tenant}_other").decide("apr_1", key=key).status_code == 200
    assert ApprovalClient(service, tenant, user="usr_2").decide("apr_2", key=key).status_code == 200


@pytest.mark.parametrize("key", [b"", b"x" * 257, b"a\tb", b"\xc2\x85", b"x-\xe3", b"x-\xe4"])
def test_keys_that_break_the_rules_are_refused(shared, admin, tenant, key):
    shared.intake.publish(requested("apr_1", tenant))
    headers = {b"Idempotency-Key": key, b"Authorization": f"Bearer {admin.token}".encode()}
    path = f"{admin.service.url}/v1/notifications/approvals/apr_1"
    answer = admin.client.request("POST", path, json={"action": "approve"}, headers=headers)
    assert error_of(answer) == (400, "validation_error")
    assert admin.approval("apr_1").json()["status"] == "pending"


def test_four_eyes(shared, service, admin, tenant):
    shared.intake.publish(
        requested("own", tenant, fourEyes=True, requestedBy="usr_1"),
        requested("nobody", tenant, fourEyes=True),
        requested("free", tenant, fourEyes=False, requestedBy="usr_1"),
    )
    # The intake would refuse it; a program on the bus bypasses the intake.
    odd = requested("odd", tenant, fourEyes="no", requestedBy="usr_1")
    shared.bus.publish_event(tenant, odd["type"], json.dumps(odd["payload"]).encode(), id="odd")
    other = ApprovalClient(service, tenant, user="usr_2")
    assert error_of(admin.decide("own")) == (403, "self_approval")
    assert error_of(admin.decide("own", "reject")) == (403, "self_approval")
    assert error_of(admin.decide("odd")) == (403, "self_approval"), "what is there to stop a decision stops it also when it is misspelt"
    assert error_of(other.decide("nobody")) == (403, "self_approval")
    assert other.decide("own").status_code == 200
    assert other.decide("nobody", "reject").status_code == 200
    assert admin.decide("free").status_code == 200


def test_nobody_answers_in_time(shared, admin, tenant):
    shared.intake.publish(
        requested("late", tenant, expiresAt=timestamp(0.5)),
        requested("early", tenant, expiresAt=timestamp(3600)),
    )
    # The intake would refuse it; a program on the bus bypasses the intake.
    odd = requested("odd", tenant, expiresAt="tomorrow")
    shared.bus.publish_event(tenant, odd["type"], json.dumps(odd["payload"]).encode(), id="odd")
    assert admin.decide("early").status_code == 200
    log = expect_one_decision(shared, "late", "odd", "early", tenant=tenant)
    for name in ("late", "odd"):
        decision = log.expect_one(name, tenant)
        assert (decision["action"], decision["decidedBy"]) == ("expire", "system")
        assert error_of(admin.decide(name)) == (409, "expired")
        assert admin.approval(name).json()["status"] == "expired"
    assert error_of(admin.decide("early")) == (409, "already_resolved")


def test_a_late_answer_expires_the_approval_by_itself(shared, tenant):
    """Before the next sweep, a request that comes too late records the expiry."""
    idle = approval_service(shared, expiry_interval="1h").wait_ready()
    admin = ApprovalClient(idle, tenant)
    shared.intake.publish(requested("late", tenant, expiresAt=timestamp(-1)))
    assert error_of(admin.decide("late")) == (409, "expired")
    expect_one_decision(shared, "late", tenant=tenant)


def test_an_event_that_only_looks_like_a_decision_decides_nothing(shared, admin, tenant):
    shared.intake.publish(requested("apr_1", tenant))
    body = b'{"approvalId":"apr_1","remediationId":"rem_apr_1","action":"approve"}'
    shared.bus.publish_event(tenant, "approval.resolved", body, id="forged")
    assert admin.approval("apr_1").json()["status"] == "pending"
    assert admin.decide("apr_1", "reject").status_code == 200


def test_the_list(shared, admin, tenant):
    names = [f"apr_{n}" for n in range(7)]
    for name in names:
        shared.intake.publish(requested(name, tenant))
    for name in names[::2]:
        assert admin.decide(name, "approve" if name != "apr_2" else "reject").status_code == 200
    assert [item["approvalId"] for item in admin.pages("/v1/notifications/approvals", limit=2)] == names[::-1]
    for status, wanted in [("pending", ["apr_5", "apr_3", "apr_1"]), ("rejected", ["apr_2"]), ("expired", [])]:
        assert [item["approvalId"] for item in admin.pages("/v1/notifications/approvals", status=status, limit=1)] == wanted
    for query in ({"status": "open"}, {"limit": 0}, {"limit": 201}, {"limit": "+5"}, {"cursor": "x"}, {"cursor": "evt_" + "0" * 26}):
        assert error_of(admin.approvals(**query)) == (400, "validation_error"), query


NUMBERS = ["-1", "0", str(1 << 31), str(1 << 53), str(1 << 63), str((1 << 64) - 1), str(1 << 64), "1e3", "", "9" * 30, "+5", " 5", "0x5", "5.0"]


@pytest.mark.parametrize("number", NUMBERS)
def test_limits_are_whole_numbers(service, admin, number):
    for path in ("/v1/notifications", "/v1/notifications/approvals"):
        assert error_of(admin.send("GET", path, params={"limit": number})) == (400, "validation_error")
    assert service.is_running


@pytest.mark.parametrize("sequence", [0, 1 << 31, 1 << 53, (1 << 63) - 2, (1 << 63) - 1, 1 << 63, (1 << 64) - 2, (1 << 64) - 1])
def test_no_place_stops_the_service(shared, service, admin, tenant, sequence):
    """Extreme ids and cursors with the log's epoch: the process answers and does not crash."""
    [event_id] = shared.intake.publish(requested("apr_1", tenant))
    cursor = Cursor.parse(event_id)._replace(sequence=sequence).text
    notification = "ntf_" + cursor.removeprefix("evt_")
    assert error_of(admin.mark_read(notification)) == (404, "not_found")
    assert error_of(admin.mark_read(cursor)) == (404, "not_found")
    if sequence:
        for text in (cursor, notification):
            assert error_of(admin.mark_all_read(text)) == (400, "validation_error")
            assert error_of(admin.notifications(cursor=text)) == (400, "validation_error")
        assert error_of(admin.approvals(cursor=cursor)) == (400, "validation_error")
    else:
        assert admin.notifications(cursor=cursor).json()["items"] == []
        assert admin.approvals(cursor=cursor).json()["items"] == []
    assert service.is_running
    assert admin.notifications().json()["unreadCount"] == 1


@pytest.mark.alone
def test_another_tenants_approval_is_as_unknown_as_any(shared, service, admin, tenant):
    """Indistinguishable from an approval that does not exist, by the response and by its time."""
    shared.intake.publish(requested("apr_1", "somebody_else"), requested("apr_1", tenant))
    hidden, unknown = requested("hidden", "somebody_else"), "missing"
    shared.intake.publish(hidden)
    answers = {name: [] for name in ("hidden", unknown)}
    for n in range(size(100, 400)):
        for name in sorted(answers, reverse=bool(n % 2)):
            start = time.perf_counter()
            answer = admin.decide(name)
            answers[name].append(time.perf_counter() - start)
            assert error_of(answer) == (404, "not_found")
            text = answer.json()["message"]
            assert name not in text
    medians = {name: statistics.median(times) for name, times in answers.items()}
    spread = statistics.quantiles(answers[unknown], n=4)
    assert abs(medians["hidden"] - medians[unknown]) <= max(spread[2] - spread[0], 0.001), medians
    assert admin.approval("apr_1").json()["status"] == "pending"


def test_rate_limits(shared, tenant):
    limited = approval_service(shared, rate_limit=60, rate_burst=3).wait_ready()
    admin, other = ApprovalClient(limited, tenant), ApprovalClient(limited, f"{tenant}_other")
    answers = [admin.approvals() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert error_of(answers[3]) == (429, "rate_limited")
    assert answers[3].headers["retry-after"] == "1"
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"60"}
    assert other.approvals().status_code == 200, "one tenant's limit is nobody else's"
    eventually(lambda: admin.approvals().status_code == 200, "the bucket fills again", timeout=5, interval=0.3)


def test_no_limit_means_no_headers(admin):
    assert not [name for name in admin.approvals().headers if name.startswith("x-ratelimit")]


# Exactly once


class Voters:
    """Many users who decide the same approval concurrently, spread over the replicas."""

    def __init__(self, services, count, tenant="acme"):
        self.people = [ApprovalClient(services[n % len(services)], tenant, user=f"usr_{n}") for n in range(count)]
        self.barrier = threading.Barrier(count)
        self.pool = ThreadPoolExecutor(count)

    def answer(self, approval):
        """Returns the result of each user: (user, action, response)."""

        def one(n):
            action = ("approve", "reject")[n % 2]
            self.barrier.wait(30)
            return f"usr_{n}", action, self.people[n].decide(approval, action)

        return list(self.pool.map(one, range(len(self.people))))

    def close(self):
        self.pool.shutdown()


@pytest.mark.long
@pytest.mark.timeout(size(120, 600))
def test_of_many_simultaneous_answers_one_wins(stack):
    """20 users decide each approval concurrently, half of them approving and half rejecting, at three replicas."""
    count, people = size(25, 200), 20
    services = approval_services(stack, 3)
    names = [f"apr_{n}" for n in range(count)]
    stack.intake.publish(*[requested(name) for name in names])
    voters, winners = Voters(services, people), {}
    for name in names:
        answers = voters.answer(name)
        won = [(user, action) for user, action, answer in answers if answer.status_code == 200]
        lost = [error_of(answer) for _, _, answer in answers if answer.status_code != 200]
        assert len(won) == 1, f"{name}: {won}"
        assert lost == [(409, "already_resolved")] * (people - 1), lost
        winners[name] = won[0]
    voters.close()
    log = expect_one_decision(stack, *names)
    for name, (user, action) in winners.items():
        decision = log.expect_one(name)
        assert (decision["decidedBy"], decision["action"]) == (user, action), f"{name}: the log says otherwise than the answer"
    expect_agreement(services, names)


def expect_agreement(services, names):
    """All replicas return the same for every approval."""
    clients = [ApprovalClient(service) for service in services]
    for name in names:
        answers = [client.approval(name).json() for client in clients]
        assert all(answer == answers[0] for answer in answers), answers
    lists = [client.pages("/v1/notifications/approvals", limit=200) for client in clients]
    assert all(items == lists[0] for items in lists)


class Insistent(threading.Thread):
    """Decides approvals one after the other, and retries each decision through all failures until its outcome is known."""

    def __init__(self, number, services, names, stop):
        super().__init__(name=f"insistent {number}", daemon=True)
        self.number, self.services, self.names, self.stop = number, services, names, stop
        self.won, self.answers, self.failure = {}, 0, None

    def run(self):
        try:
            with httpx.Client(timeout=5) as client:
                for name in self.names:
                    if self.stop.is_set():
                        return
                    self._insist(name, client)
        except BaseException as failure:
            self.failure = failure

    def _insist(self, name, client):
        user, action = f"usr_{self.number}", ("approve", "reject")[self.number % 2]
        attempt = self.number
        while True:
            service = self.services[attempt % len(self.services)]
            attempt += 1
            try:
                answer = ApprovalClient(service, user=user, client=client).decide(name, action, key=f"{self.number}-{name}")
            except httpx.TransportError:
                # The pace of a retrying client: the outage's end is what its next attempt finds out.
                pause(0.05)
                continue
            if answer.status_code != 503:
                break
            assert "retry-after" in answer.headers
            pause(0.05)
        self.answers += 1
        if answer.status_code == 200:
            self.won[name] = (user, action)
        else:
            assert error_of(answer) == (409, "already_resolved"), answer.text


@pytest.mark.long
@pytest.mark.timeout(size(180, 900))
def test_nothing_is_lost_or_doubled_whatever_is_killed(stack, chance):
    """A replica is killed every second, nats-server twice, while users retry their decisions."""
    seconds, people = size(10, 60), 6
    services = approval_services(stack, 3)
    names = [f"apr_{n}" for n in range(size(2000, 12_000))]
    for first in range(0, len(names), 500):
        stack.intake.publish(*[requested(name) for name in names[first : first + 500]])
    stop = threading.Event()
    crowd = [Insistent(number, services, names, stop) for number in range(people)]
    for person in crowd:
        person.start()
    outages = {seconds // 3, 2 * seconds // 3}
    for second in range(seconds):
        victim = chance.choice(services)
        victim.kill()
        if second in outages:
            # The pauses are the durations of the outages, which are the test's input.
            stack.nats.kill()
            pause(0.5)
            stack.nats.start()
        pause(0.3)
        victim.start()
        pause(0.7)
    stop.set()
    for person in crowd:
        person.join(60)
        assert not person.is_alive(), "somebody got no answer"
        if person.failure:
            raise person.failure
    won = {name: (person, answer) for person in crowd for name, answer in person.won.items()}
    assert len(won) == sum(len(person.won) for person in crowd), "two people were told that they had decided the same approval"
    assert len(won) > 3 * seconds, f"only {len(won)} approvals were decided: the test did not test"
    print(f"{len(won)} approvals decided, {sum(person.answers for person in crowd)} answers, {seconds} replicas killed")
    log = expect_one_decision(stack, *won, timeout=10)
    for name, (_, (user, action)) in won.items():
        decision = log.expect_one(name)
        assert (decision["decidedBy"], decision["action"]) == (user, action)
    for decisions in log.resolved.values():
        assert len(decisions) == 1, decisions
    for service in services:
        service.wait_ready()
    expect_agreement(services, list(won)[: size(50, 500)])


def test_what_follows_comes_when_a_replica_is_back(stack):
    """The effect of a decision that was recorded just before all processes died is published by the next process."""
    [service] = approval_services(stack, 1)
    stack.intake.publish(requested("apr_1"))
    assert ApprovalClient(service).decide("apr_1").status_code == 200
    service.kill()
    approval_service(stack).wait_ready()
    expect_one_decision(stack, "apr_1")


def test_a_shared_reading_that_is_lost_announces_nothing_twice(stack):
    """The consumer is deleted while services run: every record is read again, and no event is published twice."""
    services = approval_services(stack, 2)
    names = [f"apr_{n}" for n in range(20)]
    stack.intake.publish(*[requested(name) for name in names])
    for name in names:
        assert ApprovalClient(services[0]).decide(name).status_code == 200
    expect_one_decision(stack, *names)
    stack.bus.delete_consumer("approval-records", stream="APPROVALS")
    stack.intake.publish(requested("afterwards"))
    assert ApprovalClient(services[1]).decide("afterwards").status_code == 200
    expect_one_decision(stack, "afterwards", *names)
    eventually(lambda: stack.bus.consumer_is_done("approval-records", stream="APPROVALS"), "every decision was read again", timeout=15)
    expect_one_decision(stack, "afterwards", *names)


@pytest.mark.long
@pytest.mark.timeout(size(120, 600))
def test_an_approval_is_known_as_soon_as_anyone_has_seen_it(stack, surface):
    """Decided as soon as an edge delivers it: never a 404."""
    if not surface.carries_everything:
        pytest.skip(f"{surface} delivers what was subscribed")
    count = size(200, 1000)
    edge = stack.edge(surface.executable)
    admin = ApprovalClient(approval_services(stack, 1)[0])
    with surface.connect(edge, mint(roles=("admin",)), types="approval.requested") as connection:
        connection.next()
        for n in range(count):
            stack.intake.publish(requested(f"apr_{n}"))
            approval = connection.next_event().payload["approvalId"]
            answer = admin.decide(approval)
            assert answer.status_code == 200, f"{approval}: {answer.status_code} {answer.text}"


# The read model


def everything(service, tenant="acme"):
    """Returns all responses of a replica about a tenant."""
    client = ApprovalClient(service, tenant)
    return {
        "approvals": client.pages("/v1/notifications/approvals", limit=200),
        "pending": client.pages("/v1/notifications/approvals", limit=200, status="pending"),
        "notifications": client.pages("/v1/notifications", limit=200),
        "unread": client.notifications(limit=1).json()["unreadCount"],
    }


@pytest.mark.long
@pytest.mark.timeout(size(180, 600))
def test_the_read_model_is_rebuilt_from_the_log(stack, record_property):
    """The file is deleted, or a further replica starts without one: the responses are the same."""
    events = size(10_000, 100_000)
    service = approval_service(stack, name="first").wait_ready()
    admin = ApprovalClient(service)
    names = [f"apr_{n}" for n in range(60)]
    stack.intake.publish(*[requested(name) for name in names])
    for first in range(0, events, 1000):
        # Of ten events, one is a notification of this tenant's.
        stack.intake.publish(
            *[
                {
                    "type": "incident.created" if n % 10 == 0 else "investigation.progress",
                    "tenant": "acme" if n % 100 == 0 else f"tenant_{n % 7}",
                    "payload": {"incidentId": f"inc_{n}", "title": "Slow", "message": "Looking", "agentName": "logs"},
                }
                for n in range(first, first + 1000)
            ]
        )
    for number, name in enumerate(names[:40]):
        assert admin.decide(name, ("approve", "reject")[number % 2], reason=f"reason {number}").status_code == 200
    expect_one_decision(stack, *names[:40])
    listed = admin.notifications(limit=200).json()["items"]
    admin.mark_all_read(listed[50]["notificationId"]).raise_for_status()
    for item in listed[:10:2]:
        admin.mark_read(item["notificationId"]).raise_for_status()
    before = everything(service)
    assert before["unread"] == 45

    service.terminate()
    assert service.wait(30) == 0
    for file in stack.directory.glob("first.sqlite*"):
        file.unlink()
    service.start().wait_ready()
    assert everything(service) == before
    fresh = approval_service(stack, name="fresh").wait_ready()
    assert everything(fresh) == before
    fresh.wait_for_log("caught up with the log")
    rates = [json.loads(line)["metadata"] for line in fresh.log.splitlines() if "caught up with the log" in line]
    print(f"rebuilt from {rates[0]['log.entries']} entries at {rates[0]['entries_per_s']} entries a second")
    record_property("entries_per_s", rates[0]["entries_per_s"])

    # A replica that was stopped for a while continues at its position.
    fresh.kill()
    fresh.start().wait_ready()
    assert everything(fresh) == before


def test_a_file_that_is_damaged_or_of_another_version_is_made_anew(stack):
    service = approval_service(stack, name="first").wait_ready()
    stack.intake.publish(requested("apr_1"))
    assert ApprovalClient(service).decide("apr_1").status_code == 200
    expect_one_decision(stack, "apr_1")
    before = everything(service)
    file = stack.directory / "first.sqlite"
    for damage in (lambda data: data[:100] + b"\x00" * 3000 + data[3100:], lambda data: data[:60] + b"\x00\x00\x00\x63" + data[64:]):
        service.terminate()
        assert service.wait(30) == 0
        file.write_bytes(damage(file.read_bytes()))
        service.start().wait_ready()
        assert everything(service) == before


def test_a_file_of_somebody_else_is_left_alone(shared):
    file = shared.directory / "letter.txt"
    file.write_text("Dear reader")
    refused = approval_service(shared, database_file=file)
    eventually(lambda: not refused.is_running, "it does not start")
    assert refused.exit_code == 1
    assert "is not a read model of approval-api" in refused.log
    assert file.read_text() == "Dear reader"
    refused.kill()


def test_a_log_that_is_made_anew_is_another_log(stack):
    """Approvals outlive the log; what is requested in the new one is decided like any other."""
    service = approval_service(stack).wait_ready()
    admin = ApprovalClient(service)
    stack.intake.publish(requested("apr_1"), requested("open"))
    assert admin.decide("apr_1").status_code == 200
    expect_one_decision(stack, "apr_1")
    eventually(lambda: stack.bus.consumer_is_done("approval-records", "APPROVALS"), "no record is still to be announced")
    stack.bus.recreate_log()
    eventually(lambda: admin.notifications().json().get("items") == [], "what the former log held is forgotten")
    shown = admin.approval("apr_1").json()
    assert (shown["status"], shown["events"][1]["id"]) == ("approved", None)
    stack.intake.publish(requested("apr_2"))
    for name in ("apr_2", "open"):
        eventually(lambda name=name: admin.decide(name, "reject", key=name).status_code == 200, "it can be decided")
    expect_one_decision(stack, "apr_2", "open")


def test_without_the_bus_nothing_is_promised(stack):
    service = approval_service(stack, decision_timeout="1s").wait_ready()
    admin = ApprovalClient(service)
    stack.intake.publish(requested("apr_1"))
    assert admin.approval("apr_1").status_code == 200
    stack.nats.kill()
    for answer in (admin.decide("apr_1", key="k"), admin.approval("apr_1"), admin.decide("unknown"), admin.notifications()):
        assert error_of(answer) == (503, "service_unavailable")
        assert answer.headers["retry-after"]
    assert service.readiness() == 503
    stack.nats.start()
    service.wait_ready()
    assert admin.decide("apr_1", key="k").status_code == 200
    expect_one_decision(stack, "apr_1")
