"""Webhook endpoints: their life, what is delivered and in which order, and what receivers can do wrong (contract §14)."""

import json
import re
import secrets
from datetime import timedelta

import pytest

from causeway_kit.approvals import error_of
from causeway_kit.cursors import Cursor
from causeway_kit.intake import numbered
from causeway_kit.services import is_built
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually, pause
from causeway_kit.webhooks import Answer, Receiver, WebhookClient, dispatcher, dispatchers

pytestmark = pytest.mark.skipif(not is_built("webhook-dispatcher"), reason="webhook-dispatcher is not built")

#: A payload whose bytes a JSON library would change.
PAYLOAD = b'{ "n": 1e2,\n "text": "\\u00e9\xc3\xa9", "big": 9007199254740993 }'


@pytest.fixture(scope="module")
def services(shared):
    """Two dispatchers, for tests that stop neither."""
    return dispatchers(shared, 2)


@pytest.fixture
def receiver():
    with Receiver() as own:
        yield own


@pytest.fixture
def admin(services, tenant):
    return WebhookClient(services[0], tenant)


def publish(stack, tenant, count=1, *, first=0, **options):
    """Publishes numbered events; returns their cursors."""
    return stack.intake.publish(*(numbered(number, tenant, prefix=f"{tenant}-", **options) for number in range(first, first + count)))


# Life


def test_an_endpoint_gets_nothing_before_it_has_answered_a_ping(shared, admin, tenant, receiver):
    hook = receiver.hook(answer=lambda number, headers: Answer(204 if number else 500))
    endpoint = admin.created(hook, enabled=False)
    ids = publish(shared, tenant, 3)
    hook.wait_for_any(lambda delivery: delivery.status == 500, "refuses its ping")
    assert not hook.accepted and admin.state(endpoint["id"])["name"] == "pending"
    admin.wait_for_state(endpoint["id"], "enabled")
    hook.wait_for(3)
    hook.expect_order(ids)
    first, second, *others = hook.deliveries
    assert first.type == second.type == "webhook.ping" and [delivery.id for delivery in others] == ids
    assert first.data == {"endpointId": endpoint["id"]}
    first.verify(endpoint["secret"])


def test_the_secret_is_shown_once(admin, receiver):
    endpoint = admin.created(receiver.hook(), description="Chat")
    shown = admin.endpoint(endpoint["id"])
    assert shown.status_code == 200 and "secret" not in shown.json() and "whsec_" not in shown.text
    assert re.fullmatch(r"whk_[0-9A-HJKMNP-TV-Z]{26}", endpoint["id"]) and re.fullmatch(r"whsec_[A-Za-z0-9+/]+=*", endpoint["secret"])
    [listed] = admin.endpoints()
    assert listed == shown.json() and listed["description"] == "Chat" and listed["ordered"] is True and listed["types"] == ["load.*"]


def test_a_repeated_registration_is_one_endpoint(admin, services, tenant, receiver):
    hook = receiver.hook()
    first = admin.create(hook, key="once")
    again = WebhookClient(services[1], tenant).create(hook, key="once")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"] and again.json()["secret"] == first.json()["secret"]
    assert error_of(admin.create(hook, ["other.type"], key="once")) == (409, "conflict")
    assert len(admin.endpoints()) == 1


def test_a_deleted_endpoint_gets_nothing(shared, admin, tenant, receiver):
    kept, deleted = receiver.hook("kept"), receiver.hook("deleted")
    endpoints = [admin.created(hook) for hook in (kept, deleted)]
    publish(shared, tenant)
    deleted.wait_for(1)
    assert admin.delete(endpoints[1]["id"]).status_code == 204
    assert error_of(admin.endpoint(endpoints[1]["id"])) == (404, "not_found")
    assert error_of(admin.delete(endpoints[1]["id"])) == (404, "not_found")
    # What the owner had started by then may still arrive; what follows does not.
    publish(shared, tenant, 5, first=1)
    kept.wait_for(6)
    publish(shared, tenant, 5, first=6)
    kept.wait_for(11)
    assert all(delivery.data["n"] < 6 for delivery in deleted.accepted)


def test_an_endpoint_that_answers_410_is_disabled_and_that_is_an_event_once(shared, admin, tenant, receiver):
    gone, witness = receiver.hook("gone"), receiver.hook("witness")
    endpoint = admin.created(gone)
    admin.created(witness, ["webhook.*"])
    gone.answer = Answer(410)
    publish(shared, tenant)
    state = admin.wait_for_state(endpoint["id"], "disabled")
    assert state["reason"] == "gone" and "retryAt" not in state
    [told] = witness.wait_for(1)
    assert told.type == "webhook.disabled" and told.data["endpointId"] == endpoint["id"] and told.data["reason"] == "gone"
    gone.answer = Answer()
    assert admin.enable(endpoint["id"]).status_code == 200
    admin.wait_for_state(endpoint["id"], "enabled")
    assert [delivery.data["n"] for delivery in gone.wait_for(1)] == [0], "the event that it had not taken"
    [event] = [event for event in shared.bus.events() if event.tenant == tenant and event.type == "webhook.disabled"]
    assert json.loads(event.body) == told.data


def test_an_administrator_can_stop_and_start_an_endpoint(shared, admin, tenant, receiver):
    hook, other = receiver.hook(), receiver.hook("other")
    endpoint = admin.created(hook)
    admin.created(other)
    changed = admin.change(endpoint["id"], enabled=False)
    assert changed.status_code == 200 and changed.json()["state"]["reason"] == "requested"
    # The owner hears of it while it may deliver the first events; it delivers no others.
    ids = publish(shared, tenant, 5)
    other.wait_for(5)
    ids += publish(shared, tenant, 5, first=5)
    other.wait_for(10)
    assert all(delivery.data["n"] < 5 for delivery in hook.accepted)
    assert admin.change(endpoint["id"], enabled=True).status_code == 200
    hook.wait_for(10)
    hook.expect_order(ids)


def test_an_endpoint_with_another_url_is_pinged_there_first(shared, admin, tenant, receiver):
    before, after = receiver.hook("before"), receiver.hook("after")
    endpoint = admin.created(before)
    publish(shared, tenant)
    before.wait_for(1)
    assert admin.change(endpoint["id"], url=after.url).json()["url"] == after.url
    publish(shared, tenant, 2, first=1)
    after.wait_for(2)
    assert after.deliveries[0].type == "webhook.ping" and [delivery.data["n"] for delivery in after.accepted] == [1, 2]
    assert len(before.accepted) == 1


# What is delivered


def test_a_delivery_has_the_payloads_bytes(shared, admin, tenant, receiver):
    hook = receiver.hook()
    endpoint = admin.created(hook)
    trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    body = f'{{"type":"load.tick","tenant":"{tenant}","time":"2024-04-01T14:32:10.123Z","payload":'.encode() + PAYLOAD + b"}"
    answer = shared.intake.post(body, headers={"traceparent": trace})
    assert answer.status_code == 202, answer.text
    [delivery] = hook.wait_for(1)
    assert delivery.body == b'{"type":"load.tick","timestamp":"2024-04-01T14:32:10.123Z","data":' + PAYLOAD + b"}"
    assert delivery.id == answer.json()["ids"][0] and delivery.headers["traceparent"] == trace
    delivery.verify(endpoint["secret"])
    assert len(delivery.signatures) == 1


def test_every_signature_is_verified_through_a_rotation_by_clocks_that_are_off(shared, admin, tenant, receiver):
    hook = receiver.hook()
    endpoint = admin.created(hook)
    publish(shared, tenant)
    hook.wait_for(1)
    second = admin.rotate(endpoint["id"])

    def has_both():
        count = len(hook.accepted)
        publish(shared, tenant, first=count)
        return len(hook.wait_for(count + 1)[-1].signatures) == 2

    # The owner hears of the new secret from the bus.
    eventually(has_both, "both secrets sign", timeout=60, interval=0.2)
    third = admin.rotate(endpoint["id"])
    assert len({endpoint["secret"], second, third}) == 3
    for delivery in hook.accepted:
        for minutes in (-4, 0, 4):
            delivery.verify(endpoint["secret"], clock=timedelta(minutes=minutes))
    hook.accepted[-1].verify(second)
    with pytest.raises(Exception, match="No matching signature"):
        hook.accepted[0].verify(second)
    with pytest.raises(Exception, match="timestamp too old"):
        hook.accepted[0].verify(endpoint["secret"], clock=timedelta(minutes=6))


def test_types_and_private_events(shared, admin, tenant, receiver):
    everyone, anns, some = (receiver.hook(name) for name in ("everyone", "anns", "some"))
    admin.created(everyone)
    admin.created(anns, user="ann")
    admin.created(some, ["load.tock", "order.*"])
    publish(shared, tenant, user="bob")
    private = publish(shared, tenant, first=1, user="ann")
    public = publish(shared, tenant, first=2)
    other = publish(shared, tenant, first=3, type="load.tock")
    order = publish(shared, tenant, first=4, type="order.paid.late")
    publish(shared, f"{tenant}_other", first=5)
    last = publish(shared, tenant, first=6)
    for hook, ids in ((everyone, public + other + last), (anns, private + public + other + last), (some, other + order)):
        hook.wait_for(len(ids))
        hook.expect_order(ids)


def test_an_ordered_endpoint_gets_one_at_a_time_and_a_parallel_one_sixteen(shared, admin, tenant, receiver):
    ordered, parallel = receiver.hook("ordered"), receiver.hook("parallel")
    admin.created(ordered)
    admin.created(parallel, ordered=False)
    before = {hook: len(hook.deliveries) for hook in (ordered, parallel)}
    for hook in (ordered, parallel):
        hook.hold()
    ids = publish(shared, tenant, 40)
    eventually(lambda: len(parallel.deliveries) - before[parallel] == 16, "sixteen are under way", timeout=60)
    eventually(lambda: len(ordered.deliveries) - before[ordered] == 1, "one is under way", timeout=60)
    # Time for more, which must not come.
    pause(0.5)
    assert len(parallel.deliveries) - before[parallel] == 16 and len(ordered.deliveries) - before[ordered] == 1
    for hook in (ordered, parallel):
        hook.release()
        hook.wait_for(40)
        assert len(hook.accepted) == 40, "nothing twice"
    ordered.expect_order(ids)
    assert {delivery.id for delivery in parallel.accepted} == set(ids)


# Failures


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(500, body=b"<b>\x00" + b"x" * 5000), {"status": 500}),
        (Answer(302, {"location": "http://127.0.0.1:1/"}), {"status": 302}),
        (Answer(manner="reset"), {"error": "cut_off"}),
    ],
    ids=["error", "redirect", "reset"],
)
def test_a_failed_delivery_is_repeated_with_the_same_id(shared, admin, services, tenant, receiver, answer, told):
    # Each message gets a new connection: what is cut off on a kept one is sent again on another, in the same attempt. Only one attempt fails, because
    # after two the next one is five minutes later.
    healthy = Answer(204, {"connection": "close"})
    hook = receiver.hook(answer=lambda number, headers: answer if number == 1 else healthy)
    endpoint = admin.created(hook)
    ids = publish(shared, tenant, 3)
    hook.wait_for(3)
    hook.expect_order(ids)
    assert [delivery.id for delivery in hook.deliveries[1:]] == [ids[0], *ids]
    admin.wait_for_state(endpoint["id"], "enabled")

    # Any replica knows them, newest first.
    def known():
        found = WebhookClient(services[1], tenant).attempts(endpoint["id"])
        return found if len([attempt for attempt in found if attempt["id"] in ids]) == 4 else None

    *later, failed, _ = eventually(known, "the attempts are known", timeout=60)
    assert failed["id"] == ids[0] and told.items() <= failed.items() and failed["nextAttemptAt"] > failed["startedAt"]
    assert all(attempt["status"] == 204 and "nextAttemptAt" not in attempt for attempt in later)
    if "status" in told:
        assert len(failed["answer"].encode()) <= 3 * 1024 and "\x00" not in failed["answer"]


def test_an_endless_answer_counts_by_its_status(shared, admin, tenant, receiver):
    """64 KiB are read."""
    hook = receiver.hook(answer=Answer(200, body=bytes(8 << 20)))
    admin.created(hook)
    ids = publish(shared, tenant, 3)
    hook.wait_for(3)
    hook.expect_order(ids)
    assert len(hook.accepted) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_and_is_no_failure(shared, admin, tenant, receiver, status):
    hook = receiver.hook()
    endpoint = admin.created(hook)
    hook.answer = Answer(status, {"retry-after": "2"})
    ids = publish(shared, tenant)
    refused = hook.wait_for_any(lambda delivery: delivery.status == status, "is refused once")
    assert admin.wait_for_state(endpoint["id"], "failing")["failures"] == 0
    hook.answer = Answer()
    [accepted] = hook.wait_for(1)
    assert accepted.id == refused.id == ids[0]
    # Never earlier than asked; the first time is when the request came, a little before the answer.
    refused = [delivery for delivery in hook.deliveries if delivery.status == status][-1]
    assert accepted.at - refused.at >= 2


def test_receivers_that_hang_delay_no_other(shared, admin, tenant, receiver):
    hanging = [receiver.hook(f"hanging-{manner}-{number}") for manner in ("silence", "drip") for number in range(3)]
    healthy = receiver.hook("healthy")
    for hook in (*hanging, healthy):
        admin.created(hook)
    for hook in hanging:
        hook.answer = Answer(200, manner=hook.name.split("-")[1])
    ids = publish(shared, tenant, 100)
    healthy.wait_for(100)
    healthy.expect_order(ids)
    # Each of them still has its first event: its attempt lasts 15 s.
    for hook in hanging:
        hook.wait_for_any(lambda delivery: delivery.id == ids[0], "has its first event")
        assert {delivery.id for delivery in hook.deliveries if delivery.type != "webhook.ping"} == {ids[0]}


def test_enabling_a_failing_endpoint_tries_it_at_once(shared, admin, tenant, receiver):
    hook = receiver.hook()
    endpoint = admin.created(hook)
    hook.answer = Answer(503, {"retry-after": "3600"})
    ids = publish(shared, tenant, 2)
    admin.wait_for_state(endpoint["id"], "failing")
    hook.answer = Answer()
    assert admin.enable(endpoint["id"]).json()["state"]["name"] == "pending"
    hook.wait_for(2)
    hook.expect_order(ids)


def test_a_test_tells_how_it_ended_and_changes_nothing(shared, admin, services, tenant, receiver):
    hook = receiver.hook()
    endpoint = admin.created(hook)
    before = admin.endpoint(endpoint["id"]).json()
    for client in (admin, WebhookClient(services[1], tenant)):
        answer = client.test(endpoint["id"])
        assert answer.status_code == 200 and answer.json()["delivered"] is True and answer.json()["attempt"]["status"] == 204
    hook.answer = Answer(418, body=b"short and stout")
    failed = admin.test(endpoint["id"]).json()
    assert failed["delivered"] is False and failed["attempt"]["answer"] == "short and stout"
    hook.deliveries[-1].verify(endpoint["secret"])
    assert admin.endpoint(endpoint["id"]).json() == before


# Backlog


def test_a_replay_delivers_again_with_the_same_ids(shared, admin, tenant, receiver):
    hook = receiver.hook()
    endpoint = admin.created(hook)
    ids = publish(shared, tenant, 10)
    hook.wait_for(10)
    # Also when the deliveries are not stored yet, and the stored cursor is before all of them.
    answer = admin.replay(endpoint["id"], **{"from": ids[4]})
    assert answer.status_code == 200, answer.text
    ids += publish(shared, tenant, 2, first=10)
    # A live event may come before the owner knows of the replay, which then has it once more.
    eventually(lambda: len(hook.accepted) >= 18 and [delivery.id for delivery in hook.accepted][-8:] == ids[4:], "the replay comes", timeout=60)
    assert [delivery.id for delivery in hook.accepted][:10] == ids[:10]
    bodies = {}
    for delivery in hook.accepted:
        assert bodies.setdefault(delivery.id, delivery.body) == delivery.body, "the same bytes again"
    assert admin.replay(endpoint["id"], since="2024-01-01T00:00:00Z").status_code == 200
    eventually(lambda: [delivery.id for delivery in hook.accepted][-12:] == ids and len(hook.accepted) >= 30, "all of it again", timeout=60)


def test_a_replay_is_counted_before_and_its_progress_is_told(shared, admin, tenant, receiver):
    hook = receiver.hook()
    endpoint = admin.created(hook)["id"]
    ids = publish(shared, tenant, 6)
    hook.wait_for(6)
    reached = eventually(lambda: (found := admin.endpoint(endpoint).json())["cursor"] >= ids[-1] and found, "the cursor is stored", timeout=60)
    counted = admin.preview(endpoint, **{"from": ids[2]})
    assert counted.status_code == 200, counted.text
    place = Cursor.parse(ids[2])
    begin = place._replace(sequence=place.sequence - 1).text
    # The cursor may have passed over events of others in between.
    assert counted.json() | {"to": ""} == {"from": begin, "to": "", "events": 4, "more": False}
    assert admin.endpoint(endpoint).json().get("replay") is reached.get("replay") is None, "counting changes nothing"

    # The receiver is busy: the replay is under way.
    hook.hold()
    replay = admin.replay(endpoint, **{"from": ids[2]}).json()["replay"]
    assert replay["from"] == begin and replay["to"] >= reached["cursor"] and replay["requestedAt"].endswith("Z")
    hook.wait_for_any(lambda delivery: delivery.id == ids[2] and delivery.status is None, "is sent the first event again")
    found = admin.endpoint(endpoint).json()
    assert found["replay"] == replay and found["cursor"] == begin
    hook.release()
    ended = eventually(lambda: (found := admin.endpoint(endpoint).json())["cursor"] >= replay["to"] and found, "the replay ends", timeout=60)
    assert ended["replay"] == replay and [delivery.id for delivery in hook.accepted] == ids + ids[2:]


def test_one_event_is_sent_again_alone(shared, services, admin, tenant, receiver):
    hook = receiver.hook()
    created = admin.created(hook)
    endpoint = created["id"]
    ids = publish(shared, tenant, 4)
    hook.wait_for(4)
    before = eventually(lambda: (found := admin.endpoint(endpoint).json())["cursor"] >= ids[-1] and found, "the cursor is stored", timeout=60)
    # Any process answers, whichever delivers to the endpoint.
    for client in (admin, WebhookClient(services[1], tenant)):
        answer = client.resend(endpoint, ids[1])
        assert answer.status_code == 200 and answer.json()["delivered"] is True, answer.text
        assert answer.json()["attempt"] | {"startedAt": "", "durationMs": 0} == {
            "id": ids[1], "type": "load.tick", "startedAt": "", "durationMs": 0, "status": 204, "answer": "",
        }  # fmt: skip
    first, again = (hook.accepted[number] for number in (1, -1))
    assert [delivery.id for delivery in hook.accepted] == [*ids, ids[1], ids[1]] and again.body == first.body
    again.verify(created["secret"])
    found = admin.endpoint(endpoint).json()
    assert found["state"] == before["state"] and found["cursor"] >= before["cursor"] and "replay" not in found
    eventually(lambda: [one["id"] for one in admin.attempts(endpoint)].count(ids[1]) == 3, "the attempts are in the journal", timeout=60)

    # An ordered endpoint gets an event that waits in its turn, and none that was never stored before.
    hook.hold()
    [waiting, last] = publish(shared, tenant, 2, first=4)
    hook.wait_for_any(lambda delivery: delivery.id == waiting, "is sent the next event")
    place = Cursor.parse(last)
    for later in (last, place._replace(sequence=place.sequence + 1_000_000).text):
        assert error_of(admin.resend(endpoint, later)) == (409, "conflict")
    hook.release()
    hook.wait_for(8)
    hook.expect_order([*ids, waiting, last])
    # One that is disabled gets nothing.
    assert admin.change(endpoint, enabled=False).status_code == 200
    assert error_of(admin.resend(endpoint, ids[1])) == (409, "conflict")


def test_an_event_that_an_endpoint_does_not_get_is_not_sent_to_it_again(shared, admin, tenant, receiver):
    hook = receiver.hook()
    endpoint = admin.created(hook, ordered=False)["id"]
    [theirs] = publish(shared, f"{tenant}_other")
    [private] = publish(shared, tenant, user="bob", first=1)
    [other] = shared.intake.publish({"type": "house.tick", "tenant": tenant, "payload": {}})
    [own] = publish(shared, tenant, first=2)
    place = Cursor.parse(own)
    absent = admin.resend(endpoint, place._replace(time=place.time - 1).text)
    assert error_of(absent) == (404, "not_found")
    for event in (theirs, private, other, place._replace(epoch=place.epoch ^ 1).text, place._replace(sequence=place.sequence + 1_000_000).text):
        answer = admin.resend(endpoint, event)
        assert (answer.status_code, answer.content, set(answer.headers)) == (404, absent.content, set(absent.headers)), event
    assert admin.resend(endpoint, own).json()["delivered"] is True
    assert {delivery.id for delivery in hook.accepted} == {own}


def test_an_endpoint_that_comes_back_after_the_log_has_moved_on_gets_one_gap(stack, receiver):
    service = dispatchers(stack, 1)[0]
    admin = WebhookClient(service)
    hook, other = receiver.hook(), receiver.hook("other")
    endpoint = admin.created(hook)
    admin.created(other)
    assert admin.change(endpoint["id"], enabled=False).status_code == 200
    # The owner hears of it while it may deliver the first events.
    publish(stack, "acme", 5)
    other.wait_for(5)
    ids = publish(stack, "acme", 20, first=5)
    other.wait_for(25)
    place = Cursor.parse(ids[10])
    # A dispatcher may deliver what was purged from its memory for some seconds.
    service.terminate()
    assert service.wait(60) == 0
    stack.bus.purge(place.sequence)
    admin = WebhookClient(dispatchers(stack, 1)[0])
    assert admin.change(endpoint["id"], enabled=True).status_code == 200
    ids = ids[10:] + publish(stack, "acme", 5, first=25)
    hook.wait_for_any(lambda delivery: delivery.id == ids[-1], "has the last event")
    before = [delivery for delivery in hook.accepted if delivery.type == "load.tick" and delivery.data["n"] < 5]
    gap, *others = hook.accepted[len(before) :]
    assert gap.type == "stream.gap" and gap.data == {"reason": "expired", "missedBefore": ids[0]}
    assert gap.id == place._replace(sequence=place.sequence - 1).text
    gap.verify(endpoint["secret"])
    assert [delivery.id for delivery in others] == ids, "then everything that is kept"
    assert len([delivery for delivery in hook.accepted if delivery.type == "stream.gap"]) == 1


# Strangers


def test_another_tenants_endpoint_is_an_absent_one(admin, services, tenant, receiver):
    endpoint = admin.created(receiver.hook())["id"]
    stranger = WebhookClient(services[0], f"{tenant}_other")
    absent = endpoint[:-1] + ("0" if endpoint[-1] != "0" else "1")
    requests = [
        ("GET", "", None), ("PATCH", "", {"types": ["a.b"]}), ("DELETE", "", None), ("POST", "/secret", None), ("POST", "/test", None),
        ("POST", "/replay", {"since": "2024-01-01T00:00:00Z"}), ("POST", "/enable", None), ("GET", "/attempts", None),
        ("GET", "/replay?since=2024-01-01T00:00:00Z", None), ("POST", "/resend", {"event": "evt_01HX9VTPQR3KF0MZWBYD5N6JCE"}),
    ]  # fmt: skip
    for method, path, body in requests:
        answers = [stranger.send(method, f"/v1/webhooks/{name}{path}", json=body) for name in (endpoint, absent)]
        assert [error_of(answer) for answer in answers] == [(404, "not_found")] * 2, (method, path, answers[0].text)
        assert answers[0].json() == answers[1].json() and set(answers[0].headers) == set(answers[1].headers)
    assert stranger.endpoints() == [] and len(admin.endpoints()) == 1


@pytest.mark.parametrize(("roles", "status"), [(("member",), 403), (("producer",), 403), ((), 403)], ids=["member", "producer", "none"])
def test_only_admins_have_endpoints(services, tenant, receiver, roles, status):
    client = WebhookClient(services[0], tenant, roles=roles)
    assert error_of(client.create(receiver.hook())) == (status, "forbidden")
    assert error_of(client.send("GET", "/v1/webhooks")) == (status, "forbidden")
    assert error_of(client.send("GET", "/v1/webhooks", token=mint(tenant, lifetime=-1))) == (401, "unauthorized")


def test_what_is_secret_is_in_no_log_and_no_metric(shared, admin, services, tenant, receiver):
    """Secrets and tokens: `Stack` looks for them in all logs when it ends. Here: what the tenant has in its URL."""
    word = f"word-{secrets.token_hex(8)}"
    hook = receiver.hook(word)
    endpoint = admin.created(f"{hook.url}?key={word}", description=word, enabled=False)
    # The receiver has no such path with a query: it answers 404, so it is a failure that may be logged.
    eventually(lambda: admin.attempts(endpoint["id"]), "an attempt is known", timeout=60)
    shared.check()
    for service in services:
        assert word not in service.log and word not in json.dumps(service.metrics())


def test_loopback_is_closed_unless_an_operator_opens_it(stack, receiver):
    """In a separate stack: a dispatcher owns endpoints of every tenant."""
    hook = receiver.hook()
    client = WebhookClient(dispatcher(stack, webhook_allowed_networks=None).wait_ready())
    for url in (hook.url, hook.url.replace("127.0.0.1", "localhost"), f"https://127.0.0.1:{receiver.port}/hook", "https://[::ffff:127.0.0.1]/"):
        assert error_of(client.create(url)) == (400, "validation_error"), url
    assert not hook.deliveries


# Replicas


def test_two_dispatchers_deliver_each_event_once(shared, services, tenant, receiver):
    clients = [WebhookClient(service, tenant) for service in services]
    hooks = [receiver.hook(f"hook-{number}") for number in range(12)]
    for number, hook in enumerate(hooks):
        clients[number % 2].created(hook)
    ids = publish(shared, tenant, 20)
    for hook in hooks:
        hook.wait_for(20)
        hook.expect_order(ids)
    assert {len(hook.accepted) for hook in hooks} == {20}, "nothing twice"


def test_another_dispatcher_takes_over_from_one_that_was_killed(stack, receiver):
    first, second = dispatchers(stack, 2)
    admin = WebhookClient(second)
    hooks = [receiver.hook(f"hook-{number}") for number in range(8)]
    for hook in hooks:
        admin.created(hook)
    ids = publish(stack, "acme", 5)
    for hook in hooks:
        hook.wait_for(5)
    first.kill()
    ids += publish(stack, "acme", 5, first=5)
    for hook in hooks:
        hook.wait_for(10)
        eventually(lambda hook=hook: len({delivery.id for delivery in hook.accepted}) == 10, f"{hook.name} has all events", timeout=60)
        hook.expect_order(ids)
    # New endpoints too.
    late = receiver.hook("late")
    admin.created(late)
    publish(stack, "acme", first=10)
    late.wait_for(1)


def test_a_dispatcher_that_is_stopped_ends_its_attempts_and_loses_nothing(stack, receiver):
    service = dispatchers(stack, 1)[0]
    hook = receiver.hook()
    WebhookClient(service).created(hook)
    hook.hold()
    ids = publish(stack, "acme", 3)
    hook.wait_for_any(lambda delivery: delivery.id == ids[0], "has the first event")
    service.terminate()
    eventually(lambda: service.readiness() != 200, "it is not ready any more", timeout=30)
    assert service.is_running, "it waits for the attempt under way"
    hook.release()
    assert service.wait(60) == 0
    [delivery] = hook.accepted
    assert delivery.id == ids[0], "it begins no other"
    dispatchers(stack, 1)
    hook.wait_for(3)
    hook.expect_order(ids)
    assert len(hook.accepted) == 3, "nothing twice: it had stored how far it came"


def test_deliveries_go_on_after_an_outage_of_the_bus(stack, receiver):
    service = dispatchers(stack, 1)[0]
    hook = receiver.hook()
    WebhookClient(service).created(hook)
    ids = publish(stack, "acme", 3)
    hook.wait_for(3)
    stack.nats.kill()
    stack.nats.start()
    ids += stack.intake.publish_surely([numbered(number, prefix="after-") for number in range(3, 6)])
    hook.wait_for(6)
    hook.expect_order(ids)
