"""Selection of tests: which are fast, which may run side by side, and how `Tests/Integration/run` combines both parts."""

import os
import shutil
import subprocess
from functools import partial

import pytest

from causeway_kit import local_stack, ports, prometheus, tiers
from causeway_kit.browser import Browser
from causeway_kit.nats_server import NATSServer
from causeway_kit.prometheus import Prometheus
from causeway_kit.proxy import Caddy, HAProxy, Nginx
from causeway_kit.services import ROOT
from causeway_kit.stack import Stack

RUN = ROOT / "Tests/Integration/run"
KINDS = {"nginx": Nginx, "others": [Caddy, HAProxy]}


class _Tab(Browser):
    pass


class _Holder:
    def __init__(self, kind):
        self.kind = kind


HOLDER = _Holder(Prometheus)


def _by_name():
    return Nginx


def _by_another_function():
    return _by_name()


def _by_a_function_within():
    return lambda: _by_name()


def _by_a_table():
    return KINDS["nginx"]


def _by_a_module():
    return prometheus.Prometheus


def _by_a_base_class():
    return _Tab


def _by_an_instance():
    return HOLDER.kind


def _by_a_word_of_a_command():
    return subprocess.run(["promtool", "check", "metrics"])


def _by_a_path_of_a_command():
    return subprocess.run([ROOT / "deploy/install-run.sh", "/usr/sbin/nginx"])


def _by_a_part_of_a_path():
    return subprocess.run([ROOT / "deploy/nginx/configure"])


def _nothing_but_the_bus():
    """No nginx: neither nginx/this nor /nginx."""
    with Stack() as stack:
        return NATSServer(stack.directory)


@pytest.mark.parametrize(
    ("function", "programs"),
    [
        (_by_name, {"nginx"}),
        (_by_another_function, {"nginx"}),
        (_by_a_function_within, {"nginx"}),
        (_by_a_table, {"nginx", "caddy", "haproxy"}),
        (_by_a_module, {"prometheus"}),
        (_by_a_base_class, {"chromium", "chromedriver"}),
        (_by_an_instance, {"prometheus"}),
        (_by_a_word_of_a_command, {"promtool"}),
        (_by_a_path_of_a_command, {"nginx", "install-run.sh"}),
        (_by_a_part_of_a_path, {"nginx"}),
        (_nothing_but_the_bus, set()),
    ],
)
def test_what_a_function_can_start_is_found(function, programs):
    assert tiers.programs_of_function(function) == programs


# Not in the tests themselves: these names would be found there.
NGINX, PROMETHEUS = {"nginx"}, {"prometheus"}


@pytest.fixture
def front():
    return Nginx


def test_fixtures_count(request, front):
    assert tiers.other_programs(request.node) == NGINX and not tiers.is_fast(request.node)


@pytest.mark.parametrize("kind", [Prometheus, "prometheus", "/usr/bin/prometheus"])
def test_parameters_count(request, kind):
    assert tiers.other_programs(request.node) == PROMETHEUS and not tiers.is_fast(request.node)


@pytest.mark.long
def test_a_long_test_is_not_fast(request):
    assert not tiers.other_programs(request.node) and not tiers.is_fast(request.node)


def test_any_other_test_is_fast(request):
    assert tiers.is_fast(request.node)


@pytest.mark.parametrize("start", [subprocess.run, partial(subprocess.run, check=True), subprocess.Popen])
@pytest.mark.parametrize("prefix", [[], ["setpriv", "--pdeathsig", "KILL", "--"]], ids=["itself", "by the kit"])
def test_a_fast_test_starts_nothing_else(start, prefix):
    with tiers.guarding("somebody's test"):
        with pytest.raises(AssertionError, match="somebody's test counts as fast and starts nginx"):
            start([*prefix, "/usr/sbin/nginx", "-v"])
        assert subprocess.run(["true"]).returncode == 0


def test_workers_share_no_port():
    """A local stack has up to three edges of each kind here, whose ports are 100 apart."""
    workers = [
        {port + local_stack.offset_of(worker) + further for port in local_stack.TABLE.values() for further in (0, 100, 200)}
        for worker in range(4)
    ]
    assert len(set().union(*workers)) == sum(map(len, workers))
    assert min(map(min, workers)) >= ports.LAST and max(map(max, workers)) < 32_768


@pytest.mark.parametrize(
    ("alone", "beside", "status"),
    [
        (0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1), (0, 5, 0), (5, 0, 0), (5, 5, 5), (5, 1, 1), (1, 5, 1), (0, 2, 2), (2, None, 2), (4, None, 4),
    ],
)  # fmt: skip
def test_a_run_fails_if_either_part_does(tmp_path, alone, beside, status):
    """Exit codes of pytest: 1 for failed tests, 2 for an interruption, 4 for wrong arguments, 5 if no test was selected."""
    done, calls = run(tmp_path, JOBS="3", ALONE=str(alone), BESIDE=str(beside))
    assert done.returncode == status, done.stderr
    assert [("--part alone" in call, "--part beside --numprocesses 3 --dist loadfile " in call) for call in calls] == [
        (True, False),
        (False, True),
    ][: 1 if beside is None else 2]
    assert all(call.endswith("-k resume") for call in calls)
    assert ("Tests that run alone failed" in done.stderr) == (alone == 1)


@pytest.mark.parametrize("status", [0, 1, 5])
def test_one_job_is_one_run(tmp_path, status):
    done, [call] = run(tmp_path, JOBS="1", WHOLE=str(status))
    assert done.returncode == status and "--part" not in call and "--numprocesses" not in call


def run(directory, **environment):
    """Runs a copy of the script with a fake Python that records its calls. Returns the process, and the recorded lines."""
    (directory / "Tests/Integration").mkdir(parents=True)
    (directory / ".venv/bin").mkdir(parents=True)
    for script in (RUN, ROOT / "Tests/scratch"):
        shutil.copy(script, directory / script.relative_to(ROOT))
    python = directory / ".venv/bin/python"
    python.write_text(
        '#!/bin/sh\necho "$*" >>calls\ncase "$*" in *"--part beside"*) exit "$BESIDE" ;; *"--part alone"*) exit "$ALONE" ;; esac\nexit "$WHOLE"\n'
    )
    python.chmod(0o755)
    line = [directory / "Tests/Integration/run", "-k", "resume"]
    done = subprocess.run(line, env=os.environ | environment, capture_output=True, text=True)
    return done, (directory / "calls").read_text().splitlines()
