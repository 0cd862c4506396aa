"""The file of approval-api's read model: damaged, on a full disk, or foreign; and the effect of one tenant's lists on others."""

import contextlib
import os
import sqlite3
import subprocess
import threading

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service, error_of, requested
from causeway_kit.read_model import PAGE, damage
from causeway_kit.services import is_built
from causeway_kit.sizes import size
from causeway_kit.waiting import eventually, pause

pytestmark = pytest.mark.skipif(not is_built("approval-api"), reason="approval-api is not built")


def incidents(first, last, tenant="acme", **payload):
    return [
        {"type": "incident.created", "tenant": tenant, "id": f"{tenant}-{n}"}
        | {"payload": {"incidentId": f"inc_{n}", "title": f"title-{n}-end"} | payload}
        for n in range(first, last)
    ]


def publish(stack, events):
    for first in range(0, len(events), 500):
        stack.intake.publish(*events[first : first + 500])


def readiness(service):
    answer = httpx.get(f"{service.admin_url}/readyz", timeout=5)
    return answer.status_code, {condition["name"]: condition.get("reason") for condition in answer.json()["conditions"]}


def lines(service, text):
    return [line for line in service.log_lines if text in line["message"]]


# Damage


@pytest.mark.parametrize("met_by", ["a list", "a decision", "readiness"])
def test_a_damaged_page_of_a_running_model_is_healed(stack, met_by):
    service = approval_service(stack, name="first").wait_ready()
    publish(stack, incidents(0, 1200) + [requested("apr_1")])
    admin = ApprovalClient(service)
    before = admin.pages("/v1/notifications", limit=200)
    assert len(before) == 1201
    # The content of the file itself, not of a cache.
    service.terminate()
    assert service.wait(30) == 0
    with contextlib.closing(sqlite3.connect(stack.directory / "first.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    service.start().wait_ready()
    damage(stack.directory / "first.sqlite", b"apr_1" if met_by == "a decision" else b"title-1199-end")

    def answered(answer):
        """The response is 503, or correct."""
        assert answer.status_code == 200 or error_of(answer) == (503, "service_unavailable"), f"{answer.status_code} {answer.text}"
        return answer.status_code == 200

    # Readers drop their page cache when something is written.
    publish(stack, incidents(5000, 5001))
    if met_by == "a list":
        eventually(lambda: answered(admin.notifications(limit=200)), "the list is answered")
    elif met_by == "a decision":
        eventually(lambda: answered(admin.decide("apr_1", key="k")), "the approval is decided")
    eventually(lambda: lines(service, "the read model is damaged"), "the damage is noticed")
    eventually(lambda: readiness(service)[0] == 200, "it is ready again")
    listed = admin.pages("/v1/notifications", limit=200)
    texts = {item["body"] for item in listed}
    assert {item["body"] for item in before} <= texts and len(listed) >= len(before) + 1
    assert service.metrics()["causeway_read_model_rebuilds_total"] == len(lines(service, "the read model is damaged")) == 1
    assert sqlite3.connect(stack.directory / "first.sqlite").execute("PRAGMA quick_check").fetchone() == ("ok",)


def test_a_file_that_is_removed_under_a_running_process_is_made_anew(stack):
    service = approval_service(stack, name="first").wait_ready()
    publish(stack, incidents(0, 10))
    admin = ApprovalClient(service)
    assert len(admin.pages("/v1/notifications")) == 10
    (stack.directory / "first.sqlite").unlink()
    eventually(lambda: (stack.directory / "first.sqlite").exists(), "there is a file again")
    eventually(lambda: readiness(service)[0] == 200, "it is ready again")
    assert len(admin.pages("/v1/notifications")) == 10


# A full disk


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 16 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder):
    """Fills the file system."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as output:
        for block in (1 << 20, PAGE):
            with contextlib.suppress(OSError):
                while output.write(b"x" * block) == block:
                    pass
    return filler


def test_a_full_disk_is_said_and_waited_for(stack, small_disk):
    file = small_disk / "model.sqlite"
    service = approval_service(stack, database_file=file).wait_ready()
    admin = ApprovalClient(service)
    publish(stack, incidents(0, 5))
    assert len(admin.pages("/v1/notifications")) == 5
    inode = file.stat().st_ino
    filler = fill(small_disk)
    publish(stack, incidents(5, 3000))
    eventually(lambda: lines(service, "its disk is full"), "it is said", timeout=30)
    status, reasons = readiness(service)
    assert status == 503 and "is full" in reasons["model"], reasons
    answer = admin.notifications()
    assert error_of(answer) == (503, "service_unavailable") and "disk" in answer.json()["message"] and answer.headers["retry-after"]
    # Time for several retries: the file is still the same, and there is still one log line.
    pause(3)
    assert admin.notifications().status_code == 503
    assert file.stat().st_ino == inode
    assert len(lines(service, "its disk is full")) == 1 and not lines(service, "damaged")
    assert httpx.get(f"{service.admin_url}/healthz").status_code == 200
    filler.unlink()
    eventually(lambda: readiness(service)[0] == 200, "it goes on when there is room", timeout=30)
    assert len(admin.pages("/v1/notifications", limit=200)) == 3000
    assert file.stat().st_ino == inode and service.metrics()["causeway_read_model_rebuilds_total"] == 0
    service.wait_for_log("can be used again")
    service.kill()


def test_a_process_that_starts_with_a_full_disk_waits_for_room(stack, small_disk):
    filler = fill(small_disk)
    service = approval_service(stack, database_file=small_disk / "model.sqlite")
    eventually(lambda: service.readiness() == 503 and lines(service, "its disk is full"), "it says so and lives")
    publish(stack, incidents(0, 3))
    answer = ApprovalClient(service).notifications()
    assert error_of(answer) == (503, "service_unavailable")
    filler.unlink()
    service.wait_ready()
    assert len(ApprovalClient(service).pages("/v1/notifications")) == 3
    service.kill()


# Foreign files


def foreign_database(file, number=False):
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE precious (x)")
        database.execute("INSERT INTO precious VALUES (zeroblob(20000))")
        if number:
            database.execute("PRAGMA application_id = 0x43574159")
    database.close()


FOREIGN = {
    "a letter": lambda file: file.write_text("Dear reader"),
    "a database": foreign_database,
    "a database with our number": lambda file: foreign_database(file, number=True),
    "a folder": lambda file: (file.mkdir(), (file / "letter").write_text("Dear reader")),
    "a file that SQLite would take for its write-ahead log": lambda file: file.with_name("model.sqlite-wal").write_text("Dear reader"),
    "a file that SQLite would take for its journal": lambda file: file.with_name("model.sqlite-journal").write_text("Dear reader"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_somebody_elses_is_refused_and_left_alone(shared, tmp_path, what):
    file = tmp_path / "model.sqlite"
    FOREIGN[what](file)

    def contents():
        return {path: path.read_bytes() if path.is_file() else None for path in tmp_path.rglob("*")}

    before = contents()
    refused = approval_service(shared, database_file=file)
    eventually(lambda: not refused.is_running, "it does not start")
    assert refused.exit_code == 1
    assert "is not a read model of approval-api" in refused.log and "name another file" in refused.log
    assert contents() == before
    refused.kill()


# Shares and bounds


@pytest.mark.timeout(300)
def test_no_answer_is_larger_than_its_bound(stack):
    """Titles of one character with a thousand accents, of quotes, and of control characters: a list's size is limited in bytes."""
    service = approval_service(stack).wait_ready()
    admin = ApprovalClient(service)
    accents = ("a" + "\u0301" * 500) * 70
    count = 150
    for first in range(0, count, 10):
        stack.intake.publish(
            *[
                incidents(n, n + 1, title=(accents, '"' * 100_000, "\u0001" * 30_000)[n % 3], severity='"' * 9999)[0]
                for n in range(first, first + 10)
            ],
            *[requested(f"apr_{n}", title='"' * 2048, requestedBy="u" * 256) for n in range(first, first + 10)],
        )
    lists = (("/v1/notifications", "notificationId", 2 * count), ("/v1/notifications/approvals", "approvalId", count))
    for path, name, expected in lists:
        eventually(lambda: admin.send("GET", path).status_code == 200, "all of it is read", timeout=120)
        first = admin.send("GET", path, params={"limit": 200})
        assert first.status_code == 200 and len(first.content) < 300_000, f"{path}: {len(first.content)} bytes"
        assert first.json()["nextCursor"], "it goes on"
        listed = [item[name] for item in admin.pages(path, limit=200)]
        assert len(listed) == len(set(listed)) == expected
        assert admin.approval("apr_1").status_code == 200 and len(admin.approval("apr_1").content) < 20_000


@pytest.mark.alone
@pytest.mark.long
@pytest.mark.timeout(size(300, 900))
def test_a_tenants_pollers_do_not_slow_the_decisions_of_others(stack, record_property):
    """Many notifications of one tenant and 32 pollers: another tenant's decisions succeed, and the pollers get responses."""
    service = approval_service(stack).wait_ready()
    publish(stack, incidents(0, size(20_000, 300_000), tenant="crowd"))
    admin, stop, answers = ApprovalClient(service), threading.Event(), []

    def poll(number):
        client = ApprovalClient(service, "crowd", user=f"usr_{number}")
        while not stop.is_set():
            answers.append(client.notifications(limit=200, **({"read": "false"} if number % 2 else {})).status_code)

    def decide(first, last):
        took = []
        stack.intake.publish(*[requested(f"apr_{n}") for n in range(first, last)])
        for n in range(first, last):
            answer = admin.decide(f"apr_{n}")
            assert answer.status_code == 200, answer.text
            took.append(answer.elapsed.total_seconds())
        return sorted(took)[len(took) // 2]

    alone = decide(0, 50)
    pollers = [threading.Thread(target=poll, args=(number,), daemon=True) for number in range(32)]
    for poller in pollers:
        poller.start()
    eventually(lambda: len(answers) > 100, "they poll")
    among = decide(100, 150)
    stop.set()
    for poller in pollers:
        poller.join(30)
    assert set(answers) <= {200, 429}, set(answers)
    print(f"median of a decision: {alone * 1000:.1f} ms alone, {among * 1000:.1f} ms among 32 pollers ({len(answers)} answers)")
    record_property("decision_ms_alone", alone * 1000)
    record_property("decision_ms_among_pollers", among * 1000)
