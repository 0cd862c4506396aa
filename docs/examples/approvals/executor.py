#!/usr/bin/env python3
"""An executor over HTTP: asks, waits, takes the permit, acts once (docs/approvals.md). Needs the Python client, Clients/Python/causeway.

CAUSEWAY_URL=http://127.0.0.1:8080 CAUSEWAY_TOKEN=… python3 docs/examples/approvals/executor.py APPROVAL
"""

import asyncio
import os
import sys

from causeway import Causeway, CausewayError

ACTION = {"tool": "scale", "service": "checkout", "replicas": 8}


def execute(action: dict) -> None:
    """The work itself: called with the action whose digest was consumed, and nothing else."""
    print("executing", action, flush=True)


async def main(approval: str) -> None:
    async with Causeway(os.environ["CAUSEWAY_URL"], os.environ["CAUSEWAY_TOKEN"]) as causeway:
        title = "Scale checkout to 8 replicas"
        await causeway.approvals.request(approval, remediation_id=f"rem_{approval}", title=title, risk="high", action=ACTION)
        print("requested", approval, flush=True)
        status = (await causeway.approvals.wait(approval)).status
        print(status, approval, flush=True)
        if status == "approved":
            await causeway.approvals.consume(approval, ACTION)
            execute(ACTION)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} APPROVAL")
    try:
        asyncio.run(main(sys.argv[1]))
    except CausewayError as error:
        sys.exit(f"nothing was executed: {error}")
