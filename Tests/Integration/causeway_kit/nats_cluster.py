"""A private cluster of three nats-servers (deploy/nats/cluster.conf)."""

import socket

from .ports import free_port
from .processes import Process
from .services import ROOT
from .waiting import eventually


class Node(Process):
    def __init__(self, directory, name, routes_port, routes):
        self.port = free_port()
        environment = {"NODE": name, "STORE": str(directory / name), "CLIENTS": f"127.0.0.1:{self.port}"}
        environment |= {"ROUTES_LISTEN": f"127.0.0.1:{routes_port}"} | {f"ROUTE_{n}": route for n, route in enumerate(routes, 1)}
        super().__init__(name, ["nats-server", "-c", ROOT / "deploy/nats/cluster.conf"], directory, environment)

    def greets(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False


class Cluster:
    """`nodes` by name; `url` names all of them."""

    def __init__(self, directory):
        ports = [free_port() for _ in range(3)]
        routes = [f"nats://127.0.0.1:{port}" for port in ports]
        self.nodes = {f"bus-{n}": Node(directory, f"bus-{n}", port, routes) for n, port in enumerate(ports, 1)}

    @property
    def url(self):
        return ",".join(f"nats://127.0.0.1:{node.port}" for node in self.nodes.values())

    def start(self):
        for node in self.nodes.values():
            node.start()
        for node in self.nodes.values():
            eventually(node.greets, f"{node.name} greets clients", timeout=20)
        return self

    def kill(self):
        for node in self.nodes.values():
            node.kill()
