"""Failed work becomes a dead letter, is logged once, and can be retried (docs/operating.md, Dead letters); it does not delay other work."""

import json

import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.letters import Letters
from causeway_kit.services import is_built
from causeway_kit.waiting import eventually

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")

LONG_AGO = "2024-01-01T00:00:00Z"


@pytest.fixture
def letters(stack):
    return Letters(stack)


def told(service):
    return [line["metadata"] for line in service.log_lines if line["message"] == "work failed and was set aside as a dead letter"]


def test_a_request_from_the_bus_that_cannot_be_decided_is_a_letter(stack, letters):
    """Two replicas: one letter, one log line, no notification, and the next request works normally."""
    replicas = [approval_service(stack).wait_ready() for _ in range(2)]
    ids = {"approvalId": "a1", "remediationId": "r1"}
    bad = [ids | {"title": "t" * 3000}, ids | {"incidentId": "i" * 262_000}, {"approvalId": "a1"}]
    for payload in bad:
        stack.bus.publish("events.acme.approval.requested", json.dumps(payload).encode())
    stack.intake.publish(requested("fine"))
    found = letters.wait_for(len(bad))
    assert {(letter["work"], letter["tenant"], letter["sequence"]) for letter in found} == {("approval-requests", "acme", n) for n in (1, 2, 3)}
    assert all(letter["reason"].startswith("The message is malformed: ") for letter in found)

    def lines():
        return [line for replica in replicas for line in told(replica)]

    eventually(lambda: len(lines()) >= len(bad), "each has its line")
    assert sorted(line["log.sequence"] for line in lines()) == ["1", "2", "3"] and {line["tenant"] for line in lines()} == {"acme"}
    counted = [replica.metrics()['causeway_dead_letters_total{work="approval-requests"}'] for replica in replicas]
    assert sum(counted) == 3
    for replica in replicas:
        items = ApprovalClient(replica).notifications().json()["items"]
        assert [item["title"] for item in items] == ["Approval needed: Restart the checkout service"]

    # Retried, each becomes a letter again; one is dropped.
    assert letters.run("retry", "--all").returncode == 0
    again = letters.wait_for(len(bad))
    assert not {letter["id"] for letter in again} & {letter["id"] for letter in found}
    assert letters.run("drop", again[0]["id"]).returncode == 0
    assert [letter["id"] for letter in letters.list("--tenant", "acme", "--work", "approval-requests")] == [letter["id"] for letter in again[1:]]
    assert letters.list("--tenant", "globex") == letters.list("--work", "approval-records") == []
    assert letters.list("--after", again[1]["id"], "--limit", "1") == again[2:]


def test_poisoned_approvals_keep_nobody_waiting(stack, letters):
    """The subjects of 150 decisions, older than all others, hold invalid messages: sweep and effects skip them."""
    service = approval_service(stack).wait_ready()
    poisoned = [f"poisoned-{n}" for n in range(150)]
    for name in poisoned:
        stack.bus.publish(f"events.bad.DECISION.{name}", b"[]")
        stack.bus.publish(f"approvals.bad.{name}.DECISION", b"[]")
        # The intake would refuse a request for a decided approval.
        stack.bus.publish("events.bad.approval.requested", json.dumps(requested(name, "bad", expiresAt=LONG_AGO)["payload"]).encode())
    stack.intake.publish(requested("late", "good", expiresAt="2025-01-01T00:00:00Z"), requested("asked", "good"))
    good = ApprovalClient(service, "good")
    eventually(lambda: good.approval("late").json()["status"] == "expired", "another tenant's approval expires", timeout=30)
    assert good.decide("asked").status_code == 200
    eventually(lambda: any(event.type == "remediation.approved" for event in stack.bus.events()), "its effect is there", timeout=30)
    letters.wait_for(150, "--work", "approval-deadlines", "--limit", "1000")
    letters.wait_for(150, "--work", "approval-decisions", "--limit", "1000")
    assert letters.list("--tenant", "good") == []
    # Each is logged once: the log has the number of suppressed lines.
    lines = told(service)
    suppressed = [int(line["metadata"]["log.suppressed"]) for line in service.log_lines if line["message"] == "repeated log lines were suppressed"]
    assert len(lines) + sum(suppressed) <= 300 and {line["log.reading"] for line in lines} <= {
        "approval-deadlines", "approval-decisions", "approval-records",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["retry"], 64, "--all"),
        (["drop", "1", "--all"], 64, "not both"),
        (["drop", "7"], 65, "There is no dead letter 7"),
        (["list", "--tenant", "a" * 300], 65, "--tenant"),
        (["list", "--work", "a.b"], 64, "--work"),
        (["list", "--nats-ulr", "x"], 64, "nats-ulr"),
    ],
    ids=lambda value: " ".join(map(str, value))[:24] if isinstance(value, list) else None,
)
def test_a_mistake_is_a_sentence(shared, arguments, code, says):
    done = Letters(shared).run(*arguments)
    assert done.returncode == code and says in done.stderr.decode() and not done.stdout, done.stderr


@pytest.mark.parametrize("field", ["approvalId", "remediationId", "incidentId", "requestedBy", "title"])
def test_the_intake_refuses_what_could_not_be_decided(shared, tenant, field):
    event = requested("a1", tenant)
    event["payload"][field] = "x" * 200_000
    answer = shared.intake.post([event])
    assert answer.status_code == 400 and f"payload.{field}" in answer.json()["message"], answer.text
