"""Nobody stops another: while one tenant, or a stranger, does its worst, a quiet tenant is served as ever.

What is asserted is what does not depend on the machine: nothing of the neighbour's is lost, refused or late beyond patience, every process lives,
and memory has a bound. The delays are printed as a table, with their ratio to those of a quiet deployment.
"""

import pytest

from causeway_kit.approvals import approval_service
from causeway_kit.attacks import BY_A_STRANGER, BY_A_TENANT, TENANT, Aim, attacking
from causeway_kit.probe import Probe
from causeway_kit.sizes import size
from causeway_kit.stack import Stack
from causeway_kit.waiting import eventually, pause

pytestmark = [pytest.mark.alone, pytest.mark.long, pytest.mark.timeout(size(120, 900))]

#: How long each goes on.
SECONDS = size(3, 60)
#: Of connections, threads and subscriptions.
SCALE = size(0.1, 1.0)
#: Notifications that the loud tenant has, for the pollers.
NOTIFICATIONS = size(2_000, 1_000_000)
#: What a process may take beyond what it takes when all is quiet: its bounds on what is in flight, and what it keeps of the log.
MEMORY = 400 << 20

#: As they are by default: the kit switches them off for all other tests.
SHARES = dict.fromkeys(("intake_events_per_second", "intake_bytes_per_second", "rate_limit", "commands_per_second"))
QUIET = "alone"


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

    def measure(self, name):
        """Measures for a while, and writes a line of the table. Returns the probe, which has ended."""
        peak = dict.fromkeys(self.services, 0)
        with self.probe() as probe:
            for _ in range(int(SECONDS / 0.5)):
                pause(0.5)
                for program, service in self.services.items():
                    peak[program] = max(peak[program], service.memory)
        self.rows.append((name, probe, peak))
        return probe

    def table(self):
        alone = next(probe for name, probe, _ in self.rows if name == QUIET)
        titles = "".join(f"{what:>24}" for what in ("publish p99 ms", "decision p99 ms", "handshake p99 ms"))
        lines = [f"{'attack':<28}{titles}  MiB of each process"]
        for name, probe, peak in self.rows:
            line = f"{name:<28}"
            for what in ("publish", "decision", "handshake"):
                mine, base = getattr(probe, what), getattr(alone, what)
                line += f"{mine.p99:>12.1f} ×{mine.p99 / base.p99:>4.1f} ({mine.count:>4})"
            line += "  " + " ".join(f"{bytes >> 20}" for bytes in peak.values())
            lines.append(line + (f"  {len(probe.faults)} faults" if probe.faults else ""))
        return "\n".join(lines)


@pytest.fixture(scope="module")
def deployment():
    with Stack(**SHARES) as stack:
        deployment = Deployment(stack)
        fill(stack)
        # What is done for the first time takes longer; then the measure for all others.
        deployment.measure("first").check()
        deployment.measure(QUIET).check()
        deployment.memory = deployment.rows[-1][2]
        yield deployment
        print("\n" + deployment.table())


def fill(stack):
    """Gives the loud tenant its notifications, past the intake's shares."""
    stack.bus.publish_many(TENANT, "incident.created", ({"incidentId": f"inc_{n}", "title": "t"} for n in range(NOTIFICATIONS)))


def attack_and_measure(deployment, attack):
    with attacking(attack, deployment.aim):
        probe = deployment.measure(attack.__name__)
    deployment.stack.check()
    probe.check()
    for program, peak in deployment.rows[-1][2].items():
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
