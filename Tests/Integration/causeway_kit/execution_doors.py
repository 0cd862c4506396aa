"""Doors for events of executions (contract §9, §10)."""

from urllib.parse import quote

from .doors import Accepted, Door, Improper, Sent, refusal
from .event_doors import as_json, header_encoded, outcome
from .executions import ExecutionStream
from .identifiers import AGENT, EVENT_ID, EXECUTION, STEP, TENANT, WORKFLOW, fault
from .services import command
from .subjects import token as subject_token
from .tokens import mint, producer_token


def segment(text):
    """A text as a part of a path; dots are encoded, too, so that nobody on the way takes them for steps."""
    return quote(text, safe="", errors="surrogateescape").replace(".", "%2E")


def place_of(offer):
    """The kind and name that an offer's events are published under: all offers of a test share one, unless the name is what is tried."""
    if offer.identifier in (AGENT, WORKFLOW):
        return f"{offer.identifier.name}s", offer.text
    return ("workflows" if offer.identifier == STEP else "agents"), f"runner-{offer.tenant}"


def run_of(offer):
    """The execution that an offer's events are of."""
    return offer.text if offer.identifier == EXECUTION else f"run-{offer.mark}"


def events_of(offer):
    """Two events, the second of which is final: `(type, id or None, payload)`."""
    kind, _ = place_of(offer)
    first, last = {"agents": ("progress", "complete"), "workflows": ("step_start", "workflow_complete")}[kind]
    payload = {"progress": 0.5, "n": offer.mark} if kind == "agents" else {"stepId": f"step-{offer.mark}", "n": offer.mark}
    if offer.identifier == STEP:
        payload["stepId"] = offer.text
    id = offer.text if offer.identifier == EVENT_ID else None
    return [(first, id, payload), (last, None, {"n": offer.mark})]


class ExecutionBody(Door):
    """`POST /v1/executions/…/events`: body and path."""

    name = "HTTP, executions"
    takes = {
        AGENT: r"\bname\b|agent", WORKFLOW: r"\bid\b|workflow", EXECUTION: "execution", EVENT_ID: r"\bid\b", TENANT: "tenant",
        STEP: "stepId",
    }  # fmt: skip

    def names(self, identifier, text):
        # A path with nothing in that place is another path.
        return "path|address|name|id" if identifier in (AGENT, WORKFLOW) and not text else super().names(identifier, text)

    def offer(self, world, offer):
        kind, name = place_of(offer)
        tenant = offer.text if offer.identifier == TENANT else offer.tenant
        events = [
            {"type": type, "tenant": tenant, "execution": run_of(offer), "payload": payload} | ({} if id is None else {"id": id})
            for type, id, payload in events_of(offer)
        ]
        answer = world.call(
            world.producer, "POST", f"/v1/executions/{kind}/{segment(name)}/events", token=producer_token(), content=as_json(events),
            content_type="application/json",
        )  # fmt: skip
        if answer.status_code == 202:
            return Accepted()
        return refusal(answer, *((400, 404) if not name else (400,)))


class ExecutionMessages(Door):
    """Messages under `executions.>`. The bus does not refuse them."""

    name = "bus, executions"
    takes = ExecutionBody.takes

    def __init__(self):
        self._numbers = {}

    def offer(self, world, offer):
        kind, name = place_of(offer)
        tenant = offer.text if offer.identifier == TENANT else offer.tenant
        subject = f"executions.{subject_token(tenant)}.{kind}.{subject_token(name)}"
        events = events_of(offer)
        is_event = fault(offer.identifier, offer.text) is None
        if not is_event and offer.identifier in (EVENT_ID, STEP):
            # The second message would be an event.
            del events[1:]
        first = self._numbers.get(subject, 0) + 1
        for number, (type, id, payload) in enumerate(events, first):
            headers = {
                "ce-type": type, "causeway-execution": header_encoded(run_of(offer)), "causeway-number": str(number),
                "causeway-first": str(first),
            } | ({} if id is None else {"ce-id": header_encoded(id)})  # fmt: skip
            world.bus.publish(subject, as_json(payload), headers)
        if is_event:
            # A message that is not an event leaves no hole in the numbers.
            self._numbers[subject] = number
        elif offer.identifier in (EVENT_ID, STEP):
            with ExecutionStream(world.sse, kind, name, mint(tenant), execution=run_of(offer)) as stream:
                if stream.status != 404:
                    raise Improper(f"shown, although it is no event: {stream.status}")
        # Edges read only executions with viewers, so invalid messages are not always counted.
        return Sent(0)


class ExecutionCommand(Door):
    """`event-producer run`: names of the command line, and the tenant of the environment."""

    name = "event-producer run"
    takes = {AGENT: "agent|name", EXECUTION: "execution", TENANT: "tenant"}
    is_costly = True

    def carries(self, text):
        return "\0" not in text

    def offer(self, world, offer):
        _, name = place_of(offer)
        tenant = offer.text if offer.identifier == TENANT else offer.tenant
        line = f'{{"progress":0.5,"n":{offer.mark}}}'
        environment = {"nats_url": world.stack.nats.url, "tenant": tenant}
        return outcome(
            command("event-producer", "run", "--agent", name, "--execution", run_of(offer), "--", "echo", line, **environment)
        )


class _ExecutionQuestion(Door):
    """The execution stream of a name that may not exist."""

    stores = False

    def ask(self, world, target, tenant):
        answer = world.call(world.sse, "GET", target, token=mint(tenant))
        if answer.status_code in (200, 204):
            return Accepted()
        said = refusal(answer, 400, 404)
        return Accepted() if answer.status_code == 404 and "path" not in said.says else said


class ExecutionStreamPath(_ExecutionQuestion):
    name = "path of an execution stream"
    takes = {AGENT: r"\bname\b|agent", WORKFLOW: r"\bid\b|workflow"}

    def names(self, identifier, text):
        return "path|address|name|id" if not text else super().names(identifier, text)

    def offer(self, world, offer):
        if not offer.text:
            answer = world.call(world.sse, "GET", f"/api/streaming/{offer.identifier.name}s//stream", token=mint(offer.tenant))
            return refusal(answer, 400, 404)
        return self.ask(world, f"/api/streaming/{offer.identifier.name}s/{segment(offer.text)}/stream", offer.tenant)


class ExecutionStreamQuery(_ExecutionQuestion):
    name = "query of an execution stream"
    takes = {EXECUTION: "execution"}

    def offer(self, world, offer):
        return self.ask(world, f"/api/streaming/agents/nobody/stream?execution={segment(offer.text)}", offer.tenant)
