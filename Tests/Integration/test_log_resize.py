"""`causeway log resize` applies a changed EVENT_LOG_MAX_AGE or EVENT_LOG_MAX_BYTES to an existing log (docs/operating.md, "The log")."""

import dataclasses

import pytest

from causeway_kit.intake import numbered
from causeway_kit.nats_server import NATSServer
from causeway_kit.services import command

DAY = 86_400


def resize(stack, *options, **settings):
    done = command("causeway", "log", "resize", *options, nats_url=stack.nats.url, **settings)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def limits(stack):
    config = stack.bus.config()
    return config.max_age, config.max_bytes


def without_limits(config):
    return dataclasses.replace(config, max_age=None, max_bytes=None)


def test_raising_the_limits_drops_nothing_and_changes_nothing_else(stack):
    stack.intake.publish(*(numbered(n) for n in range(10)))
    before, held = stack.bus.config(), stack.bus.state().messages
    assert limits(stack) == (7 * DAY, 10 << 30)

    # A process that is started with other settings warns that they have no effect, and names the command that applies them.
    edge = stack.edge(event_log_max_age="14d", event_log_max_bytes="20GiB")
    edge.wait_for_log("causeway log resize")
    assert limits(stack) == (7 * DAY, 10 << 30)

    code, output, _ = resize(stack, "--dry-run", event_log_max_age="14d", event_log_max_bytes="20GiB")
    assert code == 0 and "max_age 7d → 14d, max_bytes 10GiB → 20GiB" in output and "nothing leaves it" in output
    assert stack.bus.config() == before
    code, output, _ = resize(stack, event_log_max_age="14d", event_log_max_bytes="20GiB")
    assert code == 0, output
    assert limits(stack) == (14 * DAY, 20 << 30) and stack.bus.state().messages == held
    assert without_limits(stack.bus.config()) == without_limits(before)
    assert resize(stack, event_log_max_age="14d", event_log_max_bytes="20GiB")[1] == "the log has these limits already; nothing changed\n"
    # Without limits.
    assert resize(stack, "--event-log-max-age", "0", "--event-log-max-bytes", "0")[0] == 0
    assert limits(stack) == (0, -1)
    assert edge.readiness() == 200


def test_what_would_leave_the_log_is_said_and_leaves_only_with_a_flag(stack):
    stack.intake.publish(*(numbered(n, padding=10_000) for n in range(40)))
    before = stack.bus.state()
    code, output, errors = resize(stack, "--event-log-max-bytes", "100KiB")
    assert code == 1 and "would leave it" in output and "--drop" in errors
    assert limits(stack) == (7 * DAY, 10 << 30) and stack.bus.state().messages == before.messages
    code, output, errors = resize(stack, "--event-log-max-bytes", "100KiB", "--drop")
    assert code == 0, errors
    after = stack.bus.state()
    assert after.bytes <= 100 << 10 and 0 < after.messages < before.messages and after.last_seq == before.last_seq
    # The running producer continues.
    stack.intake.publish(numbered(100))


@pytest.mark.parametrize(
    ("settings", "code", "says"),
    [
        ({"event_log_max_age": "1s"}, 69, "at least 2 minutes"),
        ({"event_log_max_age": "a while"}, 78, "event.log.max.age"),
        ({"nats_url": "nats://127.0.0.1:9"}, 69, ""),
    ],
    ids=str,
)
def test_what_cannot_be_is_a_sentence(stack, settings, code, says):
    done = command("causeway", "log", "resize", "--timeout", "1s", **({"nats_url": stack.nats.url} | settings))
    assert done.returncode == code and says in done.stderr.decode(), done.stderr.decode()
    assert limits(stack) == (7 * DAY, 10 << 30)


def test_a_bus_without_a_log_is_a_sentence(tmp_path):
    server = NATSServer(tmp_path).start()
    try:
        done = command("causeway", "log", "resize", nats_url=server.url)
        assert done.returncode == 69 and "There is no log on this bus" in done.stderr.decode(), done.stderr.decode()
    finally:
        server.kill()
