"""Groups of people decide an approval by votes: tally, four eyes, escalation, delegation, and processes killed meanwhile (contract §12)."""

import pytest

from causeway_kit.approvals import ApprovalClient, error_of, requested, timestamp
from causeway_kit.services import is_built
from causeway_kit.votes import (
    GROUPS,
    Person,
    expect_tally,
)
from causeway_kit.waiting import eventually, pause

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")

FORBIDDEN, SELF_APPROVAL, NOT_FOUND = (403, "forbidden"), (403, "self_approval"), (404, "not_found")
ALREADY_VOTED, ALREADY_RESOLVED, EXPIRED, CONFLICT = (409, "already_voted"), (409, "already_resolved"), (409, "expired"), (409, "conflict")


@pytest.fixture
def request_approval(shared, tenant):
    """Requests an approval with `GROUPS` unless others are given."""
    return lambda approval="apr", **members: shared.intake.publish(requested(approval, tenant, **{"groups": GROUPS} | members))[0]


def expect_pending(person, approval, voters=()):
    """Checks that an approval waits, and whose approvals count. Returns it."""
    shown = person.approval(approval).json()
    assert (shown["status"], shown["decision"]) == ("pending", None)
    assert sorted(user for group in shown["groups"] for user in group["approvedBy"]) == sorted(voters)
    return shown


# Votes


def test_two_of_a_group_and_one_of_another(replicas, person, events, tenant, request_approval):
    request_id = request_approval()
    ann, sam, dan = person("ann", "security"), person("sam", "security").at(replicas[1]), person("dan", "dba", "lead")
    security = {"name": "security", "roles": ["security"], "users": [], "n": 2, "approvals": 1, "approvedBy": ["ann"], "step": None}
    dba = {"name": "dba", "roles": ["dba"], "users": [], "n": 1, "approvals": 0, "approvedBy": [], "step": None}

    first = ann.decide("apr", reason="It is safe").json()
    votes = [first.pop("votedAt")]
    wanted = {"approvalId": "apr", "status": "pending", "action": "approve", "votedBy": "ann"}
    assert first == wanted | {"reason": "It is safe", "groups": [security, dba]}
    second = dan.decide("apr").json()
    votes.append(second.pop("votedAt"))
    dba |= {"approvals": 1, "approvedBy": ["dan"]}
    assert second == wanted | {"votedBy": "dan", "groups": [security, dba]}
    expect_pending(ann, "apr", ["ann", "dan"])
    decided = sam.decide("apr").json()
    votes.append(decided.pop("decidedAt"))
    assert decided == {
        "approvalId": "apr",
        "status": "approved",
        "action": "approve",
        "remediationId": "rem_apr",
        "remediationStatus": "executing",
        "decidedBy": "sam",
    }

    announced = events.expect("apr", approval_voted=3, approval_resolved=1, remediation_approved=1)
    voted = [body for event, body in announced if event.type == "approval.voted"]
    assert [(body["votedBy"], body["votedAt"], body["action"]) for body in voted] == [
        (user, time, "approve") for user, time in zip(("ann", "dan", "sam"), votes, strict=True)
    ]
    assert {(body["remediationId"], body["incidentId"]) for body in voted} == {("rem_apr", "inc_apr")}
    shown = ann.approval("apr").json()
    assert shown == ann.at(replicas[1]).approval("apr").json()
    security |= {"approvals": 2, "approvedBy": ["ann", "sam"]}
    assert (shown["status"], shown["groups"]) == ("approved", [security, dba])
    history = [(entry["type"], entry["by"], entry["action"]) for entry in shown["history"]]
    assert history == [
        ("approval.requested", None, None),
        *[("approval.voted", user, "approve") for user in ("ann", "dan", "sam")],
        ("approval.resolved", "sam", "approve"),
    ]
    assert shown["history"][0]["eventId"] == request_id
    ids = [entry["eventId"] for entry in shown["history"]]
    assert None not in ids and ids == sorted(set(ids)), "each entry has the id of its event"


def test_one_reject_ends_it(person, events, request_approval):
    request_approval()
    ann, dan, sam = person("ann", "security"), person("dan", "dba"), person("sam", "security")
    assert ann.decide("apr").status_code == 200
    answer = dan.decide("apr", "reject", reason="Not today").json()
    assert (answer["status"], answer["remediationStatus"], answer["decidedBy"], answer["reason"]) == ("rejected", "cancelled", "dan", "Not today")
    assert error_of(sam.decide("apr")) == error_of(sam.decide("apr", "reject")) == ALREADY_RESOLVED
    events.expect("apr", approval_voted=2, approval_resolved=1, remediation_rejected=1)
    assert person("ann").approval("apr").json()["status"] == "rejected"


def test_a_person_in_two_groups_counts_once(person, request_approval):
    """The person is counted where more people have a place, and moved when that changes."""
    request_approval()
    memberships = {}
    for user, roles in [("bea", ("security", "dba")), ("ann", ("security",)), ("sam", ("security",))]:
        memberships[user] = roles
        answer = person(user, *roles).decide("apr").json()
        if user == "sam":
            assert answer["status"] == "approved", "bea counts as dba, since there are two others of security"
        else:
            expect_tally(answer["groups"], GROUPS, memberships)
            assert answer["status"] == "pending"
    expect_tally(person("ann").approval("apr").json()["groups"], GROUPS, memberships)


def test_only_members_of_the_groups_may_vote(replicas, person, request_approval, tenant):
    request_approval(groups=[{"name": "security", "roles": ["security"], "users": ["uma"]}])
    outsiders = [person("max"), person("dan", "dba", basic="admin"), person("exe", basic="producer"), person("sec", "Security", "security ")]
    for outsider in outsiders:
        for action in ("approve", "reject"):
            assert error_of(outsider.decide("apr", action)) == FORBIDDEN, outsider.user
            assert error_of(outsider.decide("apr", action, onBehalfOf="uma")) == FORBIDDEN, "without a delegation"
    expect_pending(person("max"), "apr")
    assert person("uma").decide("apr").json()["status"] == "approved", "by name"
    # A role that is no role of Causeway's is enough to vote, and for nothing else.
    request_approval("other", groups=[{"name": "security", "roles": ["security"]}])
    stranger = ApprovalClient(replicas[0], tenant, "sid", ["security"])
    assert error_of(stranger.approval("other")) == error_of(stranger.approvals()) == FORBIDDEN
    assert stranger.decide("other").json()["status"] == "approved"


def test_a_vote_stands(replicas, person, events, request_approval):
    """The same vote again gets the present tally; another one, or one after the decision, is refused, at every replica."""
    request_approval()
    request_approval("other")
    ann, sam, dan = person("ann", "security"), person("sam", "security"), person("dan", "dba")
    first = ann.decide("apr", key="k").json()
    for replica in replicas:
        again = ann.at(replica)
        assert again.decide("apr", key="k").json() == again.decide("apr").json() == first
        assert error_of(again.decide("apr", "reject")) == error_of(again.decide("apr", "reject", key="k")) == ALREADY_VOTED
        assert error_of(again.decide("other", key="k")) == CONFLICT
    second = sam.decide("apr").json()
    assert ann.decide("apr", key="k").json() == first | {"groups": second["groups"]}, "the present tally"
    decided = dan.decide("apr", key="k").json()
    assert decided["status"] == "approved", "a key belongs to one person"
    for replica in replicas:
        assert error_of(ann.at(replica).decide("apr")) == error_of(sam.at(replica).decide("apr", "reject")) == ALREADY_RESOLVED
        assert error_of(person("eve", "security").at(replica).decide("apr")) == ALREADY_RESOLVED
        assert dan.at(replica).decide("apr", key="k").json() == decided
        retried = ann.at(replica).decide("apr", key="k")
        assert (retried.status_code, retried.json()["status"]) == (200, "approved"), "the vote of that key is part of the decision"
    events.expect("apr", approval_voted=3, approval_resolved=1, remediation_approved=1)
    assert events.records("other") == ["REQUEST"]


def test_a_vote_outlives_the_right_to_it(person, request_approval):
    """Somebody leaves the group: the vote counts as it was cast, and the person casts no other."""
    request_approval()
    assert person("ann", "security").decide("apr").status_code == 200
    assert error_of(person("ann").decide("apr", "reject")) == FORBIDDEN
    expect_pending(person("max"), "apr", ["ann"])
    assert person("dan", "dba").decide("apr").json()["status"] == "pending"
    assert person("sam", "security").decide("apr").json()["status"] == "approved"


def test_a_group_of_another_tenant_is_another_group(replicas, person, tenant, request_approval):
    request_approval()
    stranger = Person(replicas[0], f"{tenant}_other", "sam", "security", "dba", basic="admin")
    for action in ("approve", "reject"):
        assert error_of(stranger.decide("apr", action)) == NOT_FOUND
    assert stranger.give("ann").status_code == 201
    assert error_of(person("ann").decide("apr", onBehalfOf="sam")) == FORBIDDEN, "the delegation is of another tenant"
    expect_pending(person("max"), "apr")


@pytest.mark.parametrize(
    ("field", "members"),
    [
        ("payload.groups[0].n", {"groups": [{"name": "security", "roles": ["security"], "n": 0}]}),
        ("payload.groups[0].n", {"groups": [{"name": "security", "roles": ["security"], "n": -1}]}),
        ("payload.groups[0]", {"groups": [{"name": "security"}]}),
        ("payload.groups[0].users", {"groups": [{"name": "security", "users": ["ann"], "n": 2}]}),
        ("payload.groups[0].users", {"groups": [{"name": "security", "users": ["ann"]}], "fourEyes": True, "requestedBy": "ann"}),
        ("payload.groups", {"groups": [{"name": name, "users": ["ann"]} for name in ("security", "dba")]}),
        ("payload.groups[0]", {"groups": [{"name": "security", "role": ["security"], "users": ["ann"]}]}),
        ("payload.escalation[0].groups[0].n", {"escalation": [{"after": "1m", "groups": [{"name": "leads", "roles": ["lead"], "n": 0}]}]}),
    ],
)
def test_groups_that_nobody_can_satisfy_are_refused(shared, person, tenant, field, members):
    """Such as one that needs nobody, which would approve by itself."""
    answer = shared.intake.post(requested("apr", tenant, **members))
    assert error_of(answer) == (400, "validation_error")
    assert answer.json()["message"].startswith(f"{field}: "), answer.text
    assert error_of(person("ann").approval("apr")) == NOT_FOUND


# Four eyes


def test_four_eyes_hold_in_every_form(person, events, request_approval):
    request_approval(fourEyes=True, requestedBy="rita")
    request_approval("nobody", fourEyes=True)
    rita, ann, bob = person("rita", "security"), person("ann", "security"), person("bob")
    for action in ("approve", "reject"):
        assert error_of(rita.decide("apr", action)) == SELF_APPROVAL
    # Somebody in the requester's place.
    rita.delegate("bob")
    for action in ("approve", "reject"):
        assert error_of(bob.decide("apr", action, onBehalfOf="rita")) == SELF_APPROVAL
        assert bob.decide("apr", action).status_code == 403
    # The requester in the place of others, also with a token that has no role of a group.
    ann.delegate("rita")
    for requester in (rita, person("rita")):
        for action in ("approve", "reject"):
            assert error_of(requester.decide("apr", action, onBehalfOf="ann")) == SELF_APPROVAL
            assert error_of(requester.decide("apr", action)) == SELF_APPROVAL
    assert events.records("apr") == ["REQUEST"]
    # A requester that nobody knows could be anybody.
    assert error_of(ann.decide("nobody")) == SELF_APPROVAL
    assert person("sam", "security").decide("nobody", "reject").json()["status"] == "rejected"
    # A person who may vote in the requester's place keeps the own right.
    assert person("bob", "dba").decide("apr").json()["votedBy"] == "bob"
    assert ann.decide("apr").json()["status"] == "pending"
    assert person("sam", "security").decide("apr").json()["status"] == "approved"


# Time


def test_too_few_votes_in_time_are_none(replicas, person, events, request_approval):
    request_approval(expiresAt=timestamp(3))
    assert person("ann", "security").decide("apr").json()["status"] == "pending"
    assert person("sam", "security").decide("apr").json()["status"] == "pending"
    eventually(lambda: person("ann").approval("apr").json()["status"] == "expired", "it expires")
    announced = events.expect("apr", approval_voted=2, approval_resolved=1, remediation_rejected=1)
    [decision] = [body for event, body in announced if event.type == "approval.resolved"]
    assert (decision["action"], decision["decidedBy"]) == ("expire", "system")
    for replica in replicas:
        assert error_of(person("dan", "dba").at(replica).decide("apr")) == EXPIRED
        assert error_of(person("ann", "security").at(replica).decide("apr")) == EXPIRED
        assert error_of(person("exe", basic="producer").at(replica).consume("apr")) == (409, "not_approved")


LEADS = {"name": "leads", "roles": ["lead"]}


def escalated(person, approval):
    return [step["escalatedAt"] for step in person.approval(approval).json()["escalation"]]


def test_an_escalation_adds_people_once_it_is_due(replicas, person, events, request_approval):
    request_approval(escalation=[{"after": "2s", "groups": [LEADS]}, {"after": "1h", "groups": [{"name": "board", "users": ["bo"]}]}])
    ann, lea = person("ann", "security"), person("lea", "lead")
    assert error_of(lea.decide("apr")) == FORBIDDEN, "not yet"
    assert ann.decide("apr").json()["status"] == "pending"
    eventually(lambda: escalated(ann, "apr")[0], "the first step has taken effect")
    shown = ann.approval("apr").json()
    assert (shown["status"], escalated(ann, "apr")[1]) == ("pending", None)
    assert [(group["name"], group["approvals"], group["step"]) for group in shown["groups"]] == [
        ("security", 1, None),
        ("dba", 0, None),
        ("leads", 0, 1),
    ]
    [(event, body)] = [found for found in events.expect("apr", approval_voted=1, approval_escalated=1) if found[0].type == "approval.escalated"]
    assert (body["step"], body["remediationId"], body["incidentId"], event.user) == (1, "rem_apr", "inc_apr", None)
    assert error_of(person("bo").decide("apr")) == FORBIDDEN, "of a later step"
    answer = lea.at(replicas[1]).decide("apr").json()
    assert (answer["status"], answer["decidedBy"]) == ("approved", "lea")
    events.expect("apr", approval_voted=2, approval_escalated=1, approval_resolved=1, remediation_approved=1)


def test_an_escalation_of_what_any_admin_may_decide(person, events, request_approval):
    request_approval(groups=None, escalation=[{"after": "2s", "groups": [LEADS]}])
    lea = person("lea", "lead")
    assert error_of(lea.decide("apr")) == FORBIDDEN
    eventually(lambda: escalated(lea, "apr")[0], "the step has taken effect")
    assert lea.decide("apr").json()["status"] == "approved"
    request_approval("other", groups=None, escalation=[{"after": "1h", "groups": [LEADS]}])
    assert person("ada", basic="admin").decide("other").json()["status"] == "approved"


def test_an_escalation_never_approves(replicas, person, events, request_approval):
    """Not even where the votes that were cast before are as many as the step's group needs: somebody has to vote once it is in force."""
    anyone = [{"name": "anyone", "roles": ["security", "lead"]}]
    request_approval(escalation=[{"after": "2s", "groups": anyone}], expiresAt=timestamp(5))
    request_approval("open", escalation=[{"after": "2s", "groups": anyone}])
    ann = person("ann", "security")
    for name in ("apr", "open"):
        assert ann.decide(name).json()["status"] == "pending"
    eventually(lambda: escalated(ann, "open")[0] and escalated(ann, "apr")[0], "the steps have taken effect")
    assert ann.approval("open").json()["status"] == "pending"
    eventually(lambda: ann.approval("apr").json()["status"] != "pending", "it expires")
    assert ann.approval("apr").json()["status"] == "expired"
    events.expect("apr", approval_voted=1, approval_escalated=1, approval_resolved=1, remediation_rejected=1)
    assert ann.at(replicas[1]).approval("open").json()["status"] == "pending"
    assert person("lea", "lead").decide("open").json()["status"] == "approved"


# Delegation


def test_a_vote_in_anothers_place_names_both(replicas, person, events, request_approval):
    request_approval()
    ann, bob = person("ann", "security"), person("bob")
    assert error_of(bob.decide("apr")) == FORBIDDEN
    until = timestamp(3600)
    given = ann.delegate("bob", until)
    assert given["delegationId"].startswith("dlg_")
    assert {name: given[name] for name in given if name not in ("delegationId", "createdAt")} == {"from": "ann", "to": "bob", "until": until}
    for replica in replicas:
        assert ann.at(replica).delegations() == bob.at(replica).delegations() == [given]
        assert person("max").at(replica).delegations() == []
    answer = bob.at(replicas[1]).decide("apr").json()
    assert (answer["status"], answer["votedBy"], answer["onBehalfOf"]) == ("pending", "bob", "ann")
    expect_pending(bob, "apr", ["ann"])
    [(_, body)] = events.expect("apr", approval_voted=1)
    assert (body["votedBy"], body["onBehalfOf"]) == ("bob", "ann")
    assert [(entry["by"], entry["onBehalfOf"]) for entry in bob.approval("apr").json()["history"]][1:] == [("bob", "ann")]
    # It is the only vote of either.
    for action in ("approve", "reject"):
        assert error_of(ann.decide("apr", action)) == ALREADY_VOTED
        assert error_of(person("bob", "dba").decide("apr", action)) == ALREADY_VOTED
    events.expect("apr", approval_voted=1)


def test_the_own_right_comes_first_and_onbehalfof_chooses(person, request_approval):
    ann, bob = person("ann", "security"), person("bob", "dba")
    ann.delegate("bob")
    request_approval("own")
    answer = bob.decide("own").json()
    assert "onBehalfOf" not in answer
    expect_tally(answer["groups"], GROUPS, {"bob": ["dba"]})
    request_approval("other")
    answer = bob.decide("other", onBehalfOf="ann").json()
    assert answer["onBehalfOf"] == "ann"
    expect_tally(answer["groups"], GROUPS, {"ann": ["security"]})
    # The person has voted: nobody does so in their place.
    request_approval("late")
    assert ann.decide("late").status_code == 200
    assert error_of(bob.decide("late", onBehalfOf="ann")) == ALREADY_VOTED
    assert bob.decide("late").json()["votedBy"] == "bob"


def test_a_delegation_is_not_given(person, request_approval, events):
    request_approval()
    ann, bob, eve = person("ann", "security"), person("bob"), person("eve")
    ann.delegate("bob")
    bob.delegate("eve")
    for choice in ({}, {"onBehalfOf": "ann"}, {"onBehalfOf": "bob"}):
        assert error_of(eve.decide("apr", **choice)) == FORBIDDEN
    assert events.records("apr") == ["REQUEST"]
    assert bob.decide("apr").json()["onBehalfOf"] == "ann"


def test_a_circle_of_delegations_is_two_people(person, request_approval, events):
    """However the two vote, they fill two places at most."""
    groups = [{"name": "security", "roles": ["security"], "n": 3}]
    users = ("ann", "bob")
    ann, bob = (person(user, "security") for user in users)
    ann.delegate("bob")
    bob.delegate("ann")
    request_approval("own", groups=groups)
    request_approval("crossed", groups=groups)
    for voter, other in ((ann, "bob"), (bob, "ann")):
        assert voter.decide("own").json()["status"] == "pending"
        assert error_of(voter.decide("own", onBehalfOf=other)) == ALREADY_VOTED
        voter.decide("crossed", onBehalfOf=other)
        voter.decide("crossed")
    expect_pending(ann, "own", users)
    shown = ann.approval("crossed").json()
    assert shown["status"] == "pending"
    assert shown["groups"][0]["approvals"] <= 2 and set(shown["groups"][0]["approvedBy"]) <= set(users)
    assert person("sam", "security").decide("crossed").json()["status"] == "pending"


def test_a_delegation_ends(replicas, person, request_approval, tenant):
    ann, bob, max = person("ann", "security"), person("bob"), person("max")
    request_approval()
    ann.delegate("bob", timestamp(0.5))
    # The pause is the duration of the delegation, which is the test's input.
    pause(0.6)
    assert error_of(bob.decide("apr")) == FORBIDDEN
    assert ann.delegations() == bob.delegations() == []
    given = ann.delegate("bob")["delegationId"]
    stranger = Person(replicas[0], f"{tenant}_other", "ann", basic="admin")
    for other in (bob, max, person("ada", basic="admin"), stranger):
        assert error_of(other.revoke(given)) == NOT_FOUND
    assert ann.at(replicas[1]).revoke(given).status_code == 204
    assert error_of(ann.revoke(given)) == NOT_FOUND
    for replica in replicas:
        assert error_of(bob.at(replica).decide("apr")) == error_of(bob.at(replica).decide("apr", onBehalfOf="ann")) == FORBIDDEN
    # What was voted meanwhile stays.
    given = ann.delegate("bob")["delegationId"]
    assert bob.decide("apr").status_code == 200
    assert ann.revoke(given).status_code == 204
    expect_pending(bob, "apr", ["ann"])


def test_a_delegation_carries_the_roles_that_the_giver_had(person, request_approval):
    request_approval()
    person("ann").delegate("bob")
    bob = person("bob", "dba")
    assert error_of(bob.decide("apr", onBehalfOf="ann")) == FORBIDDEN, "neither those of the receiver nor those that come later"
    person("ann", "security").delegate("eve")
    answer = person("eve", "dba").decide("apr", onBehalfOf="ann").json()
    expect_tally(answer["groups"], GROUPS, {"ann": ["security"]})


@pytest.mark.parametrize(
    "body", [{}, {"to": "bob"}, {"to": "ann", "until": 60}, {"to": "bob", "until": -1}, {"to": "bob", "until": 367 * 86_400}, {"to": "", "until": 60}]
)
def test_delegations_that_cannot_be(person, body):
    body = body | ({"until": timestamp(body["until"])} if "until" in body else {})
    assert error_of(person("ann").send("POST", "/v1/approvals/delegations", json=body)) == (400, "validation_error")


@pytest.mark.timeout(300)
def test_nobody_crowds_out_a_delegation(person, request_approval):
    """Some people give a person very many delegations: the one that matters counts, is listed and can be taken back."""
    ann, bob = person("ann", "security"), person("bob")
    for giver in map(person, ("eve", "mallory", "trudy")):
        for _ in range(70):
            giver.delegate("bob")
    request_approval()
    needed = ann.delegate("bob")["delegationId"]
    given = bob.delegate("max")["delegationId"]
    assert bob.decide("apr", onBehalfOf="ann").status_code == 200
    assert needed in {one["delegationId"] for one in ann.delegations()}
    assert given in {one["delegationId"] for one in bob.delegations()}
    assert bob.revoke(given).status_code == 204
