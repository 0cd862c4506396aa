"""`causeway config check` and `--check-config`: the mistakes in a service's settings, without a start (docs/command-line.md)."""

import re

import pytest

from causeway_kit.programs import COMMANDS
from causeway_kit.services import command, is_built
from causeway_kit.tokens import SECRET

pytestmark = pytest.mark.skipif(not all(map(is_built, [*COMMANDS, "causeway"])), reason="not all programs are built")


def check(service, *options, **settings):
    done = command("causeway", "config", "check", service, *options, **settings)
    assert SECRET not in (done.stdout + done.stderr).decode()
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_every_service_checks_its_settings():
    listed = command("causeway", "config", "check", "--help").stdout.decode()
    assert all(service in listed for service in COMMANDS)
    for service in COMMANDS:
        code, shown, complaint = check(service, auth_hs256_secret=SECRET)
        assert code == 0 and not complaint and shown.endswith(": the settings are valid\n") and shown.count("\n") == 1, (service, shown, complaint)


def test_all_errors_are_told_at_once_and_say_what_to_do():
    code, shown, _ = check("sse-edge", auth_hs256_secret=SECRET, http_port="eighty", log_level="loud", nats_tls_ca_file="/absent.pem")
    assert code == 78 and shown.splitlines()[-1] == "sse-edge: 3 errors, 0 warnings", shown
    assert 'http.port cannot be "eighty" (environment variable HTTP_PORT): use a whole number from 0 to 65535' in shown
    assert "log.level" in shown and "/absent.pem" in shown
    # A rule of one service alone.
    code, shown, _ = check("event-producer", auth_hs256_secret=SECRET, intake_total_bytes="1MiB", intake_body_bytes="2MiB")
    assert code == 78 and "intake.total.bytes" in shown, shown


def test_a_file_of_variables_is_the_whole_environment(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    file = tmp_path / "service.env"
    file.write_text(f"# for systemd\nAUTH_HS256_SECRET_FILE={secret}\nHTTP_PORT='8090'\n")
    assert check("websocket-edge", "--env-file", file, http_port="eighty")[0] == 0

    file.write_text(f"AUTH_HS256_SECRET_FILE={secret}\nHTTP_PROT=8090\n")
    secret.chmod(0o644)
    code, shown, _ = check("websocket-edge", "--env-file", file)
    assert code == 1 and "did you mean HTTP_PORT?" in shown and f"chmod 600 {secret}" in shown, shown

    file.write_text(f"AUTH_HS256_SECRET {SECRET}\n")
    code, shown, complaint = check("websocket-edge", "--env-file", file)
    assert code == 78 and not shown and re.search(r"service\.env, line 1: write NAME=value", complaint), complaint


def test_a_former_name_is_a_warning_and_counts():
    code, shown, _ = check("sse-edge", auth_hs256_secret=SECRET, log_tail_bytes="64KiB")
    assert code == 1 and "log.tail.bytes (environment variable LOG_TAIL_BYTES) is now event.log.tail.bytes" in shown, shown
    done = command("sse-edge", "--log-tail-bytes", "64KiB", "--print-config", auth_hs256_secret=SECRET)
    assert re.search(rb"^event\.log\.tail\.bytes: 64KiB +# option --log-tail-bytes$", done.stdout, re.MULTILINE), done
    assert b"--log-tail-bytes" not in command("sse-edge", "--help-all").stdout


def test_a_file_of_settings_is_checked_too(tmp_path):
    file = tmp_path / "causeway.yaml"
    file.write_text("http:\n  prot: 1\n")
    code, shown, _ = check("approval-api", "--config", file, auth_hs256_secret=SECRET)
    assert code == 78 and "did you mean http.port?" in shown, shown


def test_a_service_that_is_not_known_is_a_mistake():
    code, shown, complaint = check("sse-egde")
    assert code == 64 and not shown and "did you mean sse-edge?" in complaint, complaint
