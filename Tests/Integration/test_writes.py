"""Conditions that prevent all writes are reported by readiness and by the matching error (docs/operating.md)."""

import itertools

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.bus import STREAM
from causeway_kit.intake import numbered
from causeway_kit.services import is_built
from causeway_kit.stack import Stack
from causeway_kit.waiting import eventually

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")

DENIED = """authorization {
    default_permissions: { publish: { allow: ">", deny: ["events.>"] }, subscribe: ">" }
    users: [ { user: a, password: b } ]
}
no_auth_user: a"""


@pytest.fixture
def stack():
    """A separate deployment, whose streams the test may break."""
    with Stack() as stack:
        yield stack


def edit(stack, **changes):
    """Changes the log's stream like an operator."""
    stack.bus.api(f"STREAM.UPDATE.{STREAM}", **(stack.bus.api(f"STREAM.INFO.{STREAM}")["config"] | changes))


def take_name(stack, name):
    """Creates a stream of that name that has nothing to do with Causeway."""
    stack.bus.api(f"STREAM.CREATE.{name}", name=name, subjects=["something.else"], retention="limits", storage="file")


_numbers = itertools.count()


def post(stack, **headers):
    """Publishes a new event, because a duplicate is acknowledged even if nothing can be stored."""
    return stack.intake.post(numbered(next(_numbers), padding=500), headers=headers)


def reasons(service):
    """Returns the reasons for not being ready, by condition."""
    report = httpx.get(f"{service.admin_url}/readyz", timeout=5).json()
    return {condition["name"]: condition.get("reason") for condition in report["conditions"] if not condition["ready"]}


def expect_final(answer):
    assert (answer.status_code, answer.json()["error"]) == (500, "internal"), answer.text
    assert "Retry-After" not in answer.headers and "do not repeat" in answer.json()["message"]


def expect_reason(service, condition, *words):
    def is_told():
        try:
            reason = reasons(service).get(condition) or ""
        except httpx.TransportError:  # it has just been started
            return False
        return all(word in reason for word in words)

    eventually(is_told, f"{condition} says {words}", timeout=20)
    assert service.readiness() == 503


def test_a_publish_that_the_bus_does_not_permit(stack):
    assert post(stack).status_code == 202
    stack.nats.kill()
    stack.nats.start(further=DENIED)
    stack.producer.wait_ready()
    expect_final(eventually(lambda: (answer := post(stack)).status_code != 503 and answer, "the bus is back", timeout=30))
    expect_reason(stack.producer, "log", "permit", "events.acme")
    stack.nats.kill()
    stack.nats.start()
    # Nobody publishes meanwhile.
    stack.producer.wait_ready()
    assert post(stack).status_code == 202


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sealed": True}, ["sealed is true"]),
        ({"subjects": ["executions.>"]}, ["must include events.>"]),
    ],
    ids=["sealed", "subjects"],
)
def test_a_log_that_takes_nothing(stack, changes, words):
    assert post(stack).status_code == 202
    edit(stack, **changes)
    expect_final(post(stack))
    expect_reason(stack.producer, "log", *words)


def test_a_log_without_room_that_drops_nothing(stack):
    assert post(stack).status_code == 202
    edit(stack, discard="new", max_bytes=1500)
    # Larger than all of the stream: nats-server 2.9 was seen to drop the oldest for smaller ones, whatever it is told to discard.
    expect_final(stack.intake.post(numbered(next(_numbers), padding=2000)))
    expect_reason(stack.producer, "log", "--discard old")


def test_keys_of_requests_in_a_stream_of_somebody_else(stack):
    take_name(stack, "REQUESTS")
    expect_reason(stack.producer, "log", "REQUESTS", "requests.*")
    expect_final(post(stack, **{"Idempotency-Key": "k1"}))
    stack.bus.delete_stream("REQUESTS")
    stack.producer.wait_ready()
    assert post(stack, **{"Idempotency-Key": "k2"}).status_code == 202


def test_read_marks_in_a_stream_of_somebody_else(stack):
    service = approval_service(stack).wait_ready()
    stack.intake.publish(requested("apr_1"))
    client = ApprovalClient(service)
    [item] = eventually(lambda: client.notifications().json()["items"], "the notification is there")
    stack.bus.delete_stream("INBOX")
    take_name(stack, "INBOX")
    expect_reason(service, "writes", "INBOX", "inbox.>")
    expect_final(client.mark_read(item["notificationId"]))


def test_work_whose_consumer_is_of_another_kind(stack):
    other = {"durable_name": "approval-decisions", "deliver_subject": "elsewhere", "filter_subject": "events.*.DECISION.*", "ack_policy": "none"}
    stack.bus.api(f"CONSUMER.DURABLE.CREATE.{STREAM}.approval-decisions", stream_name=STREAM, config=other | {"deliver_policy": "all"})
    service = approval_service(stack)
    expect_reason(service, "work", "nats consumer rm EVENTS approval-decisions")
    running = 'causeway_background_work_running{work="approval-decisions"}'
    assert service.metrics()[running] == 0
    stack.intake.publish(requested("apr_1"))
    client = ApprovalClient(service)
    eventually(lambda: client.decide("apr_1").status_code == 200, "it is decided")
    stack.bus.delete_consumer("approval-decisions")
    service.wait_ready()
    eventually(lambda: service.metrics()[running] == 1, "the work goes on")


def test_a_purge_beyond_all_cursors(stack):
    assert post(stack).status_code == 202
    stack.bus.purge(2**63 + 2)
    expect_reason(stack.producer, "log", "2^63")
