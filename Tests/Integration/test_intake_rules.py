"""Rules of the intake that hold in every form and at every door (contract §0, §2, §10)."""

import json
from itertools import count, islice

import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, requested
from causeway_kit.executions import events_path
from causeway_kit.services import command
from causeway_kit.subjects import event_subject
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint, producer_token
from causeway_kit.waiting import eventually

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


def stored(stack, tenant):
    return [event for event in stack.bus.events() if event.tenant == tenant]


def attributes(tenant, **more):
    return {"specversion": "1.0", "id": "1", "source": "/t", "type": "a.b", "tenant": tenant} | more


def in_every_mode(intake, tenant, data, token=None, **more):
    """One CloudEvent in its three modes; yields the mode's name and the answer."""
    structured = attributes(tenant, **more) | {"data": data}
    yield "structured", intake.post(structured, content_type=STRUCTURED, token=token)
    yield "batched", intake.post([structured], content_type=BATCH, token=token)
    headers = {f"ce-{name}".encode(): str(value).encode() for name, value in attributes(tenant, **more).items()}
    yield "binary", intake.post(data, headers=headers, token=token)


def refused(response, *says, status=400, code="validation_error"):
    assert (response.status_code, response.json()["error"]) == (status, code), response.text
    for text in says:
        assert text in response.json()["message"], response.text


# MARK: Attributes


@pytest.mark.parametrize("name", ["user", "userId", "user_id", "extension1", "a" * 21, "Time", "data_base65"])
def test_unknown_attributes_are_refused_by_name(shared, tenant, name):
    """C3: a misspelt `userid` must not send a private event to everybody."""
    # HTTP does not tell the cases of a header's name apart.
    modes = 2 if name.lower() in ("userid", "time") else 3
    for mode, answer in islice(in_every_mode(shared.intake, tenant, {}, **{name: "usr_1"}), modes):
        refused(answer, name.lower() if mode == "binary" else name)
    assert stored(shared, tenant) == []


def test_what_cloudevents_itself_knows_is_taken(shared, tenant):
    more = {
        "subject": "s",
        "dataschema": "https://example.com/s",
        "datacontenttype": "application/json",
        "time": "2024-04-01T14:32:10Z",
        "userid": "usr_1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "a=b",
    }
    answers = dict(in_every_mode(shared.intake, tenant, {"n": 1}, **more))
    assert {answer.status_code for answer in answers.values()} == {202}, [answer.text for answer in answers.values()]
    [event] = stored(shared, tenant)
    assert event.user == "usr_1"
    for _, answer in in_every_mode(shared.intake, tenant, {}, datacontenttype="text/plain"):
        refused(answer, "datacontenttype")


@pytest.mark.parametrize("name", ["ce-id", "ce-source", "ce-userid", "ce-tenant", "ce-type", "ce-time", "ce-subject", "Idempotency-Key"])
def test_header_values_that_are_not_utf8_are_refused(shared, tenant, name):
    """B10: two values that differ in such bytes must not become the same."""
    base = {f"ce-{key}": value for key, value in attributes(tenant).items()}
    headers = {key.encode(): value.encode() for key, value in base.items() if key != name.lower()}
    for value in (b"x-\xe3", b"x-\xe4", b"\xff", b"\xc3"):
        refused(shared.intake.post({}, headers=headers | {name.encode(): value}), name.lower(), "UTF-8")
    assert stored(shared, tenant) == []


def test_header_values_that_are_utf8_are_taken(shared, tenant):
    headers = {f"ce-{key}".encode(): value.encode() for key, value in attributes(tenant, id="ä", userid="é").items()}
    assert shared.intake.post({}, headers=headers).status_code == 202
    [event] = stored(shared, tenant)
    assert (event.id, event.user) == ("ä", "é")
    # Percent-encoding that is not UTF-8 is refused, too.
    refused(shared.intake.post({}, headers=headers | {b"ce-id": b"x-%E3"}), "ce-id", "UTF-8")


def test_messages_on_the_bus_keep_the_same_rules(shared, edge, tenant):
    """The bus cannot refuse it, so it is not an event: no client gets it, and it is counted."""
    subject = event_subject(tenant, "a.b")
    wrong = [
        {"ce-id": "1", "ce-user": "usr_1"},
        {"ce-id": "2", "ce-userID2": "usr_1"},
        {"ce-id": "3", "ce-user_id": "usr_1"},
        {"ce-id": "4", "ce-datacontenttype": "text/plain"},
        {"ce-id": "5", "ce-tenant": f"{tenant}_b"},
        {"ce-id": "6%1F"},
        {"ce-id": "x" * 257},
        {"ce-id": "7", "ce-userid": "%FF"},
    ]
    for headers in wrong:
        shared.bus.publish(subject, b"{}", headers)
    for payload in ({"incidentId": "a\x00b"}, {"incidentId": "x" * 257}, {"incidentId": ""}, {"incidentId": 1}, {}):
        shared.bus.publish(event_subject(tenant, "incident.created"), json.dumps(payload).encode(), {})
    right = [
        {"ce-id": "a", "CE-Subject": "s", "ce-dataschema": "d", "ce-tracestate": "t", "ce-datacontenttype": "application/json; charset=utf-8"},
        {"ce-id": "b", "ce-tenant": tenant, "content-type": "application/json", "x-other": "y"},
    ]
    for headers in right:
        shared.bus.publish(subject, b'{"n":1}', headers)
    with NotificationStream().connect(edge, mint(tenant), cursor="") as client:
        client.next()
        assert [client.next_event().payload["n"] for _ in right] == [1, 1]


# MARK: Identifiers

IDENTIFIERS = [
    ("incident.created", "incidentId", {}),
    ("user.created", "userId", {}),
    ("trigger.created", "triggerId", {}),
    ("knowledge.pattern_extracted", "patternId", {}),
    ("integration.connected", "integrationId", {}),
    ("notification.created", "id", {}),
    (
        "job.updated",
        "job_id",
        {"status": "s", "progress": 1, "result_url": None, "error": None, "created_at": "c", "finished_at": None},
    ),
    ("remediation.executed", "remediationId", {}),
    ("approval.requested", "approvalId", {"remediationId": "r"}),
    ("approval.requested", "remediationId", {"approvalId": "a"}),
]
OPTIONAL = [
    ("approval.requested", "incidentId", {"approvalId": "a", "remediationId": "r"}),
    ("approval.requested", "requestedBy", {"approvalId": "a", "remediationId": "r"}),
    ("remediation.executed", "incidentId", {"remediationId": "r"}),
    ("remediation.executed", "approvalId", {"remediationId": "r"}),
    ("approval.resolved", "incidentId", {"approvalId": "a", "remediationId": "r", "action": "approve"}),
    ("remediation.approved", "incidentId", {"remediationId": "r"}),
    ("approval.voted", "onBehalfOf", {"approvalId": "a", "remediationId": "r", "votedBy": "u", "action": "approve"}),
]


@pytest.mark.parametrize(("type", "name", "rest"), IDENTIFIERS + OPTIONAL, ids=lambda value: value if isinstance(value, str) else "")
def test_identifiers_in_payloads(shared, tenant, type, name, rest):
    """C2: at every HTTP form and on the command line; null counts as absent where the member may be absent."""
    for bad in ("", "x" * 257, "é" * 129, "a\u0000b", "a\nb", "a\u007fb", "a\u0085b", 1, ["a"]):
        payload = rest | {name: bad}
        refused(shared.intake.post({"type": type, "tenant": tenant, "payload": payload}), f"payload.{name}")
        for mode, answer in in_every_mode(shared.intake, tenant, payload, type=type):
            refused(answer, f"{'body' if mode == 'binary' else 'data'}.{name}")
    arguments = ["--type", type, "--tenant", tenant, "--payload", json.dumps(rest | {name: "a\u0000b"})]
    done = command("event-producer", "publish", *arguments, nats_url=shared.nats.url)
    assert done.returncode == 65 and f"payload.{name}" in done.stderr.decode(), done.stderr
    assert stored(shared, tenant) == []
    # An approval is requested once.
    numbers = count()
    for good in ("x" * 256, "é" * 128, "e\u0301", "*", ">", "a b", "😀"):
        own = {"approvalId": f"a-{next(numbers)}"} if "approvalId" in rest else {}
        response = shared.intake.post({"type": type, "tenant": tenant, "payload": rest | own | {name: good}})
        assert response.status_code == 202, response.text
    if (type, name, rest) in OPTIONAL:
        assert shared.intake.post({"type": type, "tenant": tenant, "payload": rest | {name: None}}).status_code == 202
    else:
        refused(shared.intake.post({"type": type, "tenant": tenant, "payload": rest | {name: None}}), f"payload.{name}")


@pytest.mark.parametrize("name", ["stepId", "agent", "name"])
def test_identifiers_of_executions(shared, tenant, name):
    path = events_path("workflows", "w")
    for bad in ("x" * 257, "a\u0000b", "a\u009fb", ""):
        event = {"type": "step_start", "tenant": tenant, "payload": {"stepId": "s"} | {name: bad}}
        refused(shared.intake.post(event, path=path), f"payload.{name}")
    event = {"type": "step_start", "tenant": tenant, "payload": {"stepId": "s"} | {name: "é" * 128}}
    assert shared.intake.post(event, path=path).status_code == 202
    for member in ("id", "execution", "tenant"):
        event = {"type": "step_start", "tenant": tenant, "payload": {"stepId": "s"}} | {member: "a\u0000b"}
        refused(shared.intake.post(event, path=path), member)


# MARK: Approvals


@pytest.mark.parametrize(
    "type",
    [f"approval.{verb}" for verb in ("resolved", "voted", "escalated", "consumed")] + ["remediation.approved", "remediation.rejected"],
)
def test_what_approvals_write_is_refused_from_a_tenants_own_token(shared, tenant, type):
    """C5: a user who must not decide an approval cannot publish the decision either."""
    payload = {"approvalId": "a", "remediationId": "r", "action": "approve", "votedBy": "u", "consumedBy": "u", "step": 1}
    admin = mint(tenant, roles=("admin",))
    event = {"type": type, "payload": payload}
    refused(shared.intake.post(event, token=admin), "type: ", type)
    refused(shared.intake.post([{"type": "a.b", "payload": {}}, event], token=admin), "[1].type: ")
    for mode, answer in in_every_mode(shared.intake, tenant, payload, token=admin, type=type):
        refused(answer, "ce-type: " if mode == "binary" else "type: ")
    assert stored(shared, tenant) == []
    assert shared.intake.post(event, token=producer_token(tenant)).status_code == 202
    arguments = ["--type", type, "--tenant", tenant, "--payload", json.dumps(payload)]
    assert command("event-producer", "publish", *arguments, nats_url=shared.nats.url).returncode == 0


@pytest.mark.parametrize(
    ("member", "bad", "path"),
    [
        ("risk", "High", "risk"),
        ("fourEyes", "yes", "fourEyes"),
        ("groups", {}, "groups"),
        ("groups", [{"name": "g", "roles": ["r"], "n": 0}], "groups[0].n"),
        ("groups", [{"name": "g", "role": ["r"], "users": ["ann"]}], "groups[0]"),
        ("groups", [{"name": "g", "users": ["ann"], "n": 2}], "groups[0].users"),
        ("groups", [{"name": "g", "users": ["ann"]}, {"name": "h", "users": ["ann"]}], "groups"),
        ("escalation", [{"after": "soon", "groups": [{"name": "g", "roles": ["r"]}]}], "escalation[0].after"),
        ("escalation", [{"after": "10m", "groups": []}], "escalation[0].groups"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_terms_of_an_approval_are_checked_where_they_enter(shared, tenant, member, bad, path):
    """An approval that nobody could give, or whose policy is misspelt, is refused at every HTTP form and on the command line."""
    payload = {"approvalId": "a", "remediationId": "r", member: bad}
    refused(shared.intake.post({"type": "approval.requested", "tenant": tenant, "payload": payload}), f"payload.{path}: ")
    for mode, answer in in_every_mode(shared.intake, tenant, payload, type="approval.requested"):
        refused(answer, f"{'body' if mode == 'binary' else 'data'}.{path}: ")
    arguments = ["--type", "approval.requested", "--tenant", tenant, "--payload", json.dumps(payload)]
    done = command("event-producer", "publish", *arguments, nats_url=shared.nats.url)
    assert done.returncode == 65 and f"payload.{path}: " in done.stderr.decode(), done.stderr
    assert stored(shared, tenant) == []


def test_what_follows_from_a_request_can_be_stored(shared, tenant):
    """A2: the decision and its effect fit into a message for all texts of a request."""
    for name, size in (("title", 2048), ("description", 65536)):
        event = requested("long", tenant, **{name: "x" * (size + 1)})
        refused(shared.intake.post(event), f"payload.{name}", str(size))
    largest = {
        "approvalId": '"' * 256,
        "remediationId": '"' * 256,
        "incidentId": "\\" * 256,
        "title": '"' * 2048,
        "description": '"' * 65536,
    }
    event = requested("largest", tenant, **largest)
    assert shared.intake.post(event).status_code == 202
    service = approval_service(shared).wait_ready()
    client = ApprovalClient(service, tenant, user="u" * 256)
    assert client.decide("%22" * 256, reason="\u0001" * 2000).status_code == 200
    eventually(lambda: {e.type for e in stored(shared, tenant)} >= {"approval.resolved", "remediation.approved"}, "the effect is announced")


# MARK: Sizes


def test_a_bus_with_a_smaller_limit_is_413_with_that_limit(stack):
    """D4: a request that can never succeed never gets 503; in batches too, and nothing of the batch is stored."""
    stack.nats.kill()
    stack.nats.start(further="max_payload: 65536")
    stack.producer.wait_ready()
    eventually(lambda: stack.intake.post({"type": "a.b", "payload": {}}).status_code == 202, "the intake is back")
    before = len(stack.bus.events())
    large = {"type": "a.b", "payload": {"x": "x" * 200_000}}
    refused(stack.intake.post(large), "payload: ", "65536", status=413, code="payload_too_large")
    refused(stack.intake.post([{"type": "a.b", "payload": {}}, large]), "[1].payload: ", "65536", status=413, code="payload_too_large")
    event = {"type": "progress", "payload": {"progress": 0, "x": "x" * 200_000}}
    refused(stack.intake.post(event, path=events_path("agents", "a")), "payload: ", "65536", status=413, code="payload_too_large")
    assert len(stack.bus.events()) == before
    lines = [json.dumps(large | {"tenant": "acme"}), json.dumps({"type": "a.b", "tenant": "acme", "payload": {}})]
    done = command("event-producer", "publish", stdin="\n".join(lines).encode(), nats_url=stack.nats.url)
    assert done.returncode == 65 and b"line 1: payload: " in done.stderr and b"65536" in done.stderr, done.stderr
    # Up to the limit, headers included, an event goes in.
    frame = len('{"x":""}')
    for size in range(65536 - 700, 65536, 50):
        response = stack.intake.post({"type": "a.b", "payload": {"x": "x" * (size - frame)}})
        assert response.status_code in (202, 413), response.text


@pytest.mark.parametrize("mode", ["native", "native array", "structured", "batch"])
@pytest.mark.parametrize("header", ["ce-userid", "ce-tenant", "ce-id", "ce-bogus"])
def test_an_attribute_header_that_contradicts_the_body_is_refused(shared, tenant, mode, header):
    """Ignoring `ce-userid` would deliver a private event to the whole tenant."""
    native = {"type": "a.b", "payload": {}, "tenant": tenant}
    cloud = attributes(tenant) | {"data": {}}
    body, content_type = {
        "native": (native, "application/json"), "native array": ([native], "application/json"),
        "structured": (cloud, STRUCTURED), "batch": ([cloud], BATCH),
    }[mode]  # fmt: skip
    answer = shared.intake.post(body, content_type=content_type, headers={header: "somebody"})
    assert answer.status_code == 400 and "ce-" in answer.json()["message"], answer.text
    assert stored(shared, tenant) == []


def test_a_structured_event_may_repeat_its_attributes_as_headers(shared, tenant):
    """CloudEvents HTTP binding, §3.2."""
    event = attributes(tenant, userid="zoë") | {"data": {}}
    headers = {"ce-id": "1", "ce-type": "a.b", "ce-tenant": tenant, "ce-userid": "zo%C3%AB"}
    assert shared.intake.post(event, content_type=STRUCTURED, headers=headers).status_code == 202


def test_an_execution_event_without_a_tenant_is_of_the_tokens(shared, tenant):
    """Not of the tenant that another event of the request names."""
    path = events_path("agents", "triage")
    events = [{"type": "progress", "payload": {"progress": 0.1}}, {"type": "progress", "payload": {"progress": 0.2}, "tenant": f"{tenant}_other"}]
    for body in (events, events[::-1]):
        answer = shared.intake.post(body, path=path, token=mint(tenant, roles=("producer",)))
        assert answer.status_code == 400 and "[1].tenant" in answer.json()["message"], answer.text
    assert stored(shared, tenant) == stored(shared, f"{tenant}_other") == []
