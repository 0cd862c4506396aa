"""Who sees an approval request with a user, and what follows from it: one answer for each person on every surface (contract §12)."""

from dataclasses import dataclass

import pytest

from causeway_kit.approvals import error_of, requested
from causeway_kit.intake import numbered
from causeway_kit.long_poll import LongPoll
from causeway_kit.relay import Relay, RelayClient
from causeway_kit.services import is_built
from causeway_kit.surfaces import Event, Heartbeat, NotificationStream, Opened
from causeway_kit.tokens import mint
from causeway_kit.votes import Person
from causeway_kit.waiting import eventually
from causeway_kit.webhooks import Receiver, WebhookClient, dispatcher
from causeway_kit.workspace import WorkspaceStream

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")

FORBIDDEN, NOT_FOUND, INVALID, NOT_APPROVED = (403, "forbidden"), (404, "not_found"), (400, "validation_error"), (409, "not_approved")

#: Two of those named, or of a role; from the beginning it is shown to the people of the step too.
GROUPS = [{"name": "named", "users": ["nina", "nora"], "roles": ["security"], "n": 2}]
LEADS = {"name": "leads", "users": ["lea"], "roles": ["lead"]}
STEPS = [{"after": "1h", "groups": [LEADS]}]
#: The types that are notifications (contract §2).
NOTIFIED = {"approval.requested", "approval.escalated", "approval.resolved", "remediation.approved", "remediation.rejected", "remediation.executed"}


@dataclass(frozen=True)
class Sight:
    """What one person sees: status, or status and code, of GET, POST and consume; and whether everything else shows it.

    To whom it is not shown it is what an unknown one is: a POST gets 404 with the role admin, else 403.
    """

    user: str
    get: object
    vote: object
    consume: object
    #: Lists, notifications, counts and streams. None: the role may not ask.
    is_told: bool | None
    basic: str = "member"
    role: str | None = None


#: In the order in which they vote: the last vote completes the group.
SIGHT = {
    "addressee": Sight("ann", 200, FORBIDDEN, FORBIDDEN, True),
    "addressee, admin": Sight("ann", 200, FORBIDDEN, NOT_APPROVED, True, basic="admin"),
    "requester": Sight("rita", NOT_FOUND, FORBIDDEN, FORBIDDEN, False),
    "member of a group by role": Sight("sam", NOT_FOUND, FORBIDDEN, FORBIDDEN, False, role="security"),
    "member of a step by role": Sight("lou", NOT_FOUND, FORBIDDEN, FORBIDDEN, False, role="lead"),
    "other member": Sight("max", NOT_FOUND, FORBIDDEN, FORBIDDEN, False),
    "other admin": Sight("ada", NOT_FOUND, NOT_FOUND, NOT_FOUND, False, basic="admin"),
    "deputy of one by role": Sight("dean", NOT_FOUND, FORBIDDEN, FORBIDDEN, False),
    "producer": Sight("exe", 200, FORBIDDEN, NOT_APPROVED, None, basic="producer"),
    "named in a step": Sight("lea", 200, FORBIDDEN, FORBIDDEN, True),
    "named in a group": Sight("nina", 200, 200, FORBIDDEN, True),
    "deputy of the addressee": Sight("dirk", 200, FORBIDDEN, FORBIDDEN, False),
    "deputy of one named": Sight("dora", 200, 200, FORBIDDEN, False),
}


@pytest.fixture
def deputies(person):
    """Lets the deputies of `SIGHT` vote in the place of others."""
    for giver, role, deputy in (("nora", None, "dora"), ("ann", None, "dirk"), ("sam", "security", "dean")):
        person(giver, *([role] if role else [])).delegate(deputy)


def status_of(answer):
    return answer.status_code if answer.status_code == 200 else error_of(answer)


def private(approval, tenant, **members):
    """A request for ann."""
    return requested(approval, tenant, **{"groups": GROUPS, "escalation": STEPS, "requestedBy": "rita"} | members) | {"user": "ann"}


def followed(shared, tenant):
    return [event for event in shared.bus.events() if event.tenant == tenant]


def approvals_of(answer):
    assert answer.status_code == 200, answer.text
    return [item["approvalId"] for item in answer.json()["items"]]


def notified_of(who):
    """The types of a person's notifications, oldest first, and the count of the unread ones."""
    answer = who.notifications().json()
    return [item["type"] for item in answer["items"]][::-1], answer["unreadCount"]


# REST


def test_over_rest(shared, replicas, person, tenant, deputies, events):
    shared.intake.publish(private("apr", tenant))
    stranger = Person(replicas[0], f"{tenant}_other", "nina", "security", basic="admin")
    people = {name: person(sight.user, *([sight.role] if sight.role else []), basic=sight.basic) for name, sight in SIGHT.items()}
    for name, sight in SIGHT.items():
        who = people[name]
        if sight.is_told is not None:
            for answer in (who.approvals(), who.approvals(status="pending", sort="deadline")):
                assert approvals_of(answer) == ["apr"] * sight.is_told, name
            assert notified_of(who) == (["approval.requested"] * sight.is_told, int(sight.is_told)), name
        found = (status_of(who.approval("apr")), status_of(who.decide("apr")), status_of(who.consume("apr")))
        assert found == (sight.get, sight.vote, sight.consume), name
        if sight.get == NOT_FOUND:
            assert found == (status_of(who.approval("unknown")), status_of(who.decide("unknown")), status_of(who.consume("unknown"))), name
    assert people["named in a group"].approval("apr").json()["status"] == "approved"
    assert people["producer"].consume("apr").status_code == 200
    events.wait_until_announced()
    # And what follows from it.
    log = followed(shared, tenant)
    assert {event.type for event in log} == {
        "approval.requested", "approval.voted", "approval.resolved", "approval.consumed", "remediation.approved",
    }  # fmt: skip
    wanted = [event.type for event in log if event.type in NOTIFIED]
    for replica in replicas:
        for name, sight in SIGHT.items():
            if sight.is_told is None:
                continue
            who = people[name].at(replica)
            assert notified_of(who) == (wanted if sight.is_told else [], len(wanted) * sight.is_told), name
            assert approvals_of(who.approvals(status="approved")) == ["apr"] * sight.is_told, name
            assert approvals_of(who.approvals(status="pending")) == [], name
        assert error_of(stranger.at(replica).approval("apr")) == NOT_FOUND
        assert approvals_of(stranger.at(replica).approvals()) == stranger.at(replica).notifications().json()["items"] == []


def test_a_read_mark_is_of_one_person(shared, person, tenant):
    [id] = shared.intake.publish(private("apr", tenant))
    ann, nina, lea, max = person("ann"), person("nina"), person("lea"), person("max")
    notification = nina.notifications().json()["items"][0]["notificationId"]
    assert error_of(max.mark_read(notification)) == NOT_FOUND
    assert nina.mark_read(notification).json()["read"] is True
    assert [notified_of(who)[1] for who in (ann, nina, lea)] == [1, 0, 1]
    assert lea.mark_all_read(id).json() == {"unreadCount": 0}
    assert [notified_of(who)[1] for who in (ann, nina, lea)] == [1, 0, 0]


def test_a_deputy_sees_it_as_long_as_the_delegation_is_in_force(shared, person, tenant):
    shared.intake.publish(private("apr", tenant))
    nora, dora = person("nora"), person("dora")
    assert error_of(dora.approval("apr")) == NOT_FOUND
    delegation = nora.delegate("dora")["delegationId"]
    assert dora.approval("apr").status_code == 200
    assert nora.revoke(delegation).status_code == 204
    assert error_of(dora.approval("apr")) == error_of(dora.approval("unknown")) == NOT_FOUND


def test_it_names_so_many_people_and_no_more(shared, person, tenant):
    def naming(count):
        return [{"name": "named", "users": [f"u{n}" for n in range(count)]}]

    answer = shared.intake.post(private("apr", tenant, groups=naming(65), escalation=None))
    assert error_of(answer) == INVALID
    assert answer.json()["message"].startswith("payload.groups[0].users[64]: "), answer.text
    shared.intake.publish(private("apr", tenant, groups=naming(64), escalation=None))
    assert all(approvals_of(person(user).approvals()) == ["apr"] for user in ("ann", "u0", "u63"))
    # Without a user it is for everyone.
    shared.intake.publish(requested("ours", tenant, groups=naming(65)))
    assert approvals_of(person("max").approvals()) == ["ours"]


# Streams and webhooks


def marker(tenant):
    """What everybody sees, behind all that."""
    return numbered(1, tenant, type="remediation.executed") | {"payload": {"remediationId": "rem_apr", "incidentId": "inc"}}


def run_its_course(shared, person, tenant, events):
    """Two requests for ann: one is rejected, one escalates, is voted on, approved and consumed. Returns the first one's id, and all types."""
    step = [{"after": "1s", "groups": [LEADS]}]
    [first, *_] = shared.intake.publish(
        private("apr", tenant, incidentId="inc", escalation=step), private("rejected", tenant, incidentId="inc")
    )
    nina, nora = person("nina"), person("nora")
    assert nina.decide("rejected", "reject").status_code == 200
    eventually(lambda: nina.approval("apr").json()["escalation"][0]["escalatedAt"], "it escalates")
    events.wait_until_announced()
    assert nina.decide("apr").json()["status"] == "pending"
    assert nora.decide("apr").json()["status"] == "approved"
    assert person("exe", basic="producer").consume("apr").status_code == 200
    events.wait_until_announced()
    shared.intake.publish(marker(tenant))
    log = followed(shared, tenant)
    assert {event.user for event in log[:-1]} == {"ann"}
    assert {event.others for event in log[2:-1]} == {("lea", "nina", "nora")}, "in a header, because their payloads do not name them"
    types = [event.type for event in log]
    assert types.count("approval.escalated") == 1
    return first, types


@pytest.mark.parametrize("surface", [NotificationStream(), WorkspaceStream(), LongPoll(), Relay()], ids=str)
def test_on_streams(shared, edge, person, tenant, deputies, events, surface):
    """With all that follows from it: live, and from the log for those who come later."""
    readers = {name: (sight.is_told, sight.user, sight.basic, sight.role) for name, sight in SIGHT.items() if sight.is_told is not None}
    other = f"{tenant}_other"

    def connect(tenant, user, basic, role, cursor=None):
        held = mint(tenant, user, [basic, *([role] if role else [])])
        if isinstance(surface, Relay):
            client = RelayClient(edge, held)
            client.result("remediation.subscribe", {"incidentId": "inc"} | ({} if cursor is None else {"lastEventId": cursor}))
            return client
        connection = surface.connect(edge, held, cursor=cursor)
        if cursor is None:
            connection.next()
        return connection

    def told(connection, count):
        if isinstance(surface, Relay):
            return [message["method"] for message in (connection.next() for _ in range(count))]
        return [event.type for event in events_of(connection, count)]

    def events_of(connection, count):
        found = []
        while len(found) < count:
            message = connection.next()
            assert isinstance(message, Opened | Heartbeat | Event), message
            found += [message] if isinstance(message, Event) else []
        return found

    connections = {name: connect(tenant, *who) for name, (_, *who) in readers.items()}
    connections["other tenant"] = connect(other, "nina", "admin", "security")
    first, types = run_its_course(shared, person, tenant, events)
    shared.intake.publish(marker(other))
    try:
        for name, connection in connections.items():
            wanted = types if name in readers and readers[name][0] else ["remediation.executed"]
            assert told(connection, len(wanted)) == wanted, name
        for name, (is_told, *who) in readers.items():
            late = connections[f"{name}, late"] = connect(tenant, *who, cursor=first)
            # All behind the first request.
            wanted = types[1:] if is_told else ["remediation.executed"]
            assert told(late, len(wanted)) == wanted, name
    finally:
        for connection in connections.values():
            connection.close()


def test_on_webhooks(shared, person, tenant, deputies, events):
    """An endpoint sees what its `user` is told on streams; one without a user sees what is for everyone."""
    other, types = f"{tenant}_other", ["approval.*", "remediation.*"]
    service = dispatcher(shared).wait_ready()
    admin, foreign = WebhookClient(service, tenant), WebhookClient(service, other)
    with Receiver() as receiver:
        hooks = {}
        for number, (name, sight) in enumerate(SIGHT.items()):
            if sight.is_told is not None:
                hooks[name] = sight.is_told, receiver.hook(f"of-{number}")
                admin.created(hooks[name][1], types, enabled=False, user=sight.user)
        hooks["without a user"] = False, receiver.hook("everyone")
        admin.created(hooks["without a user"][1], types, enabled=False)
        hooks["other tenant"] = False, receiver.hook("foreign")
        foreign.created(hooks["other tenant"][1], types, enabled=False, user="nina")
        for client in (admin, foreign):
            for endpoint in client.endpoints():
                client.wait_for_state(endpoint["id"], "enabled")
        _, all_types = run_its_course(shared, person, tenant, events)
        shared.intake.publish(marker(other))
        for name, (is_told, hook) in hooks.items():
            wanted = all_types if is_told else ["remediation.executed"]
            # In order, and the marker comes last.
            assert [delivery.type for delivery in hook.wait_for(len(wanted))] == wanted, name
