"""`causeway approvals`: the whole life of an approval from a shell, and the exit codes (docs/approvals.md)."""

import json
import threading

import pytest

from causeway_kit.approvals import ApprovalClient, approval_service
from causeway_kit.ports import free_port
from causeway_kit.services import command, is_built
from causeway_kit.tokens import expect_no_token, mint, producer_token
from causeway_kit.waiting import eventually

pytestmark = pytest.mark.skipif(not is_built("causeway"), reason="causeway is not built")

ACTION = {"tool": "scale", "service": "checkout", "replicas": 8}
#: The same action, written otherwise, and another one.
SPELT_OTHERWISE = '{ "replicas": 8.0,\n "tool": "sc\\u0061le", "service": "checkout" }'
OTHER = '{"tool": "scale", "service": "checkout", "replicas": 80}'


@pytest.fixture(scope="module")
def service(shared):
    return approval_service(shared, expiry_interval="100ms").wait_ready()


@pytest.fixture
def shell(shared, service, tenant):
    return Shell(shared, service, tenant)


class Shell:
    """Runs the command as a user of a tenant. Without a proxy, requests for approval go to the producer and the others to the approval API."""

    def __init__(self, stack, service, tenant):
        self.stack, self.service, self.tenant = stack, service, tenant
        self._directory = stack.directory / f"shell-{tenant}"
        self._directory.mkdir()

    def file(self, name, content):
        path = self._directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def run(self, *arguments, token=None, stdin=b"", url=None, **environment):
        """Returns exit code, output and errors, and checks that neither shows the token."""
        program = self.stack.producer if arguments[0] == "request" else self.service
        settings = {"causeway_url": url or program.url, "causeway_token": token} | environment
        settings = {name: value for name, value in settings.items() if value is not None}
        done = command("causeway", "approvals", *arguments, stdin=stdin, **settings)
        output, errors = done.stdout.decode(), done.stderr.decode()
        expect_no_token("the command", output + errors)
        return done.returncode, output, errors

    def run_as(self, user, *roles):
        """Returns `run` with a token of that user."""
        token = mint(self.tenant, user, roles)
        return lambda *arguments, **options: self.run(*arguments, token=token, **options)

    @property
    def producer(self):
        token = producer_token(self.tenant)
        return lambda *arguments, **options: self.run(*arguments, token=token, **options)

    def request(self, approval, *options, **arguments):
        """Requests an approval and checks that the command prints its id alone."""
        code, output, errors = self.producer("request", "--approval-id", approval, "--remediation-id", "rem_1", *options, **arguments)
        assert (code, output, errors) == (0, f"{approval}\n", ""), (code, output, errors)
        return approval


def test_a_request_is_decided_awaited_and_consumed_once(shell):
    action = shell.file("action.json", ACTION)
    admin, executor = shell.run_as("olga", "admin"), shell.producer
    shell.request("apr_1", "--title", "Scale\ncheckout", "--risk", "high", "--action-file", action, "--incident-id", "inc_1", "--expires-in", "1h")

    code, listed, errors = admin("list", "--status", "pending", "--sort", "deadline")
    assert code == 0 and not errors and listed.startswith("pending  apr_1  risk high  ") and listed.endswith("  Scale\\u000Acheckout\n")
    code, shown, _ = admin("show", "apr_1")
    digest = shell.run("digest", stdin=SPELT_OTHERWISE.encode())[1].strip()
    assert code == 0 and digest.startswith("sha256:") and f"  digest       {digest}\n" in shown
    [line] = [line for line in shown.splitlines() if line.startswith("  action ")]
    assert json.loads(line.removeprefix("  action ")) == ACTION

    assert executor("wait", "apr_1", "--timeout", "100ms")[0] == 5
    assert executor("consume", "apr_1", "--action-file", action)[0] == 6, "it is not approved yet"
    assert admin("approve", "apr_1", "--action-file", shell.file("other.json", OTHER))[0] == 6, "that is another action"
    code, decided, _ = admin("approve", "apr_1", "--action-file", "-", "--reason", "fine", stdin=SPELT_OTHERWISE.encode())
    assert code == 0 and decided.startswith("approved: apr_1 by olga at ")
    code, _, errors = admin("reject", "apr_1")
    assert code == 6 and "(already_resolved)" in errors

    code, waited, _ = executor("wait", "apr_1")
    assert code == 0 and waited.startswith("approved: apr_1, approve by olga at ") and waited.endswith(": fine\n")
    code, _, errors = executor("consume", "apr_1", "--action-file", shell.file("other.json", OTHER))
    assert code == 6 and "(conflict)" in errors
    code, consumed, _ = executor("consume", "apr_1", "--digest", digest, "--idempotency-key", "run-1")
    assert code == 0 and consumed.startswith("consumed: apr_1 by svc_producer at ")
    assert executor("consume", "apr_1", "--action-file", action, "--idempotency-key", "run-1") == (0, consumed, "")
    code, _, errors = executor("consume", "apr_1", "--action-file", action)
    assert code == 6 and "(already_consumed)" in errors


def test_groups_vote(shell):
    groups = shell.file("groups.json", [{"name": "security", "roles": ["security"], "n": 2}, {"name": "dba", "users": ["dan"]}])
    escalation = shell.file("escalation.json", [{"after": "1h", "groups": [{"name": "managers", "roles": ["manager"]}]}])
    shell.request("voted", "--groups-file", groups, "--escalation-file", escalation)
    code, told, _ = shell.run_as("ann", "security")("approve", "voted")
    assert (code, told) == (0, "vote counted: voted is still pending; security 1 of 2 (ann), dba 0 of 1\n")
    assert shell.run_as("ann", "security")("reject", "voted")[0] == 6, "a vote cannot be changed"
    assert shell.run_as("eve", "member")("approve", "voted")[0] == 77
    assert shell.run_as("bob", "security")("approve", "voted")[0] == 0
    code, told, _ = shell.run_as("dan", "member")("approve", "voted")
    assert code == 0 and told.startswith("approved: voted by dan at ")


@pytest.mark.parametrize(("options", "decide", "code"), [((), True, 3), (("--expires-in", "300ms"), False, 4)], ids=["rejected", "expired"])
def test_the_exit_code_of_wait_says_how_it_ended(shell, options, decide, code):
    shell.request("ended", *options)
    if decide:
        assert shell.run_as("olga", "admin")("reject", "ended")[0] == 0
    assert shell.producer("wait", "ended")[0] == code


def test_wait_ends_with_the_decision(shell, service):
    shell.request("awaited")
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(shell.producer("wait", "awaited", "--interval", "50ms", "--timeout", "50s")))
    waiting.start()
    admin = ApprovalClient(service, shell.tenant, "olga")
    assert admin.decide("awaited").status_code == 200
    waiting.join(timeout=55)
    assert ended and ended[0][0] == 0


def test_json_is_the_servers_answer(shell, service):
    code, output, errors = shell.producer("request", "--remediation-id", "rem_1", "--output", "json")
    assert code == 0 and set(json.loads(output)) == {"accepted", "ids"}
    approval = errors.split()[-1]
    assert approval.startswith("apr_")
    client = ApprovalClient(service, shell.tenant, "olga")
    assert shell.run_as("olga", "admin")("show", approval, "--output", "json")[1] == client.approval(approval).text + "\n"
    assert shell.run_as("olga", "admin")("list", "--output", "json")[1] == client.approvals(limit=50, sort="created").text + "\n"


def test_a_list_goes_on_behind_its_page(shell):
    for number in range(3):
        shell.request(f"page-{number}")
    admin = shell.run_as("olga", "admin")
    code, first, told = admin("list", "--limit", "2")
    assert code == 0 and len(first.splitlines()) == 2
    code, second, told = admin("list", "--limit", "2", "--cursor", told.split()[-1])
    assert code == 0 and not told and [line.split()[1] for line in (first + second).splitlines()] == ["page-2", "page-1", "page-0"]


def test_a_token_in_a_file(shell):
    token = shell.file("token", mint(shell.tenant, "olga", ("admin",)) + "\n")
    for arguments, environment in ((("--token-file", token), {}), ((), {"causeway_token_file": token})):
        assert shell.run("list", *arguments, **environment) == (0, "", "")


def test_digests_of_lines(shell):
    code, one, _ = shell.run("digest", stdin=b'{"b":2,"a":1}')
    assert (code, one) == (0, "sha256:43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777\n")
    code, several, errors = shell.run("digest", "--lines", stdin=b'{"a":1,"b":2}\n{"a":1,"a":2}\n')
    assert code == 65 and several == one and "line 2" in errors


MISTAKES = {
    "no token": (("list",), {}, 78, "CAUSEWAY_TOKEN"),
    "an empty token": (("list",), {"token": ""}, 78, "CAUSEWAY_TOKEN"),
    "an address": (("list", "--url", "ftp://127.0.0.1"), {"token": "t"}, 78, "--url"),
    "a token that is not one": (("list",), {"token": "t"}, 77, "(unauthorized)"),
    "a token as an option": (("list", "--token", "t"), {}, 64, "--token"),
    "no approval": (("approve",), {"token": "t"}, 64, "approval"),
    "digest and action": (("consume", "a", "--digest", "d", "--action-file", "f"), {"token": "t"}, 64, "not both"),
    "no JSON": (("digest",), {"stdin": b"{"}, 65, "standard input"),
    "no such file": (("request", "--remediation-id", "r", "--groups-file", "/nowhere"), {"token": "t"}, 65, "--groups-file"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_have_their_exit_codes(shell, name):
    arguments, options, expected, words = MISTAKES[name]
    code, output, errors = shell.run(*arguments, **options)
    assert code == expected and not output and words in errors, (code, errors)


def test_what_the_server_refuses(shell):
    admin, member = shell.run_as("olga", "admin"), shell.run_as("ann", "member")
    assert admin("show", "nothing")[0] == admin("approve", "nothing")[0] == admin("wait", "nothing")[0] == 65
    code, _, errors = member("request", "--remediation-id", "rem_1")
    assert code == 77 and "(forbidden)" in errors
    code, _, errors = admin("request", "--remediation-id", "rem_1", "--risk", "enormous")
    assert code == 65 and "payload.risk" in errors
    shell.request("taken")
    code, _, errors = shell.producer("request", "--approval-id", "taken", "--remediation-id", "rem_2")
    assert code == 6 and "(conflict)" in errors
    assert admin("approve", "taken", "--digest", "sha256:0")[0] == 65


def test_nobody_answers(shell):
    address = f"http://127.0.0.1:{free_port()}"
    admin = shell.run_as("olga", "admin")
    code, output, errors = admin("list", url=address)
    assert code == 69 and not output and address in errors
    assert admin("wait", "a", "--timeout", "300ms", "--interval", "50ms", url=address)[0] == 69


def test_the_events_of_an_approval(shell, shared):
    """What the commands did is in the log once."""
    shell.request("traced", "--action-file", shell.file("action.json", ACTION))
    assert shell.run_as("olga", "admin")("approve", "traced")[0] == 0
    assert shell.producer("consume", "traced", "--action-file", shell.file("action.json", ACTION))[0] == 0

    def types():
        found = [event.type for event in shared.bus.events() if event.tenant == shell.tenant and json.loads(event.body)["approvalId"] == "traced"]
        return sorted(found)

    expected = ["approval.consumed", "approval.requested", "approval.resolved", "remediation.approved"]
    eventually(lambda: types() == expected, "each part of the record is announced once")
