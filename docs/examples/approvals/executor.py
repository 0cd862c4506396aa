#!/usr/bin/env python3
"""An executor over HTTP: asks, waits, takes the permit, acts once (docs/approvals.md).

CAUSEWAY_URL=http://127.0.0.1:8080 CAUSEWAY_TOKEN=… python3 docs/examples/approvals/executor.py APPROVAL
"""

import sys
import time

import permit

ACTION = {"tool": "scale", "service": "checkout", "replicas": 8}


def ask(approval: str) -> None:
    """Requests the approval. The event has an id: repeated within two minutes, it is stored once."""
    payload = {"approvalId": approval, "remediationId": f"rem_{approval}", "title": "Scale checkout to 8 replicas", "risk": "high"}
    event = {"type": "approval.requested", "id": f"request-{approval}", "payload": payload | {"action": ACTION}}
    permit.call("POST", "/v1/events", event)


def wait(approval: str) -> str:
    """Returns the status once somebody has decided, or nobody in time."""
    while (status := permit.approval(approval)["status"]) == "pending":
        time.sleep(1)
    return status


def execute(action: dict) -> None:
    """The work itself: called with the action whose digest was consumed, and nothing else."""
    print("executing", action, flush=True)


def main(approval: str) -> None:
    ask(approval)
    print("requested", approval, flush=True)
    status = wait(approval)
    print(status, approval, flush=True)
    if status == "approved":
        permit.consume(approval, ACTION)
        execute(ACTION)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} APPROVAL")
    try:
        main(sys.argv[1])
    except permit.Refused as refusal:
        sys.exit(f"nothing was executed: {refusal}")
