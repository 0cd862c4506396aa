"""`causeway webhooks`: the whole life of an endpoint from a shell, and the exit codes (docs/webhook-commands.md)."""

import json
import re

import pytest

from causeway_kit.intake import numbered
from causeway_kit.services import command, is_built
from causeway_kit.tokens import expect_no_token, mint
from causeway_kit.waiting import eventually
from causeway_kit.webhooks import Answer, Receiver, WebhookClient

pytestmark = pytest.mark.skipif(not all(map(is_built, ("causeway", "webhook-dispatcher"))), reason="not all programs are built")


@pytest.fixture(scope="module")
def service(shared):
    return shared.shared_edge_of("webhook-dispatcher")


@pytest.fixture
def receiver():
    with Receiver() as own:
        yield own


@pytest.fixture
def run(service, tenant):
    """Runs a subcommand as an administrator, or with another token; returns exit code, output and errors."""

    def run(*arguments, token=None):
        done = command("causeway", "webhooks", *arguments, causeway_url=service.url, causeway_token=token or mint(tenant, "olga", ["admin"]))
        output, errors = done.stdout.decode(), done.stderr.decode()
        # The one secret that is told is the endpoint's, in the answers that make one.
        expect_no_token("the command", re.sub(r"^  secret +whsec_\S+$|\"secret\":\"whsec_[^\"]+\"", "", output, flags=re.MULTILINE) + errors)
        return done.returncode, output, errors

    return run


def fact(output, name):
    """The value of a line of `show`."""
    [value] = re.findall(rf"^  {name} +(.*)$", output, re.MULTILINE)
    return value


def create(run, client, hook, *options):
    """Registers an endpoint, and waits until it is enabled; returns its id and the output."""
    code, output, errors = run("create", hook.url, "--types", "load.*", *options)
    assert (code, errors) == (0, ""), errors
    endpoint = output.split(":", 1)[0]
    client.wait_for_state(endpoint, "enabled")
    return endpoint, output


def test_an_endpoint_from_its_registration_to_its_end(shared, service, tenant, receiver, run):
    client, hook = WebhookClient(service, tenant), receiver.hook()
    endpoint, output = create(run, client, hook, "--description", "Chat ops", "--idempotency-key", "once")
    secret = fact(output, "secret")
    assert fact(output, "url") == hook.url and fact(output, "delivery") == "one event at a time, in order"
    assert fact(output, "description") == "Chat ops"

    code, output, errors = run("list")
    assert (code, errors) == (0, "") and output.startswith(f"enabled  {endpoint}  {hook.url}  load.*")
    code, output, _ = run("show", endpoint)
    assert code == 0 and output.startswith(f"{endpoint}: enabled\n") and "secret" not in output

    ids = shared.intake.publish(*(numbered(number, tenant, prefix=tenant) for number in range(3)))
    hook.wait_for(3)[0].verify(secret)
    eventually(lambda: ids[2] in run("attempts", endpoint)[1], "the attempts are known", timeout=60, interval=0.2)
    code, output, _ = run("attempts", endpoint)
    assert code == 0 and re.match(rf"\S+  {ids[2]}  load\.tick  204  \d+ ms\n", output)

    code, output, _ = run("test", endpoint)
    assert code == 0 and re.fullmatch(r"delivered: 204 after \d+ ms\n", output)
    code, output, _ = run("rotate-secret", endpoint)
    rotated = fact(output, "secret")
    assert code == 0 and rotated != secret
    # A replay from within the last second may begin earlier: the stored cursor lags by so much (contract §14).
    eventually(lambda: client.endpoint(endpoint).json()["cursor"] >= ids[2], "the cursor is stored", timeout=60, interval=0.1)
    code, output, _ = run("replay", endpoint, "--from", ids[1], "--dry-run")
    assert code == 0 and output.startswith("2 events, from behind evt_")
    code, output, _ = run("replay", endpoint, "--from", ids[1])
    assert code == 0 and output.startswith(f"{endpoint}: ") and "from behind evt_" in fact(output, "replay")
    assert [delivery.id for delivery in hook.wait_for(5)] == ids + ids[1:]
    assert run("replay", endpoint, "--since", "1h")[0] == 0
    hook.wait_for(8)
    eventually(lambda: client.endpoint(endpoint).json()["cursor"] >= ids[2], "the cursor is stored again", timeout=60, interval=0.1)
    code, output, _ = run("resend", endpoint, ids[0])
    assert code == 0 and re.fullmatch(r"delivered: 204 after \d+ ms\n", output) and hook.accepted[-1].id == ids[0]
    code, output, errors = run("resend", endpoint, ids[0][:-1] + ("0" if ids[0][-1] != "0" else "1"))
    assert code in (6, 65) and output == "" and ("(conflict)" in errors or "(not_found)" in errors)

    code, output, _ = run("update", endpoint, "--types", "a.b,c.*", "--no-ordered", "--description", "")
    assert code == 0 and fact(output, "types") == "a.b, c.*" and fact(output, "delivery") == "in parallel" and "description" not in output
    code, output, _ = run("update", endpoint, "--no-enabled")
    assert code == 0 and output.startswith(f"{endpoint}: disabled\n") and fact(output, "trouble") == "requested"
    assert run("enable", endpoint)[0] == 0
    client.wait_for_state(endpoint, "enabled")

    assert run("delete", endpoint) == (0, f"deleted: {endpoint}\n", "")
    assert run("list") == (0, "", "")
    code, output, errors = run("show", endpoint)
    assert code == 65 and not output and "(not_found)" in errors


def test_a_test_that_is_not_delivered(service, tenant, receiver, run):
    hook = receiver.hook()
    endpoint, _ = create(run, WebhookClient(service, tenant), hook)
    hook.answer = Answer(500, body=b"no\n\x1b[2J")
    code, output, errors = run("test", endpoint)
    assert (code, errors) == (1, "") and re.fullmatch(r"not delivered: 500 after \d+ ms  no\\u000A.*\n", output) and "\x1b" not in output


def test_json_is_the_servers_answer(service, tenant, receiver, run):
    client = WebhookClient(service, tenant)
    code, output, errors = run("create", receiver.hook().url, "--types", "load.*", "--output", "json")
    assert (code, errors) == (0, "")
    endpoint = json.loads(output)["id"]
    client.wait_for_state(endpoint, "enabled")
    assert run("show", endpoint, "--output", "json")[1] == client.endpoint(endpoint).text + "\n"
    assert run("list", "--output", "json")[1] == client.send("GET", "/v1/webhooks").text + "\n"


def test_a_list_goes_on_behind_its_page(receiver, run):
    for number in range(3):
        assert run("create", receiver.hook(f"hook-{number}").url, "--types", "load.*")[0] == 0
    code, first, told = run("list", "--limit", "2")
    assert code == 0 and first.count("\n") == 2 and "--cursor " in told
    code, rest, told = run("list", "--limit", "2", "--cursor", told.split()[-1])
    assert code == 0 and rest.count("\n") == 1 and told == ""


def test_refusals(tenant, receiver, run):
    hook = receiver.hook()
    absent = "whk_01KAK3QC1N9R4V00000000000V"
    member = mint(tenant, "ann", ["member"])
    for arguments, code, says in (
        (("create", "https://10.0.0.1/", "--types", "load.*"), 65, "(validation_error)"),
        (("create", "ftp://a.example/", "--types", "load.*"), 65, "(validation_error)"),
        (("show", absent), 65, "(not_found)"),
        (("replay", absent, "--since", "2999-01-01T00:00:00Z"), 65, "("),
    ):
        told = run(*arguments)
        assert (told[0], told[1]) == (code, "") and says in told[2], told
    code, output, errors = run("create", hook.url, "--types", "load.*", token=member)
    assert (code, output) == (77, "") and "(forbidden)" in errors
    code, output, errors = run("list", token=mint(tenant, "olga", ["admin"], lifetime=-1))
    assert (code, output) == (77, "") and "(unauthorized)" in errors
    assert not hook.deliveries
