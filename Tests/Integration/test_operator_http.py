"""`causeway tail`, `publish` and `executions follow`, and profiles: the commands that speak HTTP (docs/command-line.md)."""

import json
import os
import signal
import subprocess
from contextlib import contextmanager

import pytest

from causeway_kit.approvals import approval_service
from causeway_kit.intake import numbered
from causeway_kit.services import command, executable, is_built
from causeway_kit.tokens import expect_no_token, mint, producer_token
from causeway_kit.waiting import eventually

pytestmark = pytest.mark.skipif(not is_built("causeway"), reason="causeway is not built")


@pytest.fixture
def edge(shared):
    return shared.shared_edge_of("sse-edge")


def lines(done):
    """The JSON lines of a command that ended well, which shows no token."""
    expect_no_token("the command", (done.stdout + done.stderr).decode())
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def run(service, *arguments, token, stdin=b"", **environment):
    return command("causeway", *arguments, stdin=stdin, causeway_url=service.url, causeway_token=token, **environment)


@contextmanager
def following(directory, url, *arguments, token):
    """A command that runs, with its outputs in files; it is ended if the test did not."""
    output, errors = directory / "output", directory / "errors"
    environment = {"PATH": os.environ["PATH"], "CAUSEWAY_URL": url, "CAUSEWAY_TOKEN": token}
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen([str(executable("causeway")), *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment)
        process.output, process.errors = output, errors
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            expect_no_token("the command", output.read_text() + errors.read_text())


def has(path, text, count=1):
    """Waits until a file has a text so many times."""
    return eventually(lambda: path.read_text().count(text) >= count, f"{text!r} is not {count} times in {path.name}", timeout=60)


def test_events_are_published_once_and_tailed(shared, edge, tenant):
    events = [{"type": f"deploy.step{n}", "payload": {"n": n}, "id": f"step-{n}"} for n in range(3)]
    text = "".join(json.dumps(event) + "\n" for event in events).encode()
    publish = ("publish", "--tenant", tenant, "--output", "json")
    stored = lines(run(shared.producer, *publish, token=producer_token(tenant), stdin=text))
    assert [line["id"] for line in stored] == ["step-0", "step-1", "step-2"]
    assert lines(run(shared.producer, *publish, token=producer_token(tenant), stdin=text)) == stored, "the ids are recognised"

    member = mint(tenant)
    tailed = lines(run(edge, "tail", "--since", "start", "--limit", "3", "--output", "json", token=member))
    assert [(line["id"], line["type"], line["data"]["n"]) for line in tailed] == [
        (line["cursor"], event["type"], event["payload"]["n"]) for line, event in zip(stored, events, strict=True)
    ]
    assert lines(run(edge, "tail", "--since", stored[0]["cursor"], "--limit", "1", "--output", "json", token=member)) == tailed[1:2]
    assert lines(run(edge, "tail", "--since", "1h", "--types", "deploy.step2", "--limit", "1", "--output", "json", token=member)) == tailed[2:]
    done = run(edge, "tail", "--since", "start", "--limit", "1", token=member)
    assert done.returncode == 0 and done.stdout.decode().endswith(f'  {stored[0]["cursor"]}  deploy.step0  {{"n": 0}}\n'), done


def test_an_invalid_line_is_named_and_the_others_are_stored(shared, tenant):
    text = b'{"type":"a.b","payload":{}}\nnonsense\n{"type":"a.b","payload":{}}\n'
    done = run(shared.producer, "publish", "--tenant", tenant, token=producer_token(tenant), stdin=text)
    assert done.returncode == 65 and done.stdout.count(b"evt_") == 2 and b"line 2: " in done.stderr, done
    one = run(shared.producer, "publish", "--tenant", tenant, "--type", "a.b", "--payload", '{"x":1}', token=producer_token(tenant))
    assert one.returncode == 0 and one.stdout.startswith(b"evt_"), one


def test_a_tail_resumes_behind_its_last_event_when_the_edge_restarts(shared, tenant, tmp_path):
    edge = shared.edge("sse-edge")
    try:
        with following(tmp_path, edge.url, "tail", "--since", "start", "--output", "json", token=mint(tenant)) as tail:
            shared.intake.publish(*[numbered(n, tenant) for n in range(3)])
            has(tail.output, "\n", 3)
            edge.kill()
            has(tail.errors, "connecting again in")
            shared.intake.publish(*[numbered(n, tenant) for n in range(3, 6)])
            edge.start()
            has(tail.output, "\n", 6)
            tail.send_signal(signal.SIGINT)
            assert tail.wait(timeout=60) == 130
            told = [json.loads(line) for line in tail.output.read_text().splitlines()]
            assert len({line["id"] for line in told}) == 6 and [line["type"] for line in told] == ["load.tick"] * 6
            assert f"--since {told[-1]['id']}" in tail.errors.read_text()
    finally:
        shared.remove(edge)


def test_a_tail_ends_when_nobody_reads_it(edge, shared, tenant):
    shared.intake.publish(numbered(1, tenant))
    environment = {"PATH": os.environ["PATH"], "CAUSEWAY_URL": edge.url, "CAUSEWAY_TOKEN": mint(tenant)}
    tail = subprocess.Popen(
        [str(executable("causeway")), "tail", "--since", "start"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    try:
        assert b"load.tick" in tail.stdout.readline()
        tail.stdout.close()
        assert tail.wait(timeout=60) in (141, -signal.SIGPIPE)
    finally:
        tail.kill()
        tail.stderr.close()
        tail.wait()


def test_a_tail_whose_output_cannot_be_written_says_so(edge, shared, tenant):
    shared.intake.publish(numbered(1, tenant))
    environment = {"PATH": os.environ["PATH"], "CAUSEWAY_URL": edge.url, "CAUSEWAY_TOKEN": mint(tenant)}
    with open("/dev/full", "wb") as full:
        command = [str(executable("causeway")), "tail", "--since", "start", "--limit", "1"]
        tail = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, timeout=60)
    assert (tail.returncode, b"standard output cannot be written: No space left on device" in tail.stderr) == (74, True)


@pytest.mark.parametrize(("last", "code"), [("complete", 0), ("failed", 1)])
def test_an_execution_is_followed_to_its_end(shared, edge, tenant, last, code):
    events = [{"type": "progress", "payload": {"progress": 0.5, "step": "build"}}, {"type": last, "payload": {"why": "x"}}]
    answer = shared.intake.post(events, token=producer_token(tenant), path="/v1/executions/agents/builder/events")
    assert answer.status_code == 202, answer.text
    done = run(edge, "executions", "follow", "builder", token=mint(tenant))
    first, second = done.stdout.decode().splitlines()
    assert done.returncode == code and first == "#1  progress   50 %  build" and second.startswith(f"#2  {last}  "), done


def test_a_name_without_executions_is_refused(edge, tenant):
    done = run(edge, "executions", "follow", "nobody", token=mint(tenant))
    assert done.returncode == 65 and b"(not_found)" in done.stderr, done


def test_what_another_attempt_cannot_change_ends_the_command(shared, edge, tenant):
    assert run(edge, "tail", token="not.a.token").returncode == 77
    assert run(edge, "tail", token=producer_token(tenant)).returncode == 77
    assert run(shared.producer, "publish", "--type", "a.b", token=mint(tenant)).returncode == 77
    nowhere = command("causeway", "tail", causeway_url="http://127.0.0.1:1", causeway_token=mint(tenant))
    assert nowhere.returncode == 69 and nowhere.stderr.count(b"\n") == 1, nowhere
    assert command("causeway", "tail", causeway_url=edge.url, home="/nonexistent").returncode == 78


def test_a_profile_names_address_and_token(shared, edge, tenant, tmp_path):
    directory = tmp_path / "causeway"
    directory.mkdir()
    token = directory / "acme.token"
    token.write_text(mint(tenant))
    token.chmod(0o600)
    profiles = directory / "profiles"
    profiles.write_text(f"[default]\nurl = http://127.0.0.1:1\n\n[acme]\nurl = {edge.url}\ntoken-file = acme.token\n")
    profiles.chmod(0o600)
    shared.intake.publish(numbered(1, tenant))

    def tail(*options, **environment):
        done = command("causeway", "tail", "--since", "start", "--limit", "1", *options, xdg_config_home=tmp_path, **environment)
        expect_no_token("the command", (done.stdout + done.stderr).decode())
        return done

    assert tail("--profile", "acme").returncode == 0
    assert tail(causeway_profile="acme").returncode == 0
    unknown = tail("--profile", "amce")
    assert unknown.returncode == 78 and b"did you mean acme?" in unknown.stderr, unknown
    assert tail("--profile", "acme", "--url", "http://127.0.0.1:1").returncode == 78, "the token is for its own address"
    token.chmod(0o644)
    readable = tail("--profile", "acme")
    assert readable.returncode == 78 and b"chmod 600" in readable.stderr, readable


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_command_lines(shell):
    done = command("causeway", "completion", shell)
    assert done.returncode == 0 and not done.stderr and b"executions" in done.stdout and b"since" in done.stdout, done
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.stdout, check=True, timeout=60)


def test_a_token_is_inspected_and_revoked(shared, edge, tenant):
    token = mint(tenant, "eve", jti="tok-eve")
    inspected = lines(run(edge, "token", "inspect", "--output", "json", token=token))
    assert inspected[0]["verified"] is False and inspected[0]["claims"]["jti"] == "tok-eve"
    done = run(edge, "token", "inspect", token=token)
    assert done.stdout.startswith(b"not verified") and b"expires in" in done.stdout, done
    assert run(edge, "token", "inspect", token="nothing").returncode == 65

    service = approval_service(shared).wait_ready()
    try:
        assert run(service, "token", "revoke", "--jti", "tok-eve", token=token).returncode == 77, "only admins revoke"
        done = run(service, "token", "revoke", "--jti", "tok-eve", token=mint(tenant, "olga", ("admin",)))
        assert done.returncode == 0 and done.stdout.startswith(f"revoked: token tok-eve, tenant {tenant}, until ".encode()), done

        def is_refused():
            return run(edge, "tail", "--since", "start", "--limit", "1", token=token).returncode == 77

        shared.intake.publish(numbered(1, tenant))
        eventually(is_refused, "the revoked token is still accepted", timeout=60)
    finally:
        shared.remove(service)
