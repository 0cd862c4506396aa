"""`causeway log info`, `get` and `erase` on the bus (docs/operating.md, "The log")."""

import json

from causeway_kit.intake import numbered
from causeway_kit.services import command


def log(stack, *words, **settings):
    done = command("causeway", "log", *words, nats_url=stack.nats.url, **settings)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_info_tells_what_the_log_holds_and_may_hold(stack):
    ids = stack.intake.publish(*(numbered(n) for n in range(3)))
    code, shown, complaint = log(stack, "info")
    assert code == 0 and not complaint and shown.startswith("EVENTS\n") and "of 10GiB (0 %)" in shown and "kept for  7d" in shown, shown

    code, shown, _ = log(stack, "info", "--output", "json")
    events = json.loads(shown)["streams"][0]
    assert code == 0 and (events["name"], events["maxAge"], events["maxBytes"], events["deleted"]) == ("EVENTS", "7d", 10 << 30, 0)
    assert events["messages"] == stack.bus.state().messages == len(ids) and events["lastSequence"] == events["firstSequence"] + 2, events


def test_get_prints_an_event_and_erase_removes_it_for_good(stack):
    held = stack.bus.state().messages
    first, second = stack.intake.publish(numbered(1), numbered(2, user="ann"))
    code, shown, complaint = log(stack, "get", second)
    event = json.loads(shown)
    assert code == 0 and not complaint and event["id"] == second and event["payload"] == {"n": 2} and event["recipients"] == ["ann"], shown

    code, shown, complaint = log(stack, "erase", first)
    assert code == 64 and not shown and "--yes" in complaint, complaint
    code, shown, complaint = log(stack, "erase", first, "--yes")
    assert code == 0 and shown.startswith("erased: load.tick of acme, ") and not complaint, (shown, complaint)
    assert stack.bus.state().messages == held + 1

    for words in (("get", first), ("erase", first, "--yes")):
        code, shown, complaint = log(stack, *words)
        assert code == 65 and not shown and complaint.startswith("causeway: the log "), complaint
    assert log(stack, "get", second)[0] == 0


def test_events_of_approvals_are_not_erased(stack):
    request = {"type": "approval.requested", "tenant": "acme", "payload": {"approvalId": "apr_1", "remediationId": "rem_1"}}
    (requested,) = stack.intake.publish(request)
    code, shown, complaint = log(stack, "erase", requested, "--yes")
    assert code == 65 and not shown and "approval.requested belongs to an approval" in complaint, complaint
    assert log(stack, "get", requested)[0] == 0
