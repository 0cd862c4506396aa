"""One parser reads the whole command line of every program, so help, version, mistakes and settings are alike everywhere."""

import pytest

from causeway_kit.programs import COMMANDS
from causeway_kit.services import command, is_built
from causeway_kit.tokens import SECRET

#: A line of each program, and one of each kind of subcommand: settings alone, or with further options.
LINES = [
    *COMMANDS.values(),
    ("causeway", "log", "resize"),
    ("causeway", "dead-letters", "list"),
    ("causeway", "token", "--tenant", "acme", "--user", "ann"),
    ("causeway", "doctor", "http://127.0.0.1:1"),
    ("event-producer", "publish"),
    ("event-producer", "simulate"),
    ("event-producer", "run", "--agent", "builder"),
]
#: No word of a command line that has it has an h: -h anywhere asks for help.
PASSWORD = "c0rr3ct-b4tt3ry-st4pl3"
on_every_line = pytest.mark.parametrize("line", LINES, ids=" ".join)
#: Those that read the bus's settings.
on_every_line_of_the_bus = pytest.mark.parametrize("line", [line for line in LINES if line[1:2] not in (("token",), ("doctor",))], ids=" ".join)

pytestmark = pytest.mark.skipif(not all(is_built(line[0]) for line in LINES), reason="not all programs are built")


def refused(line, *arguments, **settings):
    """Runs a line that has a mistake; returns the one sentence that says so."""
    done = command(*line, *arguments, auth_hs256_secret=SECRET, **settings)
    assert done.returncode == 64 and not done.stdout, done
    sentence = done.stderr.decode()
    assert sentence.startswith(f"{line[0]}: ") and sentence.count("\n") == 1 and sentence.endswith("\n"), sentence
    return sentence.removeprefix(f"{line[0]}: ").removesuffix("\n")


def printed(line, *arguments, **settings):
    """The setting nats.url and its source, as --print-config shows them."""
    done = command(*line, *arguments, "--print-config", auth_hs256_secret=SECRET, **settings)
    assert done.returncode == 0 and not done.stderr, done
    (text,) = [text for text in done.stdout.decode().splitlines() if text.startswith("nats.url: ")]
    value, source = text.removeprefix("nats.url: ").split("#")
    return value.strip().strip('"'), source.strip()


@on_every_line
def test_help_lists_settings_with_their_variables(line):
    done = command(*line, "--help-all")
    shown = done.stdout.decode()
    assert done.returncode == 0 and not done.stderr
    assert shown.startswith(f"USAGE: {line[0]}") and "--config <FILE>" in shown and "--print-config" in shown and "--version" in shown
    if line[1:2] == ("doctor",):
        assert "--token <TEXT>" in shown and "--token-file <FILE>" in shown and "TOKEN_FILE" in shown
    elif line[1:2] == ("token",):
        assert "--auth-hs256-secret <TEXT>" in shown and "AUTH_HS256_SECRET_FILE" in shown
    else:
        assert "--nats-url <LIST>" in shown and "NATS_URL" in shown and "nats://127.0.0.1:4222" in shown


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_a_service_lists_its_settings_and_a_command_those_that_it_is_about(option):
    for line in COMMANDS.values():
        done = command(*line, option)
        assert done.returncode == 0 and "--nats-url <LIST>" in done.stdout.decode() and "--help-all" not in done.stdout.decode(), done
    for line in (("causeway", "log", "resize"), ("causeway", "token", "mint"), ("event-producer", "publish")):
        done = command(*line, option)
        shown = done.stdout.decode()
        assert done.returncode == 0 and shown.startswith(f"USAGE: {' '.join(line)}") and "--print-config" not in shown, done
        assert shown.endswith("  --help-all also lists the settings.\n"), shown


def test_a_misspelt_question_and_a_misspelt_required_option_are_answered_with_the_nearest_one():
    assert refused(("causeway",), "--vesrion") == "Unknown option '--vesrion'. Did you mean '--version'? --help lists the options"
    line = ("causeway", "token", "mint", "--tenant", "acme")
    sentence = "Missing expected argument '--user <user>'. Did you mean '--user' instead of '--usre'? --help lists the options"
    assert refused(line, "--usre", "ann") == sentence


@on_every_line
def test_version_is_one_line(line):
    done = command(*line, "--version")
    assert done.returncode == 0 and not done.stderr and done.stdout.decode().startswith(line[0]) and done.stdout.count(b"\n") == 1


@on_every_line
def test_a_misspelt_option_is_answered_with_the_nearest_one(line):
    assert refused(line, "--prnt-config") == "Unknown option '--prnt-config'. Did you mean '--print-config'? --help lists the options"
    assert refused(line, "--frobnicate", "1") == "Unknown option '--frobnicate'. --help lists the options"


@on_every_line_of_the_bus
def test_a_misspelt_setting_is_answered_with_the_nearest_one(line):
    assert refused(line, "--nats-ulr", "nats://a:1") == "Unknown option '--nats-ulr'. Did you mean '--nats-url'? --help lists the options"


@pytest.mark.parametrize(
    ("line", "misspelt", "meant"),
    [
        (("causeway", "token", "--tenant", "acme", "--user", "ann"), "--rloe", "--role"),
        (("causeway", "log", "resize"), "--dry-rnu", "--dry-run"),
        (("causeway", "approvals", "list"), "--utl", "--url"),
        (("causeway", "webhooks", "list"), "--utl", "--url"),
        (("causeway", "listen", "--forward-to", "http://127.0.0.1:3000"), "--tpyes", "--types"),
        (("event-producer", "publish"), "--paylaod", "--payload"),
        (("event-producer", "run", "--agent", "builder"), "--exectuion", "--execution"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_commands_own_option_is_treated_as_a_setting_is(line, misspelt, meant):
    assert refused(line, misspelt, "x") == f"Unknown option '{misspelt}'. Did you mean '{meant}'? --help lists the options"


@on_every_line
def test_an_option_without_its_value_is_a_mistake(line):
    # The parser leaves out what the value is where the shorter help leaves out the option.
    told = ("Missing value for '--config <FILE>'", "Missing value for '--config'")
    assert refused(line, "--config") in told
    assert refused(line, "--config", "--print-config") in told


@on_every_line
def test_a_word_that_belongs_to_no_option_is_a_mistake_and_not_repeated(line):
    for words in ([PASSWORD], ["--config", "/dev/null", PASSWORD]):
        assert PASSWORD not in refused(line, *words)


@on_every_line
@pytest.mark.parametrize("word", [f"--{PASSWORD}", f"--print-config={PASSWORD}", f"-{PASSWORD}"])
def test_a_secret_at_a_wrong_place_is_not_repeated(line, word):
    assert PASSWORD not in refused(line, word)


def test_a_secret_behind_a_misspelt_option_is_not_repeated():
    for line in (("causeway", "dead-letters", "retry"), ("causeway", "doctor"), ("event-producer", "publish"), ("event-producer", "serve")):
        assert PASSWORD not in refused(line, "--nats-pasword-of", PASSWORD)


@on_every_line_of_the_bus
def test_the_last_of_two_equal_options_counts(line):
    assert printed(line, "--nats-url", "nats://a:1", "--nats-url=nats://b:2") == ("nats://b:2", "option --nats-url")


@on_every_line_of_the_bus
def test_an_option_counts_before_the_environment_before_the_file_before_the_default(line, tmp_path):
    file = tmp_path / "causeway.yaml"
    file.write_text("nats:\n  url: nats://file:1\n")
    assert printed(line) == ("nats://127.0.0.1:4222", "default")
    assert printed(line, "--config", file) == ("nats://file:1", f"file {file}")
    assert printed(line, "--config", file, nats_url="nats://variable:1") == ("nats://variable:1", "environment variable NATS_URL")
    every = printed(line, "--config", file, "--nats-url", "nats://option:1", nats_url="nats://variable:1")
    assert every == ("nats://option:1", "option --nats-url")


@on_every_line_of_the_bus
def test_an_invalid_setting_is_one_sentence(line):
    done = command(*line, "--log-level", "loud", auth_hs256_secret=SECRET)
    says = 'log.level cannot be "loud" (option --log-level): use trace, debug, info, notice, warning, error or critical'
    assert (done.returncode, done.stderr.decode(), done.stdout) == (78, f"{line[0]}: {says}\n", b"")


@pytest.mark.parametrize(
    ("line", "misspelt", "meant"),
    [
        (("causeway",), "tokn", "token"),
        (("causeway",), "lisen", "listen"),
        (("causeway",), "tial", "tail"),
        (("causeway", "approvals"), "aprove", "approve"),
        (("causeway", "log"), "reszie", "resize"),
        (("event-producer",), "publsh", "publish"),
    ],
)
def test_a_misspelt_command_is_answered_with_the_nearest_one(line, misspelt, meant):
    assert refused(line, misspelt) == f"{misspelt} is not a command: did you mean {meant}? --help lists the commands"


@pytest.mark.parametrize("switch", [[], ["--quick-door"], ["--quick-door=true"], ["--quick-door", "true"]])
def test_a_switch_takes_a_value_or_none(switch):
    done = command("sse-edge", *switch, "--http-port=1", "--print-config", auth_hs256_secret=SECRET)
    assert done.returncode == 0 and "quick.door: true" in done.stdout.decode(), done
    if switch:
        switched = [word.replace("true", "false") for word in switch]
        done = command("sse-edge", *switched, "--http-port=1", "--print-config", auth_hs256_secret=SECRET)
        assert ("quick.door: false" in done.stdout.decode()) == (switched != switch), done
