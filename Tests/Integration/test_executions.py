"""Following one execution of an agent or a workflow (contract §9)."""

import json

import pytest

from causeway_kit.executions import Executions, ExecutionStream
from causeway_kit.tokens import mint

AGENT_RUN = [
    ("progress", {"step": "analyzing", "message": "Reading codebase...", "progress": 0.2}),
    ("progress", {"step": "implementing", "message": "Writing code...", "progress": 0.5}),
    ("complete", {"result": "Task completed successfully", "duration": 12500}),
]
WORKFLOW_RUN = [
    ("step_start", {"stepId": "step-1", "name": "Code Review", "agent": "reviewer-agent"}),
    ("step_progress", {"stepId": "step-1", "progress": 0.75, "message": "Found 3 issues"}),
    ("step_complete", {"stepId": "step-1", "result": "3 issues found", "duration": 8000}),
    ("workflow_complete", {"result": "done"}),
]


@pytest.fixture
def agent(shared, tenant):
    return Executions(shared.intake, "agents", "my-agent", tenant)


def as_seen(events, first=1):
    """What a viewer sees of `(type, payload)` pairs, data parsed."""
    return [(first + index, type, payload) for index, (type, payload) in enumerate(events)]


def parsed(events):
    return [(id, type, json.loads(data)) for id, type, data in events]


@pytest.mark.parametrize("kind, run", [("agents", AGENT_RUN), ("workflows", WORKFLOW_RUN)])
def test_a_newcomer_gets_the_execution_from_its_first_event_and_then_live(shared, edge, tenant, kind, run):
    runs = Executions(shared.intake, kind, "it", tenant)
    runs.publish(*run[:2])
    with ExecutionStream(edge, kind, "it", mint(tenant)) as stream:
        assert stream.status == 200
        assert parsed(stream.take(2)) == as_seen(run[:2])
        for event in run[2:]:
            runs.publish(event)
        assert parsed(stream.rest()) == as_seen(run[2:], first=3)
        assert stream.is_over


def test_reconnecting_resumes_and_204_ends_it(shared, edge, tenant, agent):
    agent.publish(*AGENT_RUN)
    for last in (1, 2):
        with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last=last) as stream:
            assert parsed(stream.rest()) == as_seen(AGENT_RUN)[last:]
    with ExecutionStream(edge, "agents", "my-agent", mint(tenant), last=3) as stream:
        assert stream.status == 204


def test_an_unknown_execution_is_not_found(edge, tenant):
    with ExecutionStream(edge, "agents", "nobody", mint(tenant)) as stream:
        assert stream.status == 404
