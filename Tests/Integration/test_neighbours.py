"""Nobody stops another: while one tenant, or a stranger, does its worst, a quiet tenant is served as ever.

What is asserted is what does not depend on the machine: nothing of the neighbour's is lost, refused or late beyond patience, every process lives,
memory has a bound, and the attack did something. The delays are printed as a table, with their ratio to those of a quiet deployment (all of them, and
those behind the attack's first burst), what the attack achieved in a second, and the processors' time: a weak attack is not to be taken for a good
result, nor a full machine for a queue.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from causeway_kit.approvals import approval_service
from causeway_kit.attacking import Aim, attacking
from causeway_kit.attacks import BY_A_STRANGER, BY_A_TENANT, TENANT
from causeway_kit.probe import Probe
from causeway_kit.sizes import size
from causeway_kit.stack import Stack
from causeway_kit.waiting import eventually, pause

pytestmark = [pytest.mark.alone, pytest.mark.long, pytest.mark.timeout(size(120, 900))]

#: How long each goes on.
SECONDS = size(3, 60)
#: When an attack has used up the burst of its shares, and its connections are open: the table has the delays from then on for themselves.
SETTLED = size(1, 15)
#: Of connections, threads and subscriptions.
SCALE = size(0.1, 1.0)
#: Notifications that the loud tenant has, for the pollers.
NOTIFICATIONS = size(2_000, 1_000_000)
#: What a process may take beyond what it takes when all is quiet: its bounds on what is in flight, and what it keeps of the log.
MEMORY = 400 << 20

#: As they are by default: the kit switches them off for all other tests.
SHARES = dict.fromkeys(("intake_events_per_second", "intake_bytes_per_second", "rate_limit", "commands_per_second"))
QUIET = "alone"


#: What the table says of each row.
DELAYS = ("publish", "decision", "handshake")


@dataclass
class Row:
    name: str
    probe: Probe
    #: The greatest memory of each process, in bytes.
    peak: dict
    #: By process, how much of one processor's time it used; `idle` is what nothing used of all.
    load: dict
    #: What the attack did in a second, by kind.
    achieved: dict


class Deployment:
    def __init__(self, stack):
        self.stack = stack
        self.approvals = approval_service(stack).wait_ready()
        self.sse, self.workspace, self.relay = (stack.edge(name) for name in ("sse-edge", "websocket-edge", "jsonrpc-relay"))
        self.services = {
            "event-producer": stack.producer, "approval-api": self.approvals,
            "sse-edge": self.sse, "websocket-edge": self.workspace, "jsonrpc-relay": self.relay,
        }  # fmt: skip
        self.rows = []
        self.memory = {}

    def probe(self):
        return Probe(self.stack.producer, self.approvals, self.sse, self.workspace, self.relay)

    @property
    def aim(self):
        return Aim(self.stack.producer.url, self.approvals.url, self.sse.url, self.workspace.url, self.relay.url, SCALE)

    def _processor_seconds(self, attack):
        """What each process has used so far, and how much nothing has used."""
        used = {program: service.processor_seconds for program, service in self.services.items()}
        times = os.times()
        used |= {"nats-server": self.stack.nats.processor_seconds, "probe": times.user + times.system}
        return used | {"attack": attack.processor_seconds if attack else 0, "idle": idle_seconds()}

    def measure(self, name, attack=None):
        """Measures for a while, and writes a line of the table. Returns the probe, which has ended."""
        peak = dict.fromkeys(self.services, 0)
        with self.probe() as probe:
            begin, before = time.monotonic(), self._processor_seconds(attack)
            for _ in range(int(SECONDS / 0.5)):
                pause(0.5)
                for program, service in self.services.items():
                    peak[program] = max(peak[program], service.memory)
            seconds, after = time.monotonic() - begin, self._processor_seconds(attack)
            load = {process: (after[process] - before[process]) / seconds for process in before}
            achieved = attack.achieved() if attack else {}
        self.rows.append(Row(name, probe, peak, load, achieved))
        return probe

    def table(self):
        alone = next(row.probe for row in self.rows if row.name == QUIET)
        titles = "".join(f"{what + ' p99 ms, later':>31}" for what in DELAYS)
        lines = [f"{'attack':<24}{titles}  MiB of each process"]
        for row in self.rows:
            line = f"{row.name:<24}"
            for what in DELAYS:
                mine, base = getattr(row.probe, what), getattr(alone, what)
                line += f"{mine.p99():>10.1f} ×{mine.p99() / base.p99():>5.1f}, ×{mine.p99(SETTLED) / base.p99(SETTLED):>4.1f} ({mine.count:>4})"
            line += "  " + " ".join(f"{bytes >> 20}" for bytes in row.peak.values())
            lines.append(line + (f"  {len(row.probe.faults)} faults" if row.probe.faults else ""))
        lines += ["", f"{'% of one processor':<24}" + "".join(f"{process:>15}" for process in self.rows[0].load)]
        lines += [f"{row.name:<24}" + "".join(f"{100 * share:>15.0f}" for share in row.load.values()) for row in self.rows]
        lines += ["", f"{'achieved in a second':<24}" + "".join(f"{title:>14}" for title in ("connections", "answers", "accepted", "MiB"))]
        for row in self.rows:
            if row.achieved:
                *counts, sent = row.achieved.values()
                lines.append(f"{row.name:<24}" + "".join(f"{count:>14.1f}" for count in (*counts, sent / (1 << 20))))
        return "\n".join(lines)


def idle_seconds():
    """Seconds of all processors so far in which they had nothing to do."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[4]) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def deployment():
    with Stack(**SHARES) as stack:
        deployment = Deployment(stack)
        fill(stack)
        # What is done for the first time takes longer; then the measure for all others.
        deployment.measure("first").check()
        deployment.measure(QUIET).check()
        deployment.memory = deployment.rows[-1].peak
        yield deployment
        print("\n" + deployment.table())


def fill(stack):
    """Gives the loud tenant its notifications, past the intake's shares."""
    stack.bus.publish_many(TENANT, "incident.created", ({"incidentId": f"inc_{n}", "title": "t"} for n in range(NOTIFICATIONS)))


def attack_and_measure(deployment, attack):
    with attacking(attack, deployment.aim) as running:
        # Where something else keeps the processors busy, its turn comes late.
        eventually(lambda: any(running.achieved().values()), f"{attack.__name__} does something", timeout=60)
        probe = deployment.measure(attack.__name__, running)
    deployment.stack.check()
    probe.check()
    for program, peak in deployment.rows[-1].peak.items():
        more = peak - deployment.memory[program]
        assert more < MEMORY, f"{program} takes {more >> 20} MiB more under {attack.__name__}"
    # It is over when all is as quiet as before; the next one is measured for itself.
    for program, service in deployment.services.items():
        eventually(lambda service=service: service.readiness() == 200, f"{program} is ready after {attack.__name__}", timeout=60)


@pytest.mark.parametrize("attack", BY_A_TENANT, ids=lambda attack: attack.__name__)
def test_a_tenant_does_its_worst(deployment, attack):
    attack_and_measure(deployment, attack)


@pytest.mark.parametrize("attack", BY_A_STRANGER, ids=lambda attack: attack.__name__)
def test_a_stranger_does_its_worst(deployment, attack):
    attack_and_measure(deployment, attack)
