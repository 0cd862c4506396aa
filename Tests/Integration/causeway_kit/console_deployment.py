"""A deployment for the console: one of each service behind nginx, which serves the page and a demo."""

import contextlib
import json

from .approvals import approval_service
from .proxy import Nginx
from .relay import Relay
from .stack import Stack
from .surfaces import NotificationStream
from .tokens import expect_no_token, mint
from .webhooks import dispatcher
from .workspace import WorkspaceStream

#: The program of each stream, with settings that keep its clients from timing out.
EDGES = {"sse": (NotificationStream, "30s"), "websocket": (WorkspaceStream, "5s"), "relay": (Relay, "30s")}


@contextlib.contextmanager
def console_deployment(provider=None, *, has_webhooks=False):
    """Yields a `Stack` with `services` by name and `nginx`; afterwards checks that no log of nginx shows a token.

    `provider`: a `SignInProvider`, whose tokens the services accept, and which signs in the console's users.
    """
    settings = provider.settings if provider else {}
    with Stack(**settings) as stack:
        starting = {
            lane: stack.start(surface.executable, heartbeat_interval=heartbeat, drain_window="1s") for lane, (surface, heartbeat) in EDGES.items()
        }
        starting["approvals"] = approval_service(stack)
        if has_webhooks:
            starting["webhooks"] = dispatcher(stack)
        stack.services = {name: service.wait_ready() for name, service in starting.items()}
        demo = stack.directory / "demo.json"
        people = [{"label": "olga, admin of acme", "token": mint("acme", "olga", ("admin",))}]
        demo.write_text(json.dumps({"people": people, "executions": []}))
        programs = {surface.executable: [stack.services[lane]] for lane, (surface, _) in EDGES.items()}
        programs |= {"approval-api": [stack.services["approvals"]], "event-producer": [stack.producer]}
        if has_webhooks:
            programs["webhook-dispatcher"] = [stack.services["webhooks"]]
        stack.nginx = stack.add(Nginx(stack.directory, programs, options=("--demo", demo, *(provider.options if provider else ())))).wait_ready()
        yield stack
        expect_no_token("what nginx has written", stack.nginx.log + stack.nginx.access_log_file.read_text())
