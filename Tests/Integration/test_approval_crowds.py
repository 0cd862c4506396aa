"""Votes on approvals while processes are killed and stopped, and by many people at once (contract §12)."""

import random
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from causeway_kit.approvals import approval_service, approval_services, error_of, requested
from causeway_kit.services import is_built
from causeway_kit.sizes import size
from causeway_kit.votes import GROUPS, ApprovalEvents, Person, expect_tally, is_satisfied, votes_before_decision
from causeway_kit.waiting import eventually, pause

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")

FORBIDDEN, ALREADY_RESOLVED, ALREADY_VOTED = (403, "forbidden"), (409, "already_resolved"), (409, "already_voted")


def test_votes_outlive_the_process_that_took_them(stack):
    first, second = approval_services(stack, 2)
    stack.intake.publish(requested("apr", groups=GROUPS), requested("other", groups=GROUPS))
    ann, sam, dan = Person(first, "acme", "ann", "security"), Person(second, "acme", "sam", "security"), Person(second, "acme", "dan", "dba")
    assert ann.decide("apr").json()["status"] == "pending"
    first.kill()
    assert sam.decide("apr").json()["status"] == "pending"
    assert dan.decide("apr").json()["status"] == "approved"
    first.start().wait_ready()
    # One that hangs decides nothing, and wakes up with the same answer.
    assert ann.decide("other").json()["status"] == "pending"
    first.signal(signal.SIGSTOP)
    assert sam.decide("other").json()["status"] == "pending"
    assert dan.decide("other").json()["status"] == "approved"
    first.signal(signal.SIGCONT)
    first.wait_ready()
    for name in ("apr", "other"):
        assert error_of(ann.decide(name)) == ALREADY_RESOLVED
        assert ann.approval(name).json() == ann.at(second).approval(name).json()
        ApprovalEvents(stack).expect(name, approval_voted=3, approval_resolved=1, remediation_approved=1)


def test_a_decision_falls_though_the_voters_process_died_before_it(stack):
    """The last vote is in the stream of records alone, as a process leaves it that dies right after it: another process decides."""
    service = approval_service(stack).wait_ready()
    stack.intake.publish(requested("apr", groups=[{"name": "security", "users": ["ann", "bob"], "n": 2}]))
    ann = Person(service, "acme", "ann")
    assert ann.decide("apr").json()["status"] == "pending"
    place = "approvals.acme.apr.VOTE."
    record = stack.bus.last_message("APPROVALS", place + "ann")
    headers = {name: "the-last-vote" if name == "ce-id" else value for name, value in record.headers.items()}
    stack.bus.publish(place + "bob", record.data.replace(b'"ann"', b'"bob"'), headers)
    eventually(lambda: ann.approval("apr").json()["status"] == "approved", "it is decided")
    decision = ann.approval("apr").json()["decision"]
    assert (decision["decidedBy"], decision["action"]) == ("bob", "approve")
    ApprovalEvents(stack).expect("apr", approval_voted=2, approval_resolved=1, remediation_approved=1)


def test_a_person_and_their_deputies_at_once_are_one_person(stack, chance):
    """The votes of a person and of others in the same place arrive at different replicas together: one counts, and nobody's twice."""
    replicas = approval_services(stack, 3)
    names = [f"apr_{n}" for n in range(size(10, 200))]
    groups = [{"name": "security", "roles": ["security"], "n": 3}]
    memberships = {"ann": ["security"], "bob": ["security"]}
    stack.intake.publish(*[requested(name, groups=groups) for name in names])
    ann, bob = (Person(replica, "acme", user, "security") for replica, user in zip(replicas, memberships, strict=False))
    eve = Person(replicas[2], "acme", "eve")
    for giver, receiver in ((ann, "bob"), (ann, "eve"), (bob, "ann")):
        giver.delegate(receiver)
    votes = [(ann, {}), (bob, {}), (eve, {}), (bob, {"onBehalfOf": "ann"}), (ann, {"onBehalfOf": "bob"})]
    with ThreadPoolExecutor(len(votes)) as pool:
        for name in names:
            chance.shuffle(votes)
            for answer in pool.map(lambda vote: vote[0].decide(name, **vote[1]), votes):
                if answer.status_code == 200:
                    assert answer.json()["status"] == "pending", "two people have voted at most, and three are needed"
                    expect_tally(answer.json()["groups"], groups, memberships, is_exact=False)
                else:
                    assert error_of(answer) == ALREADY_VOTED
            shown = [ann.at(replica).approval(name).json() for replica in replicas]
            assert shown[1:] == shown[:-1]
            assert 1 <= shown[0]["groups"][0]["approvals"] <= 2


def test_a_reject_in_anothers_place_is_never_lost(stack):
    """A person approves while somebody else rejects in their place: what is answered with 200 counts, so a reject either ends it or is refused."""
    replicas = approval_services(stack, 2)
    names = [f"apr_{n}" for n in range(size(25, 200))]
    stack.intake.publish(*[requested(name, groups=[{"name": "security", "roles": ["security"], "n": 2}]) for name in names])
    ann, bob = Person(replicas[0], "acme", "ann", "security"), Person(replicas[1], "acme", "bob")
    ann.delegate("bob")
    with ThreadPoolExecutor(2) as pool:
        for name in names:
            approved, rejected = pool.submit(ann.decide, name), pool.submit(bob.decide, name, "reject")
            approved, rejected = approved.result(), rejected.result()
            status = ann.approval(name).json()["status"]
            if rejected.status_code == 200:
                assert rejected.json()["status"] == status == "rejected", f"{name}: a reject stands and does not end it: {rejected.text}"
            else:
                assert error_of(rejected) == ALREADY_VOTED and status == "pending" and approved.status_code == 200


# Twelve people at once: four of one group, three of the other, two of both, and three of neither, one of them an admin.
CROWD = (
    {f"s{n}": ["security"] for n in range(4)}
    | {f"d{n}": ["dba"] for n in range(3)}
    | {f"b{n}": ["security", "dba"] for n in range(2)}
    | {f"o{n}": ["other"] for n in range(3)}
)


class Vote:
    """A person's vote on an approval, repeated through all failures until there is an answer."""

    def __init__(self, approval, user, action):
        self.approval, self.user, self.action = approval, user, action
        self.answer = None

    def cast(self, replicas, chance, client):
        replicas = list(replicas)
        chance.shuffle(replicas)
        for attempt in range(1000):
            service = replicas[attempt % len(replicas)]
            voter = Person(service, "acme", self.user, *CROWD[self.user], basic="admin" if self.user == "o0" else "member", client=client)
            try:
                answer = voter.decide(self.approval, self.action, key=f"{self.approval}-{self.user}")
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code != 503:
                self.answer = answer
                return self
            # The pace of a retrying client: the outage's end is what its next attempt finds out.
            pause(0.05)
        raise AssertionError(f"{self.user} got no answer about {self.approval}")

    def check(self):
        """Checks the answer on its own."""
        if self.user.startswith("o"):
            assert error_of(self.answer) in (FORBIDDEN, ALREADY_RESOLVED), self.answer.text
        elif self.answer.status_code == 200:
            body = self.answer.json()
            if body["status"] == "pending":
                assert (body["action"], body["votedBy"]) == (self.action, self.user)
                assert self.action == "approve", "a reject ends it"
                expect_tally(body["groups"], GROUPS, CROWD, is_exact=False)
                assert self._is_counted(body["groups"]), f"{self.user} is not counted, though there is a place: {body}"
                assert not all(group["approvals"] == group["n"] for group in body["groups"]), f"nothing is missing, and it is pending: {body}"
        else:
            assert error_of(self.answer) == ALREADY_RESOLVED, self.answer.text

    def _is_counted(self, groups):
        """Whether the person counts, or all their groups are full."""
        return any(self.user in group["approvedBy"] for group in groups) or all(
            group["approvals"] == group["n"] for group in groups if group["name"] in CROWD[self.user]
        )


@pytest.mark.long
@pytest.mark.timeout(size(180, 1800))
def test_twelve_people_at_three_replicas_that_die(stack, chance):
    """All vote at once while replicas and nats-server are killed: one decision, the same everywhere, the first at which the votes suffice."""
    replicas = approval_services(stack, 3, expiry_interval="200ms")
    names = [f"apr_{n}" for n in range(size(12, 200))]
    stack.intake.publish(*[requested(name, groups=GROUPS) for name in names])
    votes = []
    with httpx.Client(timeout=10, limits=httpx.Limits(max_keepalive_connections=0)) as client, ThreadPoolExecutor(len(CROWD)) as pool:
        for number, name in enumerate(names):
            people = list(CROWD)
            chance.shuffle(people)
            # In every third approval, one of the members is against it.
            against = chance.choice([user for user in people if not user.startswith("o")]) if number % 3 == 0 else None
            cast = [Vote(name, user, "reject" if user == against else "approve") for user in people]
            under_way = [pool.submit(vote.cast, replicas, random.Random(chance.random()), client) for vote in cast]
            victim = chance.choice(replicas)
            # How far the votes have got is the test's input.
            pause(chance.uniform(0, 0.15))
            victim.kill()
            if number % 6 == 5:
                # The pause is the duration of the outage, which is the test's input.
                stack.nats.kill()
                pause(0.2)
                stack.nats.start()
            victim.start()
            for future in under_way:
                future.result()
            votes += cast
    for vote in votes:
        vote.check()
    for service in replicas:
        service.wait_ready()
    events = ApprovalEvents(stack)
    events.wait_until_announced()
    counts = events.counts()
    for name in names:
        shown = [Person(replica).approval(name).json() for replica in replicas]
        assert shown[1:] == shown[:-1]
        check_decision(shown[0], [vote for vote in votes if vote.approval == name])
        recorded = [record for record in events.records(name) if record.startswith("VOTE.")]
        effect = {"approved": "remediation.approved", "rejected": "remediation.rejected"}[shown[0]["status"]]
        assert counts[name] == {"approval.requested": 1, "approval.voted": len(recorded), "approval.resolved": 1, effect: 1}, name
        assert len(recorded) == sum(entry["type"] == "approval.voted" for entry in shown[0]["history"])


def check_decision(shown, votes):
    """Checks that the decision is the first that the recorded votes allow, and that everybody was told the same one."""
    decision, cast = shown["decision"], votes_before_decision(shown)
    assert len({entry["by"] for entry in cast}) == len(cast)
    supporting, end = {}, None
    for entry in cast:
        if entry["action"] == "reject":
            end = ("reject", entry["by"])
        else:
            supporting[entry["by"]] = CROWD[entry["by"]]
            if is_satisfied(GROUPS, supporting):
                end = ("approve", entry["by"])
        if end:
            break
    assert end == (decision["action"], decision["decidedBy"]), shown
    expect_tally(shown["groups"], GROUPS, supporting)
    for vote in votes:
        if vote.answer.status_code == 200 and vote.answer.json()["status"] != "pending":
            assert vote.answer.json() == decision
            assert vote.user in {entry["by"] for entry in cast}
        elif vote.answer.status_code == 200:
            assert (vote.user, vote.action) in {(entry["by"], entry["action"]) for entry in cast}
