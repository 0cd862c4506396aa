"""deploy/containers/roll against a `docker` that keeps containers in a file, and that fails if a service has too few healthy ones."""

import json
import os
import subprocess
import sys

import pytest

from causeway_kit.services import ROOT

#: Answers the commands of `roll`: `compose ps`, `compose up`, `inspect`, `stop`, `rm`, `logs`. A new container is healthy at the third
#: question, except where the state says `broken`. Calls are listed in the state.
DOCKER = f"""#!{sys.executable}
import json, os, sys

file = os.environ["DOCKER_STATE"]
state = json.load(open(file))
words = sys.argv[1:]
containers = state["containers"]

def healthy():
    return [name for name, asked in containers.items() if asked >= 2]

match words:
    case ["compose", "ps", "--quiet", service]:
        assert service == state["service"]
        print("".join(f"{{name}}\\n" for name in containers), end="")
    case ["compose", "up", "--detach", "--no-deps", "--no-recreate", "--scale", scale, service]:
        name, _, number = scale.partition("=")
        assert name == service == state["service"]
        while len(containers) < int(number):
            state["made"] += 1
            containers[f"{{state['made']:064x}}"] = 0
            state["calls"].append(f"start {{state['made']}}")
    case ["inspect", "--format", _, name]:
        print("unhealthy" if state["broken"] and containers[name] < 2 else "healthy" if containers[name] >= 2 else "starting")
        containers[name] += 0 if state["broken"] else 1
    case ["stop", name]:
        others = [other for other in healthy() if other != name]
        assert len(others) >= state["needed"], "too few healthy containers are left"
        state["calls"].append(f"stop {{int(name, 16)}}")
        state["stopped"].append(name)
    case ["rm", "--volumes", name]:
        assert name in state["stopped"], "it runs"
        del containers[name]
    case ["logs", *_]:
        print("a line of its log")
    case _:
        sys.exit(f"unexpected: {{words}}")
json.dump(state, open(file, "w"))
"""


@pytest.fixture
def roll(tmp_path):
    """`roll(service, …)` runs it with containers 1 to `count`; returns the process, and the state of `docker` afterwards."""
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    file = tmp_path / "state.json"

    def run(*arguments, count=3, broken=False, patience=120):
        containers = {f"{number:064x}": 2 for number in range(1, count + 1)}
        service = arguments[0] if arguments else ""
        state = {"service": service, "containers": containers, "made": count, "needed": count, "broken": broken, "calls": [], "stopped": []}
        file.write_text(json.dumps(state))
        settings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DOCKER_STATE": str(file), "ROLL_INTERVAL": "0", "ROLL_TIMEOUT": str(patience)}
        command = [ROOT / "deploy/containers/roll", *arguments]
        done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=100)
        return done, json.loads(file.read_text())

    return run


def test_every_container_is_replaced_and_an_old_one_stops_only_when_its_successor_is_healthy(roll):
    done, state = roll("sse-edge")
    assert done.returncode == 0, done.stderr
    assert state["calls"] == ["start 4", "stop 1", "start 5", "stop 2", "start 6", "stop 3"]
    assert [int(name, 16) for name in state["containers"]] == [4, 5, 6]


def test_a_new_container_that_stays_unhealthy_is_removed_and_no_old_one_is_stopped(roll):
    done, state = roll("approval-api", broken=True, patience=0)
    assert done.returncode == 1 and "unhealthy" in done.stderr and "a line of its log" in done.stderr
    assert state["calls"] == ["start 4", "stop 4"]
    assert [int(name, 16) for name in state["containers"]] == [1, 2, 3]


@pytest.mark.parametrize("arguments, words", [((), "usage"), (("--help",), "usage"), (("nats",), "one container"), (("proxy",), "one container")])
def test_what_cannot_be_rolled_is_refused(roll, arguments, words):
    done, state = roll(*arguments)
    assert done.returncode == 64 and words in done.stderr and not state["calls"]


def test_a_service_that_does_not_run_is_not_started(roll):
    done, state = roll("sse-edge", count=0)
    assert done.returncode == 1 and "has no container" in done.stderr and not state["calls"]
