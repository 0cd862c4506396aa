"""`causeway`, the operators' program, and its aliases in `event-producer` (docs/operating.md)."""

import json
import re

import jwt
import pytest

from causeway_kit.ports import free_port
from causeway_kit.services import command, is_built
from causeway_kit.tokens import SECRET, mint

pytestmark = pytest.mark.skipif(not is_built("causeway"), reason="causeway is not built")

#: The subcommands of `event-producer` that moved, with what is below them.
MOVED = [
    ("doctor",),
    ("token",),
    ("token", "mint"),
    ("dead-letters",),
    ("dead-letters", "list"),
    ("dead-letters", "retry"),
    ("dead-letters", "drop"),
    ("log",),
    ("log", "resize"),
    ("log", "info"),
    ("log", "get"),
    ("log", "erase"),
]
#: One complete call of each that does something, and its exit code.
CALLS = {
    "doctor": (("doctor", "http://127.0.0.1:{closed}", "--json"), 1),
    "token": (("token", "--tenant", "acme", "--user", "ann", "--role", "admin", "--expires-in", "5m"), 0),
    "dead-letters list": (("dead-letters", "list", "--tenant", "acme"), 0),
    "dead-letters retry": (("dead-letters", "retry", "7"), 65),
    "dead-letters drop": (("dead-letters", "drop", "--all", "--work", "approval-records"), 0),
    "log resize": (("log", "resize", "--dry-run", "--event-log-max-age", "14d"), 0),
}
#: One mistake of each, and its exit code.
MISTAKES = {
    "doctor, an address": (("doctor", "ftp://127.0.0.1"), {}, 64),
    "doctor, no token": (("doctor", "http://127.0.0.1"), {}, 78),
    "token, no user": (("token", "--tenant", "acme"), {}, 64),
    "token, no secret": (("token", "--tenant", "acme", "--user", "ann"), {}, 78),
    "dead-letters list, a setting": (("dead-letters", "list"), {"event_log_replicas": "7"}, 78),
    "dead-letters retry, no id": (("dead-letters", "retry"), {}, 64),
    "dead-letters drop, ids and --all": (("dead-letters", "drop", "7", "--all"), {}, 64),
    "log resize, an option": (("log", "resize", "--event-log-max-aeg", "14d"), {}, 64),
    "log resize, no bus": (("log", "resize", "--timeout", "200ms"), {"nats_url": "nats://127.0.0.1:1"}, 69),
}


def both(*arguments, **settings):
    """Returns the results of `causeway` and of the alias, without the programs' names: exit code, output, errors."""
    return [outcome(program, *arguments, **settings) for program in ("causeway", "event-producer")]


def outcome(program, *arguments, **settings):
    done = command(program, *arguments, **settings)
    shown = [re.sub(r"\b(causeway|event-producer)\b", "PROGRAM", text.decode()) for text in (done.stdout, done.stderr)]
    # Usages are wrapped at a width of the terminal, and the names differ in length.
    return done.returncode, *(" ".join(text.split()) for text in shown)


@pytest.mark.parametrize("line", MOVED, ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_an_alias_helps_as_the_command_does(line, option):
    moved, alias = both(*line, option)
    assert moved == alias
    code, shown, complaint = moved
    assert code == 0 and not complaint
    assert shown.startswith(f"PROGRAM {' '.join(line)} ") if option == "--version" else f"PROGRAM {' '.join(line)}" in shown


@pytest.mark.parametrize("name", CALLS)
def test_an_alias_does_what_the_command_does(shared, name):
    arguments, code = CALLS[name]
    closed = free_port()
    settings = {"nats_url": shared.nats.url, "auth_hs256_secret": SECRET, "token": mint()}
    moved, alias = both(*(word.format(closed=closed) for word in arguments), **settings)
    assert moved[0] == alias[0] == code, (moved, alias)
    match name:
        case "token":
            # The times are those of the call.
            claims = [without_times(output) for _, output, _ in (moved, alias)]
            assert claims[0] == claims[1] and claims[0]["tenant_id"] == "acme" and not moved[2] and not alias[2]
        case "doctor":
            assert json.loads(moved[1]) == json.loads(alias[1]) and moved[2] == alias[2]
        case _:
            assert moved == alias


def without_times(token):
    """The claims that do not differ each time."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return {name: value for name, value in claims.items() if name not in ("iat", "exp", "jti")} | {"life": claims["exp"] - claims["iat"]}


@pytest.mark.parametrize("name", MISTAKES)
def test_an_alias_refuses_what_the_command_refuses(name):
    arguments, settings, code = MISTAKES[name]
    moved, alias = both(*arguments, **settings)
    assert moved == alias
    assert moved[0] == code and moved[2] and not moved[1], moved


def test_each_program_lists_its_own_commands_and_complains_under_its_own_name():
    operating, producing = (command(program, "--help").stdout.decode() for program in ("causeway", "event-producer"))
    own, aliases = producing.split("ALIASES OF CAUSEWAY SUBCOMMANDS:")
    assert listed(own) == {"serve", "publish", "simulate", "run"}
    assert listed(aliases) == {line[0] for line in MOVED}
    assert listed(operating) == listed(aliases) | {
        "approvals", "completion", "config", "executions", "listen", "publish", "tail", "webhooks", "why",
    }  # fmt: skip
    for program in ("causeway", "event-producer"):
        complaint = command(program, "token", "--tenant", "acme", "--user", "ann").stderr.decode()
        assert complaint.startswith(f"{program}: "), complaint


def listed(help):
    """Returns the subcommands in a help text."""
    return set(re.findall(r"^  ([a-z][a-z-]*) {2,}\S", help, re.MULTILINE))


@pytest.mark.parametrize("subcommand", ["serve", "simulate", "run"])
def test_the_program_of_operators_does_not_produce_on_the_bus(subcommand):
    done = command("causeway", subcommand)
    assert done.returncode == 64 and subcommand in done.stderr.decode() and not done.stdout
