"""Reads deploy/programs.json: the programs that serve, their default ports, and the paths that a proxy routes to each of them."""

import json
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "programs.json"

#: The kinds of responses of a path, which determine its proxy settings: a stream of server-sent events, a WebSocket, an immediate response, or a
#: response that may take a minute.
KINDS = ("sse", "websocket", "rest", "long-poll")


@dataclass(frozen=True)
class Route:
    """A path that a program serves on its public port."""

    #: A path that ends in a slash stands for all paths below it.
    path: str
    #: One of KINDS.
    kind: str
    #: The only method that goes to this program, if another program serves the path's other methods.
    method: str | None = None
    #: Its label in the list of addresses of `make run`; a path without a label is not listed.
    label: str | None = None
    #: The example to list instead of the path.
    example: str | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"{TABLE.name}: {self.path}: the kind is {self.kind!r}, and must be one of {', '.join(KINDS)}")

    @property
    def scheme(self):
        return "ws" if self.kind == "websocket" else "http"


@dataclass(frozen=True)
class Program:
    """A row of the table."""

    name: str
    #: The executable, and its arguments.
    command: tuple[str, ...]
    #: The defaults of HTTP_PORT and ADMIN_PORT; None for a program that does not listen.
    http_port: int | None = None
    admin_port: int | None = None
    #: Whether `make run` starts EDGES instances.
    is_edge: bool = False
    routes: tuple[Route, ...] = ()


def read_programs():
    """Every row of the table, in its order."""
    rows = json.loads(TABLE.read_text())
    return tuple(
        Program(**row | {"command": tuple(row["command"]), "routes": tuple(Route(**route) for route in row["routes"])}) for row in rows
    )
