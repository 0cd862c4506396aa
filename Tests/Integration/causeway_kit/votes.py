"""Approvals with groups, permits and delegations: people, and the log and the records as oracles for the service (contract §12)."""

import hashlib
import json
from collections import Counter

from .approvals import ApprovalClient, timestamp
from .subjects import token
from .waiting import eventually

#: Two of one role and one of another: roles that Causeway does not know.
GROUPS = [{"name": "security", "roles": ["security"], "n": 2}, {"name": "dba", "roles": ["dba"]}]


def digest_of(action):
    """The digest of an action of ASCII texts and whole numbers, of which Python's sorted JSON is the RFC 8785 form."""
    form = json.dumps(action, sort_keys=True, separators=(",", ":")).encode("ascii")
    return "sha256:" + hashlib.sha256(form).hexdigest()


class Person(ApprovalClient):
    """A member of a tenant with further roles, at one replica."""

    def __init__(self, service, tenant="acme", user="ann", *roles, basic="member", client=None):
        super().__init__(service, tenant, user, [basic, *roles], client)
        self.tenant, self.user, self.roles, self.basic = tenant, user, roles, basic

    def at(self, service):
        """The same person at another replica."""
        return Person(service, self.tenant, self.user, *self.roles, basic=self.basic, client=self.client)

    def consume(self, approval, digest=None, *, key=None):
        body = {} if digest is None else {"actionDigest": digest}
        headers = {"Idempotency-Key": key} if key else {}
        return self.send("POST", f"/v1/notifications/approvals/{approval}/consume", json=body, headers=headers)

    def give(self, to, until=None):
        """Lets another person vote in this one's place, for an hour unless `until` is given."""
        return self.send("POST", "/v1/approvals/delegations", json={"to": to, "until": until or timestamp(3600)})

    def delegate(self, to, until=None):
        """The same, and returns the delegation."""
        answer = self.give(to, until)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def delegations(self):
        answer = self.send("GET", "/v1/approvals/delegations")
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def revoke(self, delegation):
        return self.send("DELETE", f"/v1/approvals/delegations/{delegation}")


def places_filled(groups, memberships):
    """Returns how many places of a set of groups different people can fill at most. `memberships`: the names of each person's groups."""
    places = [group["name"] for group in groups for _ in range(group.get("n", 1))]
    holders = {}

    def find_place(person, seen):
        for number, name in enumerate(places):
            if name in memberships[person] and number not in seen:
                seen.add(number)
                if number not in holders or find_place(holders[number], seen):
                    holders[number] = person
                    return True
        return False

    return sum(find_place(person, set()) for person in memberships)


def is_satisfied(groups, memberships):
    """Whether different people can fill every place."""
    return places_filled(groups, memberships) == sum(group.get("n", 1) for group in groups)


def expect_tally(shown, groups, memberships, *, is_exact=True):
    """Checks the groups of an answer against those of the request, all of one set.

    `memberships`: the names of the groups of each person who has voted for it, or, unless the tally `is_exact`, who may have.
    """
    assert [(group["name"], group["roles"], group["users"], group["n"]) for group in shown] == [
        (group["name"], group.get("roles", []), group.get("users", []), group.get("n", 1)) for group in groups
    ]
    people = [person for group in shown for person in group["approvedBy"]]
    assert len(people) == len(set(people)), f"somebody counts twice: {shown}"
    for group in shown:
        assert group["approvals"] == len(group["approvedBy"]) <= group["n"], group
        assert all(group["name"] in memberships[person] for person in group["approvedBy"]), f"{group} of {memberships}"
    if is_exact:
        assert len(people) == places_filled(groups, memberships), f"{shown} of {memberships}"


def votes_before_decision(shown):
    """The votes of an approval's history that precede its decision, in order."""
    types = [entry["type"] for entry in shown["history"]]
    end = types.index("approval.resolved") if "approval.resolved" in types else len(types)
    return [entry for entry in shown["history"][:end] if entry["type"] == "approval.voted"]


class ApprovalEvents:
    """What the log and the stream of records hold of a tenant's approvals."""

    def __init__(self, stack, tenant="acme"):
        self._bus, self._tenant = stack.bus, tenant

    def of(self, approval):
        """Returns the events that follow from an approval's request, in the order of the log, each with its payload."""
        return [(event, body) for event, body in self._all() if body.get("approvalId") == approval and event.type != "approval.requested"]

    def counts(self):
        """Returns for each approval how many events of each type the log holds."""
        counts = {}
        for event, body in self._all():
            counts.setdefault(body.get("approvalId"), Counter())[event.type] += 1
        return counts

    def _all(self):
        # A type that is in the subject alone is that of a request which a program published on the bus.
        return [(event, json.loads(event.body)) for event in self._bus.events() if event.tenant == self._tenant and event.type is not None]

    def records(self, approval):
        """Returns the names of an approval's records, such as `VOTE.ann`."""
        prefix = f"approvals.{token(self._tenant)}.{token(approval)}."
        subjects = self._bus.api("STREAM.INFO.APPROVALS", subjects_filter=prefix + ">")["state"].get("subjects") or {}
        assert set(subjects.values()) <= {1}, f"a place with several records: {subjects}"
        return sorted(subject.removeprefix(prefix) for subject in subjects)

    def wait_until_announced(self):
        """Waits until every record was announced and acknowledged, so that nothing more follows."""
        is_done = self._bus.consumer_is_done
        eventually(lambda: is_done("approval-records", "APPROVALS"), "every record is announced", timeout=30, interval=0.1)

    def expect(self, approval, **counts):
        """Waits until all is announced, and checks how many events of each type the approval has: `approval_voted=3`. Returns them."""
        self.wait_until_announced()
        events = self.of(approval)
        wanted = {name.replace("_", "."): count for name, count in counts.items()}
        found = Counter(event.type for event, _ in events)
        assert found == Counter(wanted), f"{approval}: {found}"
        return events
