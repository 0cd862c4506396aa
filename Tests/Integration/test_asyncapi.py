"""docs/asyncapi.yaml matches what the streams send."""

import json

import jsonschema_rs
import pytest
import yaml

from causeway_kit.executions import Executions, ExecutionStream
from causeway_kit.relay import RelayClient
from causeway_kit.services import ROOT
from causeway_kit.sse import SSEConnection
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.websocket import WebSocketConnection
from causeway_kit.workspace import WorkspaceStream

DOCUMENT = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())


def resolved(node):
    """Returns a part of the document with its references resolved."""
    if isinstance(node, dict) and "$ref" in node:
        target = DOCUMENT
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return resolved(target)
    if isinstance(node, dict):
        return {name: resolved(value) for name, value in node.items()}
    return [resolved(item) for item in node] if isinstance(node, list) else node


def expect(message, content):
    jsonschema_rs.validate(resolved(DOCUMENT["components"]["messages"][message]["payload"]), content)


def test_it_holds_together():
    assert DOCUMENT["asyncapi"] == "3.0.0"
    whole = resolved(DOCUMENT)
    addresses = {channel["address"] for channel in whole["channels"].values()}
    executions = {f"/api/streaming/{one}/stream" for one in ("agents/{name}", "workflows/{id}")}
    assert addresses == {NotificationStream.path, WorkspaceStream.path, "/v1/connect"} | executions
    used = {operation["channel"]["$ref"].rsplit("/", 1)[-1] for operation in DOCUMENT["operations"].values()}
    assert used == set(DOCUMENT["channels"])
    for name, message in whole["components"]["messages"].items():
        jsonschema_rs.Draft202012Validator(message["payload"])
        assert any(message in channel["messages"].values() for channel in whole["channels"].values()), f"nobody sends {name}"


def test_the_notification_stream_sends_what_it_says(stack, tenant):
    surface, edge = NotificationStream(), stack.edge(heartbeat_interval="1s")
    [id] = stack.intake.publish(surface.numbered(1, tenant))
    headers = {"Last-Event-ID": "evt_nonsense"}
    with SSEConnection(edge.url + surface.path, token=mint(tenant), headers=headers, pings=True) as client:
        seen = {}
        while not {"stream.gap", "load.tick", "ping"} <= set(seen):
            block = client.next_block()
            if block.event:
                seen[block.event] = json.loads(block.data)
                expect_cursor(block.id)
            if block.event == "stream.gap":
                [id] = stack.intake.publish(surface.numbered(2, tenant))
        expect("notificationEvent", seen["load.tick"])
        expect("notificationPing", seen["ping"])
        expect("streamGap", seen["stream.gap"])
        edge.terminate()
        while (block := client.next_block()).event != "stream.end":
            pass
        expect("streamEnd", json.loads(block.data))


def expect_cursor(id):
    jsonschema_rs.validate(DOCUMENT["components"]["schemas"]["cursor"], id)


@pytest.mark.parametrize("cursor", [None, ""])
def test_the_workspace_stream_sends_what_it_says(stack, tenant, cursor):
    surface, edge = WorkspaceStream(), stack.edge("websocket-edge", heartbeat_interval="1s")
    query = {"token": mint(tenant), "workspace": tenant} | ({} if cursor is None else {"last_event_id": cursor})
    with WebSocketConnection(edge.url + surface.path, query=query) as client:
        expect("workspaceConnected", json.loads(client.next_text()))
        stack.intake.publish(surface.numbered(1, tenant))
        kinds = set()
        while kinds != {"workspaceEvent", "workspaceHeartbeat"}:
            message = json.loads(client.next_text())
            kinds.add(kind := "workspaceHeartbeat" if message["type"] == "heartbeat" else "workspaceEvent")
            expect(kind, message)
            assert ("id" in message) == (cursor is not None)
        frame = {"type": "authenticate", "token": mint(tenant)}
        expect("workspaceAuthenticate", frame)
        client.send_text(json.dumps(frame))
        while (message := json.loads(client.next_text()))["type"] != "authenticated":
            pass
        expect("workspaceAuthenticated", message)


def test_the_relay_sends_what_it_says(stack, tenant):
    edge = stack.edge("jsonrpc-relay")
    with RelayClient(edge, mint(tenant)) as client:
        expect("rpcConnected", client.connected)
        expect("rpcResponse", client.call("investigation.subscribe", {"incidentId": "inc_1", "lastEventId": ""}))
        expect("rpcResponse", client.call("no.such.method"))
        payload = {"incidentId": "inc_1", "message": "m", "agentName": "a"}
        stack.intake.publish({"type": "investigation.progress", "tenant": tenant, "payload": payload})
        push = client.next()
        expect("rpcPush", push)
        expect_cursor(push["params"]["id"])


#: For each type, a minimal payload for the intake, and the contract's example (§9).
AGENT = {
    "progress": ({"progress": 0}, {"step": "analyzing", "message": "Reading", "progress": 0.2}),
    "looked_around": ({}, {"at": ["what", "it", "liked"]}),
    "complete": ({}, {"result": {"issues": 1}, "duration": 12}),
    "failed": ({}, {"error": "exit status 3", "exitStatus": 3, "duration": 12}),
}
WORKFLOW = {
    "step_start": ({"stepId": "1"}, {"stepId": "1", "name": "Analyze", "agent": "analyzer"}),
    "step_progress": ({"stepId": "1", "progress": 1}, {"stepId": "1", "progress": 0.5, "message": "halfway"}),
    "step_complete": ({"stepId": "1"}, {"stepId": "1", "result": None, "duration": 0}),
    "looked_around": ({}, {"at": 1}),
    "workflow_complete": ({}, {"duration": 12}),
    "workflow_failed": ({}, {"error": {"code": 1}, "duration": 12}),
}


@pytest.mark.parametrize(("kind", "channel", "types"), [("agents", "agentExecution", AGENT), ("workflows", "workflowExecution", WORKFLOW)])
def test_executions_send_what_it_says(shared, edge, tenant, kind, channel, types):
    """The members that it requires are those that the intake requires."""
    schemas = {message["name"]: message["payload"] for message in map(resolved, DOCUMENT["channels"][channel]["messages"].values())}
    other = schemas.pop("any other word")
    assert set(schemas) - {"stream.stalled", "stream.live"} == set(types) - {"looked_around"}
    for type, payloads in types.items():
        schema = schemas.get(type, other)
        for number, payload in enumerate(payloads):
            run = Executions(shared.intake, kind, f"{type}-{number}", tenant)
            run.publish((type, payload))
            with ExecutionStream(edge, kind, run.name, mint(tenant)) as stream:
                _, said, data = stream.next()
            assert (said, json.loads(data)) == (type, payload)
            jsonschema_rs.validate(schema, payload)
        for name in schema.get("required", []):
            less = {member: value for member, value in payloads[0].items() if member != name}
            assert run.post({"type": type, "payload": less, "tenant": tenant}).status_code == 400
