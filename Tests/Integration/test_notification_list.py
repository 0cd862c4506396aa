"""The notification list, its pages, and each user's read marks (contract §8)."""

import json
import threading
import time

import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, approval_services, error_of, requested
from causeway_kit.cursors import Cursor
from causeway_kit.sizes import size
from causeway_kit.subjects import token
from causeway_kit.waiting import eventually


@pytest.fixture(scope="module")
def service(shared):
    return approval_service(shared).wait_ready()


@pytest.fixture
def reader(service, tenant):
    return ApprovalClient(service, tenant, roles=("member",))


def notice(number, tenant, user=None):
    payload = {"id": f"n{number}", "title": f"Notice {number}", "body": "Read me"}
    event = {"type": "notification.created", "tenant": tenant, "payload": payload}
    return event | ({"user": user} if user else {})


def titles(items):
    return [item["title"] for item in items]


def test_an_item(shared, reader, tenant):
    [event_id] = shared.intake.publish(requested("apr_1", tenant, requestedBy="planner"))
    answer = reader.notifications()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    [item] = answer.json()["items"]
    assert item.pop("createdAt").endswith("Z")
    assert item == {
        "notificationId": "ntf_" + event_id.removeprefix("evt_"),
        "type": "approval.requested",
        "title": "Approval needed: Restart the checkout service",
        "body": "Approval apr_1 waits for an answer, asked for by planner.",
        "read": False,
        "readAt": None,
        "incidentId": "inc_apr_1",
        "remediationId": "rem_apr_1",
        "approvalId": "apr_1",
    }
    assert {name: value for name, value in answer.json().items() if name != "items"} == {"unreadCount": 1, "nextCursor": None}


def test_who_sees_what(shared, service, tenant):
    """A notification for one user is in that user's list only, and no tenant sees another's."""
    ann, bob = (ApprovalClient(service, tenant, user=name, roles=("member",)) for name in ("ann", "bob"))
    shared.intake.publish(notice(1, tenant), notice(2, tenant, "ann"), notice(3, tenant, "bob"))
    shared.intake.publish(notice(4, f"{tenant}_other"), notice(5, tenant, "ann"))
    assert titles(ann.notifications().json()["items"]) == ["Notice 5", "Notice 2", "Notice 1"]
    assert titles(bob.notifications().json()["items"]) == ["Notice 3", "Notice 1"]
    assert ann.notifications().json()["unreadCount"] == 3
    [mine, *_] = ann.notifications().json()["items"]
    assert error_of(bob.mark_read(mine["notificationId"])) == (404, "not_found")
    assert ann.mark_read(mine["notificationId"]).status_code == 200
    assert bob.notifications().json()["unreadCount"] == 2


def test_what_becomes_a_notification(shared, reader, tenant):
    shared.intake.publish(
        {"type": "investigation.progress", "tenant": tenant, "payload": {"incidentId": "i", "message": "m", "agentName": "a"}},
        {"type": "something.of_our_own", "tenant": tenant, "payload": {"title": "t"}},
        {"type": "remediation.executed", "tenant": tenant, "payload": {"remediationId": "r"}},
        {"type": "incident.created", "tenant": tenant, "payload": {"incidentId": "i", "title": "Line\nbreak \u0007", "severity": "high"}},
    )
    items = reader.notifications().json()["items"]
    assert [(item["title"], item["body"]) for item in items] == [
        ("New incident: Line break  ", "Incident i was opened with severity high."),
        ("Remediation executed", "Remediation r has been executed."),
    ]


def test_reading_one(shared, service, reader, tenant):
    shared.intake.publish(*[notice(n, tenant) for n in range(3)])
    [_, item, _] = reader.notifications().json()["items"]
    answer = reader.mark_read(item["notificationId"])
    assert answer.status_code == 200
    marked = answer.json()
    assert marked["readAt"]
    assert marked == item | {"read": True, "readAt": marked["readAt"]}
    assert reader.mark_read(item["notificationId"]).json() == marked, "what was read once was read then"
    assert titles(reader.notifications(read="false").json()["items"]) == ["Notice 2", "Notice 0"]
    assert titles(reader.notifications(read="true").json()["items"]) == ["Notice 1"]
    assert reader.notifications(read="true").json()["unreadCount"] == 2
    colleague = ApprovalClient(service, tenant, user="usr_2", roles=("admin",))
    assert colleague.notifications().json()["unreadCount"] == 3, "what one has read is unread for the others"


def test_reading_all_up_to_a_place(shared, reader, tenant):
    shared.intake.publish(*[notice(n, tenant) for n in range(5)])
    items = reader.notifications().json()["items"]
    reader.mark_read(items[4]["notificationId"]).raise_for_status()
    first_read = reader.notifications().json()["items"][4]["readAt"]
    assert reader.mark_all_read(items[2]["notificationId"]).json() == {"unreadCount": 2}
    assert titles(reader.notifications(read="false").json()["items"]) == ["Notice 4", "Notice 3"]
    after = reader.notifications().json()["items"]
    assert after[4]["readAt"] == first_read
    assert after[3]["readAt"] == after[2]["readAt"] >= first_read
    # An older place changes nothing; the id of an event from the streams is accepted too.
    assert reader.mark_all_read(items[3]["notificationId"]).json() == {"unreadCount": 2}
    assert reader.mark_all_read("evt_" + items[0]["notificationId"].removeprefix("ntf_")).json() == {"unreadCount": 0}
    shared.intake.publish(notice(9, tenant))
    assert reader.notifications().json()["unreadCount"] == 1, "what comes later is unread"


def test_a_mark_that_moves_nothing_is_not_stored(shared, service, reader, tenant):
    """One member's identical requests would otherwise evict all users' read marks from their stream."""
    other = ApprovalClient(service, f"{tenant}_other", roles=("member",))
    shared.intake.publish(notice(1, tenant), notice(2, tenant))
    [_, later] = shared.intake.publish(notice(3, tenant, "somebody"), notice(4, f"{tenant}_other"))
    newest, oldest = reader.notifications().json()["items"]
    assert reader.mark_all_read(newest["notificationId"]).json() == {"unreadCount": 0}
    marks = shared.bus.state("INBOX").last_seq
    for place in [newest["notificationId"], oldest["notificationId"], later] * 5:
        assert reader.mark_all_read(place).json() == {"unreadCount": 0}
    for item in (newest, oldest):
        assert reader.mark_read(item["notificationId"]).json()["read"]
    assert shared.bus.state("INBOX").last_seq == marks
    # Other notifications, and later ones, are marked normally.
    assert other.mark_all_read(later).json() == {"unreadCount": 0}
    shared.intake.publish(notice(5, tenant))
    newest = reader.notifications().json()["items"][0]
    assert reader.mark_all_read(newest["notificationId"]).json() == {"unreadCount": 0}
    assert shared.bus.state("INBOX").last_seq == marks + 2


def test_filters(shared, reader, tenant):
    shared.intake.publish(notice(1, tenant), requested("apr_1", tenant), notice(2, tenant), requested("apr_2", tenant))
    items = reader.notifications(type="notification.created").json()
    assert titles(items["items"]) == ["Notice 2", "Notice 1"]
    assert items["unreadCount"] == 4, "the count is of all, whatever is shown"
    reader.mark_read(items["items"][0]["notificationId"]).raise_for_status()
    assert titles(reader.notifications(type="notification.created", read="false").json()["items"]) == ["Notice 1"]
    assert titles(reader.notifications(type="notification.created", read="true").json()["items"]) == ["Notice 2"]
    assert reader.notifications(type="job.updated").json()["items"] == []


def test_errors(shared, service, reader, tenant):
    stranger = ApprovalClient(service, tenant, roles=())
    assert error_of(stranger.notifications()) == (403, "forbidden")
    assert error_of(stranger.mark_read("ntf_" + "0" * 26)) == (403, "forbidden")
    for query in ({"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"read": "yes"}, {"type": "Nonsense"}, {"cursor": "x"}, {"cursor": ""}):
        assert error_of(reader.notifications(**query)) == (400, "validation_error"), query
    assert error_of(reader.send("GET", "/v1/notifications?read=true&read=false")) == (400, "validation_error")
    for name in ("x", "ntf_" + "0" * 26, "evt_" + "0" * 26, "ntf_" + "Z" * 26):
        assert error_of(reader.mark_read(name)) == (404, "not_found"), name
    for body in (b"", b"{}", b"[]", b'{"cursor":7}', b'{"cursor":"ntf_"}', b'{"cursor":"ntf_00000000000000000000000000"}'):
        answer = reader.send("POST", "/v1/notifications/read", content=body, headers={"Content-Type": "application/json"})
        assert error_of(answer) == (400, "validation_error"), body
    shared.intake.publish(notice(1, tenant))
    [item] = reader.notifications().json()["items"]
    future = item["notificationId"][:-6] + "ZZZZZZ"
    assert error_of(reader.mark_all_read(future)) == (400, "validation_error"), "what nobody has seen cannot be read"
    assert error_of(reader.send("GET", f"/v1/notifications/{item['notificationId']}/read")) == (405, "method_not_allowed")
    assert error_of(reader.send("PUT", "/v1/notifications")) == (405, "method_not_allowed")


def test_pages_do_not_shift(shared, reader, tenant):
    """While a reader pages, others write and the reader marks: no item is repeated or missing."""
    count = 60
    shared.intake.publish(*[notice(n, tenant, user=(None, "usr_1")[n % 2]) for n in range(count)])
    seen, cursor, extra = [], None, 1000
    while True:
        page = reader.notifications(limit=7, **({"cursor": cursor} if cursor else {})).json()
        seen += page["items"]
        shared.intake.publish(*[notice(extra + n, tenant) for n in range(3)])
        extra += 3
        reader.mark_read(page["items"][0]["notificationId"]).raise_for_status()
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert titles(seen) == [f"Notice {n}" for n in reversed(range(count))]


def test_a_page_of_unread_ones_does_not_shift(shared, reader, tenant):
    shared.intake.publish(*[notice(n, tenant) for n in range(30)])
    seen, cursor = [], None
    while True:
        page = reader.notifications(limit=4, read="false", **({"cursor": cursor} if cursor else {})).json()
        seen += page["items"]
        for item in page["items"][::2]:
            reader.mark_read(item["notificationId"]).raise_for_status()
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert titles(seen) == [f"Notice {n}" for n in reversed(range(30))]


def test_everybody_reads_their_own_writes_on_every_replica(stack):
    """An acknowledged mark is visible on every replica immediately; so is an event that the intake has acknowledged."""
    services = approval_services(stack, 3)
    clients = [ApprovalClient(service, roles=("member",)) for service in services]
    for n in range(size(40, 200)):
        [event_id] = stack.intake.publish(notice(n, "acme"))
        notification = "ntf_" + event_id.removeprefix("evt_")
        first, second, third = (clients[(n + k) % 3] for k in range(3))
        assert first.notifications(limit=1).json()["items"][0]["notificationId"] == notification
        assert second.mark_read(notification).status_code == 200
        page = third.notifications(limit=1).json()
        assert page["items"][0]["read"] is True
        assert page["unreadCount"] == 0


def test_marks_survive_everything(stack):
    """Marks of one replica survive the death of all replicas and of the bus, and are in a replica that starts without a file."""
    services = approval_services(stack, 2)
    stack.intake.publish(*[notice(n, "acme") for n in range(40)])
    clients = [ApprovalClient(service) for service in services]
    items = clients[0].notifications().json()["items"]

    def mark(k):
        for item in items[10 + k : 30 : 2]:
            clients[k].mark_read(item["notificationId"]).raise_for_status()

    threads = [threading.Thread(target=mark, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clients[0].mark_all_read(items[35]["notificationId"]).json() == {"unreadCount": 15}
    before = clients[0].notifications().json()
    for process in (*services, stack.nats):
        process.kill()
    stack.nats.start()
    for service in services:
        service.start().wait_ready()
    fresh = approval_service(stack).wait_ready()
    for service in (*services, fresh):
        assert ApprovalClient(service).notifications().json() == before


def test_a_deleted_inbox_forgets_marks_and_nothing_else(stack):
    service = approval_service(stack).wait_ready()
    reader = ApprovalClient(service)
    stack.intake.publish(*[notice(n, "acme") for n in range(3)])
    items = reader.notifications().json()["items"]
    reader.mark_read(items[0]["notificationId"]).raise_for_status()
    stack.bus.delete_stream("INBOX")
    eventually(lambda: reader.notifications().json().get("unreadCount") == 3, "the marks are gone with their stream")
    assert eventually(lambda: reader.mark_read(items[1]["notificationId"]).status_code == 200, "marks are taken again")
    assert reader.notifications().json()["unreadCount"] == 2


def test_marks_on_the_bus_with_impossible_numbers_are_no_marks(shared, service, tenant):
    """Any program on the bus can publish them: they mark nothing, and the process does not crash."""
    reader = ApprovalClient(service, tenant)
    shared.intake.publish(notice(1, tenant))
    [item] = reader.notifications().json()["items"]
    epoch = Cursor.parse("evt_" + item["notificationId"].removeprefix("ntf_")).epoch
    subject = f"inbox.{token(tenant)}.usr_1"
    for sequence in (-1, 1 << 63, (1 << 64) - 1, 1 << 64, 1e300):
        for member in ("sequence", "through"):
            shared.bus.publish(subject, json.dumps({"epoch": epoch, "at": 1, member: sequence}).encode())
    for at in (-(1 << 63), -1, 1 << 48, (1 << 63) - 1, 1 << 63):
        shared.bus.publish(subject, json.dumps({"epoch": epoch, "at": at, "through": 1 << 40}).encode())
    for body in (b"", b"null", b"[]", b"{", b"\xff"):
        shared.bus.publish(subject, body)
    assert reader.notifications().json() == {"items": [item], "unreadCount": 1, "nextCursor": None}
    assert reader.mark_read(item["notificationId"]).json()["read"] is True
    assert service.is_running


def test_a_restored_inbox_is_noticed(stack):
    """The bus is restored from an older copy and written beyond the replica's position: lost marks no longer count."""
    service = approval_service(stack).wait_ready()
    reader = ApprovalClient(service)
    stack.intake.publish(*[notice(n, "acme") for n in range(6)])
    items = reader.notifications().json()["items"]
    reader.mark_read(items[0]["notificationId"]).raise_for_status()
    stack.nats.terminate()
    assert stack.nats.wait(20) is not None, "nats-server exits; Debian's with 1 at SIGTERM"
    copy = stack.directory / "copy"
    stack.nats.copy_store(copy)
    stack.nats.start()
    service.wait_ready()
    for item in items[1:3]:
        # It may not have noticed yet that the bus was away, and answers 503 until it is back.
        eventually(lambda item=item: reader.mark_read(item["notificationId"]).status_code == 200, "marks are taken again", timeout=30)
    assert reader.notifications().json()["unreadCount"] == 3
    service.kill()
    stack.nats.kill()
    stack.nats.restore_store(copy)
    stack.nats.start()
    other = ApprovalClient(approval_service(stack).wait_ready())
    for item in items[3:6]:
        other.mark_read(item["notificationId"]).raise_for_status()
    service.start().wait_ready()
    assert reader.notifications().json() == other.notifications().json()
    assert [item["read"] for item in reader.notifications().json()["items"]] == [True, False, False, True, True, True]


def test_a_mark_is_of_its_event_and_not_of_its_place(stack):
    """Finding 5: only `EVENTS` is restored from an older copy and written since; new events at old sequences are unread."""
    service = approval_service(stack).wait_ready()
    reader = ApprovalClient(service)
    stack.intake.publish(notice(1, "acme"))
    [kept] = reader.notifications().json()["items"]
    reader.mark_read(kept["notificationId"]).raise_for_status()
    # A mark of another event at the same place, as the one that was read before the restore has left it in `INBOX`.
    stack.intake.publish(notice(2, "acme"))
    [fresh, _] = reader.notifications().json()["items"]
    place = Cursor.parse("evt_" + fresh["notificationId"].removeprefix("ntf_"))
    former = place._replace(time=place.time - 60_000)
    body = {"epoch": place.epoch, "sequence": place.sequence, "intake": former.time, "at": former.time}
    stack.bus.publish(f"inbox.{token('acme')}.usr_1", json.dumps(body).encode())
    for replica in (reader, ApprovalClient(approval_service(stack).wait_ready())):
        page = replica.notifications().json()
        assert ([item["read"] for item in page["items"]], page["unreadCount"]) == ([False, True], 1)
    # The lost event's id is unknown.
    assert error_of(reader.mark_read("ntf_" + former.text.removeprefix("evt_"))) == (404, "not_found")
    assert reader.mark_read(fresh["notificationId"]).json()["read"] is True
    assert reader.notifications().json()["unreadCount"] == 0


def test_a_mark_of_all_up_to_a_place_is_of_its_copy_of_the_log(stack):
    """New events below such a mark, after the log was restored from an older copy, are unread; a lower mark stays in force too."""
    reader = ApprovalClient(approval_service(stack).wait_ready())
    stack.intake.publish(notice(1, "acme"))
    [kept] = reader.notifications().json()["items"]
    place = Cursor.parse("evt_" + kept["notificationId"].removeprefix("ntf_"))
    # A mark of the former copy's last notification, as `INBOX` has it after `EVENTS` alone was restored.
    body = {"epoch": place.epoch, "through": place.sequence + 100, "intake": place.time, "at": place.time}
    stack.bus.publish(f"inbox.{token('acme')}.usr_1", json.dumps(body).encode())
    # Intakes are milliseconds: what comes next must not be of the same one.
    eventually(lambda: time.time() * 1000 > place.time + 1, "a millisecond passes")
    stack.intake.publish(notice(2, "acme"), notice(3, "acme"))
    replicas = [reader, ApprovalClient(approval_service(stack).wait_ready())]

    def read():
        pages = [replica.notifications().json() for replica in replicas]
        assert pages[0] == pages[1]
        assert pages[0]["unreadCount"] == sum(not item["read"] for item in pages[0]["items"])
        return [item["read"] for item in pages[0]["items"]]

    assert read() == [False, False, True]
    items = reader.notifications().json()["items"]
    assert reader.mark_all_read(items[1]["notificationId"]).json() == {"unreadCount": 1}
    assert read() == [False, True, True]
    assert reader.mark_all_read(items[0]["notificationId"]).json() == {"unreadCount": 0}
    assert read() == [True, True, True]


def test_marks_that_were_purged_are_forgotten_by_all(stack):
    """A replica that saw the marks and one that starts later give the same answer."""
    service = approval_service(stack).wait_ready()
    reader = ApprovalClient(service)
    stack.intake.publish(*[notice(n, "acme") for n in range(4)])
    items = reader.notifications().json()["items"]
    for item in items[:3]:
        reader.mark_read(item["notificationId"]).raise_for_status()
    stack.bus.purge_stream("INBOX", before=3)
    fresh = ApprovalClient(approval_service(stack).wait_ready())
    assert reader.notifications().json() == fresh.notifications().json()
    assert reader.notifications().json()["unreadCount"] == 3
