"""What is approved is what is executed, once, and an approval outlives the log (contract §12)."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from causeway_kit.approvals import approval_service, approval_services, error_of, requested, timestamp
from causeway_kit.cursors import Cursor
from causeway_kit.intake import numbered
from causeway_kit.letters import Letters
from causeway_kit.services import is_built
from causeway_kit.sizes import size
from causeway_kit.stack import Stack
from causeway_kit.subjects import token
from causeway_kit.votes import GROUPS, ApprovalEvents, Person, digest_of
from causeway_kit.waiting import eventually

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")

#: For the fixture `replicas`.
REPLICAS = 3

FORBIDDEN, NOT_FOUND, INVALID = (403, "forbidden"), (404, "not_found"), (400, "validation_error")
CONFLICT, NOT_APPROVED, ALREADY_CONSUMED = (409, "conflict"), (409, "not_approved"), (409, "already_consumed")
ALREADY_RESOLVED = (409, "already_resolved")

ACTION = {"tool": "scale", "service": "checkout", "replicas": 8}
DIGEST, OTHER_DIGEST = digest_of(ACTION), digest_of(ACTION | {"replicas": 80})


@pytest.fixture
def admin(person):
    return person("ada", basic="admin")


@pytest.fixture
def executor(person):
    return person("exe", basic="producer")


# The digest


def test_a_digest_that_differs_decides_nothing(shared, person, admin, tenant, events):
    shared.intake.publish(
        requested("apr", tenant, action=ACTION), requested("voted", tenant, action=ACTION, groups=GROUPS), requested("bare", tenant)
    )
    ann = person("ann", "security")
    for name, who in (("apr", admin), ("voted", ann)):
        assert who.approval(name).json()["actionDigest"] == DIGEST
        for action in ("approve", "reject"):
            assert error_of(who.decide(name, action, actionDigest=OTHER_DIGEST)) == CONFLICT
        for malformed in (DIGEST.upper(), DIGEST[:-1], DIGEST.removeprefix("sha256:"), "", 5):
            assert error_of(who.decide(name, actionDigest=malformed)) == INVALID, malformed
    assert error_of(admin.decide("bare", actionDigest=DIGEST)) == CONFLICT, "nothing was shown"
    for name in ("apr", "voted", "bare"):
        assert events.records(name) == ["REQUEST"]
    vote = ann.decide("voted", actionDigest=DIGEST).json()
    decision = admin.decide("apr", actionDigest=DIGEST).json()
    assert vote["actionDigest"] == decision["actionDigest"] == DIGEST
    [*_, (_, voted)] = events.expect("voted", approval_voted=1)
    announced = events.expect("apr", approval_resolved=1, remediation_approved=1)
    assert {body["actionDigest"] for body in (voted, *(body for _, body in announced))} == {DIGEST}
    assert admin.approval("apr").json()["decision"] == decision


ACTIONS = [
    {"b": [1, 2.50, -0.0, 1e21, 1e-7, 333333333.33333329], "a": {"\u20ac": "\u00e9", "\r": None, "\ufb33": True, "1": False}},
    {"text": '\u0000\b\t"\\/\u007f\u2028 \U0001f600', "empty": {}, "list": [], "\U0001f600": 1, "\uffff": 2},
    [0.1, 9007199254740991, 5e-324, 1.7976931348623157e308],
    "restart",
    0,
    False,
]


@pytest.mark.parametrize("action", ACTIONS, ids=range(len(ACTIONS)))
def test_the_digest_is_that_of_another_implementation(shared, admin, tenant, action):
    import hashlib

    rfc8785 = pytest.importorskip("rfc8785")
    shared.intake.publish(requested("apr", tenant, action=action))
    shown = admin.approval("apr").json()
    assert shown["action"] == action
    assert shown["actionDigest"] == "sha256:" + hashlib.sha256(rfc8785.dumps(action)).hexdigest()


# Consumption


def test_a_permit_is_given_after_the_approval_and_once(shared, replicas, person, admin, executor, tenant, events):
    shared.intake.publish(requested("apr", tenant, action=ACTION, groups=GROUPS))
    assert error_of(executor.consume("apr", DIGEST)) == NOT_APPROVED
    voters = [person("ann", "security"), person("sam", "security"), person("dan", "dba")]
    for voter in voters:
        assert error_of(executor.consume("apr", DIGEST)) == NOT_APPROVED
        assert error_of(voter.consume("apr", DIGEST)) == FORBIDDEN, "a member executes nothing"
        assert voter.decide("apr").status_code == 200
    for digest in (OTHER_DIGEST, None):
        assert error_of(executor.consume("apr", digest)) == CONFLICT
    assert error_of(executor.consume("apr", "sha256:x")) == INVALID
    assert error_of(executor.consume("unknown", DIGEST)) == NOT_FOUND
    assert error_of(Person(replicas[0], f"{tenant}_other", "exe", basic="producer").consume("apr", DIGEST)) == NOT_FOUND
    assert "CONSUMPTION" not in events.records("apr")

    answer = executor.consume("apr", DIGEST, key="k")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body | {"consumedAt": None} == {
        "approvalId": "apr",
        "remediationId": "rem_apr",
        "actionDigest": DIGEST,
        "consumedBy": "exe",
        "consumedAt": None,
    }
    for replica in replicas:
        assert executor.at(replica).consume("apr", DIGEST, key="k").json() == body
        for other in (executor, admin):
            assert error_of(other.at(replica).consume("apr", DIGEST)) == ALREADY_CONSUMED
            assert error_of(other.at(replica).consume("apr", DIGEST, key="other")) == ALREADY_CONSUMED
        assert error_of(admin.at(replica).consume("apr", DIGEST, key="k")) == ALREADY_CONSUMED, "a key belongs to one person"
        assert error_of(executor.at(replica).consume("apr", OTHER_DIGEST, key="k")) == CONFLICT
        shown = admin.at(replica).approval("apr").json()
        assert (shown["status"], shown["consumption"]) == ("approved", body)
        assert [(entry["type"], entry["by"]) for entry in shown["history"]][-1] == ("approval.consumed", "exe")
    announced = events.expect("apr", approval_voted=3, approval_resolved=1, remediation_approved=1, approval_consumed=1)
    [consumed] = [body for event, body in announced if event.type == "approval.consumed"]
    assert (consumed["consumedBy"], consumed["consumedAt"], consumed["actionDigest"]) == ("exe", body["consumedAt"], DIGEST)


@pytest.mark.parametrize("keys", ["none", "distinct", "one"])
def test_one_of_twenty_executors_has_the_permit(shared, replicas, admin, executor, tenant, events, keys):
    names = [f"apr_{n}" for n in range(size(3, 50))]
    shared.intake.publish(*[requested(name, tenant, action=ACTION) for name in names])
    with ThreadPoolExecutor(20) as pool:
        for name in names:
            assert admin.decide(name).status_code == 200

            def consume(number, name=name):
                key = {"none": None, "distinct": f"{name}-{number}", "one": name}[keys]
                return executor.at(replicas[number % len(replicas)]).consume(name, DIGEST, key=key)

            answers = list(pool.map(consume, range(20)))
            permits = [answer.json() for answer in answers if answer.status_code == 200]
            assert len(permits) == (20 if keys == "one" else 1)
            assert permits[1:] == permits[:-1]
            assert {error_of(answer) for answer in answers if answer.status_code != 200} <= {ALREADY_CONSUMED}
            assert admin.approval(name).json()["consumption"] == permits[0]
    events.wait_until_announced()
    counts = events.counts()
    assert {counts[name]["approval.consumed"] for name in names} == {1}


def test_what_was_not_approved_is_not_executed(shared, admin, executor, tenant, events):
    """Also not with the approval of the same action under another id."""
    shared.intake.publish(
        requested("approved", tenant, action=ACTION),
        requested("pending", tenant, action=ACTION),
        requested("rejected", tenant, action=ACTION),
        requested("late", tenant, action=ACTION, expiresAt=timestamp(0.2)),
        requested("bare", tenant),
    )
    assert admin.decide("approved").status_code == admin.decide("bare").status_code == 200
    assert admin.decide("rejected", "reject").status_code == 200
    eventually(lambda: admin.approval("late").json()["status"] == "expired", "it expires")
    assert executor.consume("approved", DIGEST, key="k").status_code == 200
    for name in ("pending", "rejected", "late"):
        assert error_of(executor.consume(name, DIGEST)) == NOT_APPROVED, name
        assert error_of(executor.consume(name, DIGEST, key="k")) == CONFLICT, "the key is of another approval"
        assert "CONSUMPTION" not in events.records(name)
    # One that names no action permits none by name.
    assert error_of(executor.consume("bare", DIGEST)) == CONFLICT
    assert executor.consume("bare").json()["actionDigest"] is None


def test_a_permit_outlives_the_process_that_gave_it(stack):
    first, second = approval_services(stack, 2)
    stack.intake.publish(requested("apr", action=ACTION))
    executor = Person(first, "acme", "exe", basic="producer")
    assert Person(first, "acme", "ada", basic="admin").decide("apr").status_code == 200
    given = executor.consume("apr", DIGEST, key="k").json()
    first.kill()
    assert executor.at(second).consume("apr", DIGEST, key="k").json() == given
    assert error_of(executor.at(second).consume("apr", DIGEST)) == ALREADY_CONSUMED
    ApprovalEvents(stack).expect("apr", approval_resolved=1, remediation_approved=1, approval_consumed=1)


# Retention


def test_an_approval_outlives_the_log():
    """The log keeps 64 KiB, and other events flood it: nothing that is pending or decided is lost, and the log gets each event once."""
    with Stack(event_log_max_bytes="64KiB") as stack:
        service = approval_service(stack, name="first").wait_ready()
        ann, sam, dan = (Person(service, "acme", user, role) for user, role in (("ann", "security"), ("sam", "security"), ("dan", "dba")))
        executor = Person(service, "acme", "exe", basic="producer")
        admin = Person(service, "acme", "ada", basic="admin")
        members = {"action": ACTION, "groups": GROUPS}
        ids = stack.intake.publish(requested("pending", **members), requested("decided", **members), requested("plain"))
        assert ids == sorted(ids), "stored in the order in which they were sent"
        for voter in (ann, sam, dan):
            assert voter.decide("decided", reason="yes").status_code == 200
        assert ann.decide("pending").status_code == admin.decide("plain", "reject").status_code == 200
        log = ApprovalEvents(stack)
        log.wait_until_announced()
        before = {name: admin.approval(name).json() for name in ("pending", "decided", "plain")}

        def flood():
            last = stack.bus.state().last_seq
            stack.bus.publish_many("globex", "load.tick", ({"n": n, "padding": "x" * 200} for n in range(1000)))
            assert stack.bus.state().first_seq > last, "the log has dropped what it held"

        def without_ids(shown):
            """An approval without the ids of events that the log has dropped, which are null."""
            shown = json.loads(json.dumps(shown))
            for entry in shown["history"][1:]:
                entry["eventId"] = None
            for event in shown["events"][1:]:
                event["id"] = None
            # Its effect is in the log alone.
            shown["events"] = [event for event in shown["events"] if not event["type"].startswith("remediation.")]
            return shown

        def check(*replicas):
            for replica in replicas:
                seen = admin.at(replica)
                shown = {name: seen.approval(name).json() for name in before}
                assert {name: without_ids(approval) for name, approval in shown.items()} == {
                    name: without_ids(approval) for name, approval in before.items()
                }
                assert [approval["history"][0]["eventId"] for approval in shown.values()] == ids, "the request's id stays"
                assert [item["approvalId"] for item in seen.approvals().json()["items"]] == ["plain", "decided", "pending"]
                for status, name in (("pending", "pending"), ("approved", "decided"), ("rejected", "plain")):
                    assert [item["approvalId"] for item in seen.approvals(status=status).json()["items"]] == [name]
                assert error_of(dan.at(replica).decide("decided")) == error_of(seen.decide("plain")) == ALREADY_RESOLVED
                assert ann.at(replica).decide("pending").json()["status"] == "pending", "the vote stands"

        flood()
        check(service)
        # A fresh read model, one made anew, and one that was down in the meantime.
        fresh = approval_service(stack, name="fresh").wait_ready()
        fresh.kill()
        service.kill()
        for file in stack.directory.glob("first.sqlite*"):
            file.unlink()
        service.start()
        another = approval_service(stack, name="another")
        flood()
        fresh.start()
        check(*(replica.wait_ready() for replica in (service, another, fresh)))
        # The id is in use, also to a program on the bus, and whatever the log still holds.
        assert error_of(stack.intake.post(requested("pending") | {"id": "again"})) == CONFLICT
        asked = requested("pending", title="Delete the database", action={"tool": "drop"})["payload"]
        for form in FORMS:
            publish_plainly(stack, "acme", form, asked)
        check(service, another, fresh)
        for replica in (service, another, fresh):
            assert not [item for item in admin.at(replica).notifications().json()["items"] if item["type"] == "approval.requested"]

        assert executor.consume("decided", DIGEST).status_code == 200
        assert error_of(executor.at(fresh).consume("pending", DIGEST)) == NOT_APPROVED
        assert sam.at(another).decide("pending").json()["status"] == "pending"
        assert dan.at(fresh).decide("pending").json()["status"] == "approved"
        # What was announced before is not announced again.
        log.expect("pending", approval_voted=2, approval_resolved=1, remediation_approved=1)
        log.expect("decided", approval_consumed=1)
        log.expect("plain")
        history = [(entry["type"], entry["by"], entry["eventId"] is None) for entry in admin.approval("pending").json()["history"]]
        assert history == [
            ("approval.requested", None, False),
            ("approval.voted", "ann", True),
            ("approval.voted", "sam", False),
            ("approval.voted", "dan", False),
            ("approval.resolved", "dan", False),
        ]


def test_the_list_by_deadline(shared, replicas, admin, tenant):
    """Those that expire next come first, and those that do not expire last; no page repeats or leaves out one."""
    later = timestamp(4000)
    deadlines = [None, timestamp(3000), later, None, timestamp(2000), later, later, None]
    names = [f"apr_{n}" for n in range(len(deadlines))]
    for name, deadline in zip(names, deadlines, strict=True):
        shared.intake.publish(requested(name, tenant, expiresAt=deadline))
    wanted = [names[n] for n in (4, 1, 2, 5, 6, 0, 3, 7)]
    for replica in replicas:
        for limit in (1, 2, 3, 200):
            for query in ({}, {"status": "pending"}):
                items = admin.at(replica).pages("/v1/notifications/approvals", sort="deadline", limit=limit, **query)
                assert [item["approvalId"] for item in items] == wanted, limit
    assert [item["approvalId"] for item in admin.pages("/v1/notifications/approvals", sort="created", limit=3)] == names[::-1]
    assert error_of(admin.approvals(sort="risk")) == INVALID


# Version 1


class FormerLog:
    """Writes what version 1 wrote: requests, decisions and effects in the log alone, each at its write-once place."""

    def __init__(self, stack):
        self._stack = stack
        # The epoch of the log is part of every id.
        [some] = stack.intake.publish(numbered(1))
        self._now, self._epoch, _ = Cursor.parse(some)

    def _publish(self, tail, type, id, payload, source=None):
        headers = {
            "ce-specversion": "1.0",
            "ce-id": id,
            "ce-type": type,
            "ce-time": timestamp(0),
            "causeway-intake": str(self._now),
            "Nats-Msg-Id": f"acme.{id}",
            "content-type": "application/json",
        } | ({} if source is None else {"ce-source": source})
        sequence = self._stack.bus.publish(f"events.acme.{tail}", json.dumps(payload).encode(), headers)
        return sequence, Cursor(self._now, self._epoch, sequence).text

    def request(self, approval, *, is_plain=False, **members):
        """Returns the id of the request."""
        tail = "approval.requested" if is_plain else f"DECISION.{approval}.REQUEST"
        return self._publish(tail, "approval.requested", f"request-{approval}", requested(approval, **members)["payload"])[1]

    def decision(self, approval, action, request=None, *, has_effect=True, user="ada"):
        payload = requested(approval)["payload"] | {"decidedBy": user, "decidedAt": timestamp(0)}
        resolved = payload | {"action": action} | ({} if request is None else {"requestEventId": request})
        sequence, _ = self._publish(f"DECISION.{approval}", "approval.resolved", f"dec_{approval}", resolved, "/causeway/approval-api")
        if has_effect:
            type = "remediation.approved" if action == "approve" else "remediation.rejected"
            self._publish(f"DECISION.{approval}.EFFECT", type, f"decision_{sequence}_effect", payload, "/causeway/approval-api")


def test_a_log_of_version_1_is_taken_over(stack):
    """Open approvals can be decided, decided ones are shown decided, and nothing is announced twice; an effect that is missing is made up for."""
    if "APPROVALS" in stack.bus.api("STREAM.NAMES")["streams"]:
        stack.bus.delete_stream("APPROVALS")
    former = FormerLog(stack)
    asked = {name: former.request(name, is_plain=name == "plain") for name in ("open", "late", "approved", "rejected", "plain", "cut", "old")}
    former.decision("approved", "approve", asked["approved"])
    former.decision("rejected", "reject", asked["rejected"])
    former.decision("plain", "approve", asked["plain"])
    former.decision("cut", "approve", asked["cut"], has_effect=False)
    former.decision("old", "reject")
    asked["expiring"] = former.request("expiring", expiresAt=timestamp(-1))
    asked["open plain"] = former.request("open plain", is_plain=True)
    replicas = approval_services(stack, 2, expiry_interval="100ms")
    admin, log = Person(replicas[0], "acme", "ada", basic="admin"), ApprovalEvents(stack)
    wanted = {"approved": "approved", "rejected": "rejected", "plain": "approved", "cut": "approved", "old": "rejected"}
    wanted |= {"open": "pending", "late": "pending", "open plain": "pending", "expiring": "expired"}

    def statuses(replica):
        return {item["approvalId"]: item["status"] for item in admin.at(replica).approvals().json()["items"]}

    for replica in replicas:
        eventually(lambda replica=replica: statuses(replica) == wanted, "all are taken over", timeout=30)
    for name, status in wanted.items():
        shown = admin.at(replicas[1]).approval(name).json()
        assert (shown["status"], shown["history"][0]["eventId"]) == (status, asked[name])
        if status in ("approved", "rejected"):
            assert shown["decision"]["decidedBy"] == "ada"
            assert error_of(admin.decide(name, "reject")) == ALREADY_RESOLVED
    assert admin.decide("open").json()["status"] == "approved"
    assert admin.decide("open%20plain", "reject").json()["status"] == "rejected"
    rejected = ("rejected", "old", "open plain", "expiring")
    for name in wanted.keys() - {"late"}:
        effect = "remediation_rejected" if name in rejected else "remediation_approved"
        log.expect(name, approval_resolved=1, **{effect: 1})
    log.expect("late")
    executor = Person(replicas[0], "acme", "exe", basic="producer")
    assert executor.consume("approved").status_code == 200
    # The log drops it all: the approvals stay.
    before = {name: admin.approval(name).json()["status"] for name in ("approved", "rejected", "late")}
    stack.bus.purge(before=stack.bus.state().last_seq + 1)
    fresh = approval_service(stack).wait_ready()
    assert {name: admin.at(fresh).approval(name).json()["status"] for name in before} == before


# Requests from the bus


def publish_plainly(stack, tenant, form, payload):
    """Publishes a request as a program on the bus may: with the type in the subject, in a header, or at the approval's write-once place."""
    subject = f"events.{token(tenant)}"
    headers = {"ce-type": "approval.requested", "content-type": "application/json"}
    tail = {"subject": ".approval.requested", "header": "", "place": f".DECISION.{token(payload['approvalId'])}.REQUEST"}[form]
    stack.bus.publish(subject + tail, json.dumps(payload).encode(), None if form == "subject" else headers)


FORMS = ("subject", "header", "place")


@pytest.mark.parametrize("form", FORMS)
def test_a_request_from_the_bus_is_an_approval(shared, replicas, person, admin, executor, tenant, events, form):
    publish_plainly(shared, tenant, form, requested("apr", tenant, action=ACTION, groups=GROUPS, risk="high")["payload"])
    for replica in replicas:
        shown = admin.at(replica).approval("apr").json()
        assert (shown["status"], shown["actionDigest"], shown["risk"]) == ("pending", DIGEST, "high")
    eventually(lambda: [item["approvalId"] for item in admin.approvals().json()["items"]] == ["apr"], "it is listed")
    assert events.records("apr") == ["REQUEST"]
    for voter in (person("ann", "security"), person("sam", "security"), person("dan", "dba")):
        assert voter.decide("apr", actionDigest=DIGEST).status_code == 200
    assert executor.consume("apr", DIGEST).status_code == 200
    events.expect("apr", approval_voted=3, approval_resolved=1, remediation_approved=1, approval_consumed=1)


def test_an_invalid_request_from_the_bus_is_a_letter_and_delays_nobody(stack):
    service = approval_service(stack).wait_ready()
    nobody = {"groups": [{"name": "security", "roles": ["security"], "n": 0}]}
    for number in range(30):
        for form in FORMS:
            publish_plainly(stack, "bad", form, requested(f"{form}_{number}", "bad", **nobody)["payload"])
    stack.intake.publish(requested("good", "bad", groups=GROUPS), requested("good", "other"))
    bad, other = (Person(service, tenant, "ada", "security", "dba", basic="admin") for tenant in ("bad", "other"))
    assert other.decide("good").status_code == 200
    assert bad.decide("good").json()["status"] == "pending"
    letters = Letters(stack).wait_for(3 * 30, "--limit", "1000")
    assert {letter["tenant"] for letter in letters} == {"bad"}
    for form in FORMS:
        assert error_of(bad.approval(f"{form}_0")) == error_of(bad.decide(f"{form}_0")) == NOT_FOUND
    assert [item["approvalId"] for item in bad.approvals().json()["items"]] == ["good"]
    assert [item["approvalId"] for item in bad.notifications().json()["items"]] == ["good"]
    # The place of an invalid request is no approval of any other.
    assert ApprovalEvents(stack, "bad").records("subject_0") == []
    ApprovalEvents(stack, "other").expect("good", approval_resolved=1, remediation_approved=1)


def test_no_event_decides_what_groups_decide(shared, person, admin, executor, tenant):
    """A decision that a program, or a process of version 1, writes into the log is none of those whom the request names."""
    [asked] = shared.intake.publish(requested("apr", tenant, action=ACTION, groups=GROUPS))
    decision = requested("apr")["payload"] | {"action": "approve", "decidedBy": "ada", "decidedAt": timestamp(0), "requestEventId": asked}
    headers = {"ce-type": "approval.resolved", "ce-id": "forged", "content-type": "application/json"}
    shared.bus.publish(f"events.{token(tenant)}.DECISION.apr", json.dumps(decision).encode(), headers)
    eventually(lambda: shared.bus.consumer_is_done("approval-decisions"), "it was read")
    assert admin.approval("apr").json()["status"] == "pending"
    assert error_of(executor.consume("apr", DIGEST)) == NOT_APPROVED
    for voter in (person("ann", "security"), person("sam", "security"), person("dan", "dba")):
        assert voter.decide("apr").status_code == 200
    assert executor.consume("apr", DIGEST).status_code == 200
