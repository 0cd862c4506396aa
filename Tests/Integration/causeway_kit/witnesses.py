"""Where an identifier that was accepted is found again: on a surface, byte for byte, and nobody else's (the kit of doors).

A witness tells, for one text, the marks of what is seen under it. Each is asked about all texts of a test at once, so that it needs one fence:
an event that follows everything else, behind which nothing more is due.
"""

import json

from .doors import Improper, new_mark
from .execution_doors import place_of, run_of, segment
from .executions import ExecutionStream
from .identifiers import AGENT, APPROVAL, EVENT_ID, EXECUTION, INCIDENT, INCIDENT_OF_APPROVAL, REMEDIATION, SOURCE, STEP, TENANT, USER, WORKFLOW
from .relay import RelayClient
from .surfaces import Event, NotificationStream
from .tokens import mint

_stream = NotificationStream()
#: The agent whose executions a test of the doors publishes: see `place_of`.
_FENCE = "doors.fence"


def base_of(world, tenant):
    """A place in the log before everything that a test offers: `(cursor, sequence)`."""
    cursor = world.stack.intake.publish({"type": "doors.begin", "tenant": tenant, "payload": {}})[0]
    return cursor, world.bus.state().last_seq


def _seen_by(world, connections, fence_of):
    """The marks that each of those clients of the notification stream sees before its fence."""
    fences = [fence_of(offer) for offer in connections]
    if not fences:
        return {}
    world.stack.intake.publish(*({"type": _FENCE, "tenant": tenant, "payload": {}} for tenant in sorted(set(fences))))
    seen = {}
    for offer, (token, cursor) in connections.items():
        marks = seen[offer] = []
        with _stream.connect(world.sse, token, cursor=cursor) as client:
            client.next()
            while (event := client.next_event()).type != _FENCE:
                assert isinstance(event, Event)
                if event.type not in ("doors.begin",):
                    marks.append(event.payload["n"])
    return seen


def of_tenants(world, offers, base):
    return _seen_by(world, {offer: (mint(offer.text), base[0]) for offer in offers}, lambda offer: offer.text)


def of_users(world, offers, base):
    return _seen_by(world, {offer: (mint(offer.tenant, offer.text), base[0]) for offer in offers}, lambda offer: offer.tenant)


def _stored(world, offers, base, name):
    log = [event for event in world.bus.events(base[1]) if event.tenant == offers[0].tenant and event.type == "doors.tried"]
    return {offer: [json.loads(event.body)["n"] for event in log if getattr(event, name) == offer.text] for offer in offers}


def of_event_ids(world, offers, base):
    return _stored(world, offers, base, "id")


def of_sources(world, offers, base):
    return _stored(world, offers, base, "source")


def of_incidents(world, offers, base):
    """By subscription to each of them, on a connection of its own."""
    fence = new_mark()
    carrier = {"message": "m", "agentName": "a", "n": fence}
    world.stack.intake.publish(
        *(
            {"type": "investigation.progress", "tenant": offer.tenant, "payload": {"incidentId": offer.text} | carrier}
            for offer in offers
        )
    )
    seen = {}
    for offer in offers:
        with RelayClient(world.relay, mint(offer.tenant)) as client:
            result = client.result("investigation.subscribe", {"incidentId": offer.text, "lastEventId": base[0]})
            assert result["incidentId"] == offer.text, result
            marks = seen[offer] = []
            while (params := client.next()["params"])["n"] != fence:
                if params["incidentId"] != offer.text:
                    raise Improper(f"subscribed to {offer.text!r}, and got {params}")
                marks.append(params["n"])
    return seen


def _approval(world, tenant, id):
    answer = world.call(world.approvals, "GET", f"/v1/notifications/approvals/{segment(id)}", token=mint(tenant))
    return answer.json() if answer.status_code == 200 else None


def of_approvals(world, offers, base):
    seen = {}
    for offer in offers:
        found = _approval(world, offer.tenant, offer.text)
        if found is not None and found["approvalId"] != offer.text:
            raise Improper(f"asked for {offer.text!r}, and got {found}")
        seen[offer] = [] if found is None else [int(found["remediationId"].removeprefix("rem_"))]
    return seen


def _of_approvals_members(world, offers, name):
    seen = {}
    for offer in offers:
        found = _approval(world, offer.tenant, f"apr_{offer.mark}")
        seen[offer] = [offer.mark] if found is not None and found[name] == offer.text else []
    return seen


def of_remediations(world, offers, base):
    return _of_approvals_members(world, offers, "remediationId")


def of_incidents_of_approvals(world, offers, base):
    return _of_approvals_members(world, offers, "incidentId")


def _of_streams(world, offers, is_it=lambda offer, data: True):
    """By the execution streams: each of them begins with the offer's own events, and ends."""
    seen = {}
    for offer in offers:
        kind, name = place_of(offer)
        tenant = offer.text if offer.identifier == TENANT else offer.tenant
        with ExecutionStream(world.sse, kind, name, mint(tenant), execution=run_of(offer)) as stream:
            if stream.status != 200:
                seen[offer] = []
                continue
            events = [json.loads(data) for _, _, data in stream.rest()]
            marks = [event.get("n", event.get("result", {}).get("n") if isinstance(event.get("result"), dict) else None) for event in events]
            seen[offer] = sorted({mark for mark in marks if mark is not None}) if events and is_it(offer, events[0]) else []
    return seen


def of_names(world, offers, base):
    return _of_streams(world, offers)


def of_steps(world, offers, base):
    return _of_streams(world, offers, lambda offer, data: data["stepId"] == offer.text)


def of_execution_event_ids(world, offers, base):
    log = world.bus.execution_messages(offers[0].tenant, base[1])
    return {offer: [json.loads(event.body)["n"] for event in log if event.id == offer.text] for offer in offers}


EVENTS = {
    TENANT: of_tenants, USER: of_users, EVENT_ID: of_event_ids, SOURCE: of_sources, INCIDENT: of_incidents, APPROVAL: of_approvals,
    REMEDIATION: of_remediations, INCIDENT_OF_APPROVAL: of_incidents_of_approvals,
}  # fmt: skip
EXECUTIONS = {
    TENANT: of_names, AGENT: of_names, WORKFLOW: of_names, EXECUTION: of_names, STEP: of_steps, EVENT_ID: of_execution_event_ids,
}  # fmt: skip
