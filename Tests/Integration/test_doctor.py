"""`causeway doctor` names every fault that is made in a real proxy, and finds none in a healthy one."""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass

import httpx
import pytest

from causeway_kit.approvals import ApprovalClient, approval_service
from causeway_kit.doctor import Visit, make_certificate
from causeway_kit.ports import free_port
from causeway_kit.proxy import Caddy, HAProxy, Nginx
from causeway_kit.relay import Relay
from causeway_kit.services import ROOT, command, executable
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import expect_no_token, mint
from causeway_kit.waiting import eventually
from causeway_kit.workspace import WorkspaceStream

DOCUMENTATION = (ROOT / "docs/doctor.md").read_text()
EDGES = (NotificationStream.executable, WorkspaceStream.executable, Relay.executable)
ORIGIN = "https://app.example.com"
ANOTHER_SECRET = "another secret than that of the services, and as long as it has to be for HS256"
#: The origins with access to the lively edges; the proxies' own have access too.
CORS = "*"
#: In nginx's template: at the level of http, where what is set is inherited by all locations.
ID_LINE = "    proxy_set_header X-Request-Id $id;\n"
SSE_LINE = "            proxy_pass http://sse-edge;\n"
#: From the field that says which host a page is of to the one that repeats it.
HOST_LINES = re.search(
    r"    proxy_set_header Host \$http_host;\n(?:.*\n)*?    proxy_set_header X-Forwarded-Host .*\n",
    (ROOT / "deploy/nginx/nginx.conf.j2").read_text(),
)[0]
WEBSOCKET_LINE = "            proxy_pass http://websocket-edge;\n"


@pytest.fixture(scope="module")
def edges(shared):
    """The services behind the proxies: each edge twice, because HAProxy needs two, and placeholders for services that the doctor does not use.

    `lively`: quiet connections get a sign of life every second; `quiet`: every hour; `divided`: one knows the key of tokens, the other another key;
    `absent`: nobody is there.
    """
    lively = {program: [shared.start(program, heartbeat_interval="1s", cors_origins=CORS)] * 2 for program in EDGES}
    quiet = {program: [shared.shared_edge_of(program)] * 2 for program in EDGES}
    divided = {program: [edge, shared.start(program, auth_hs256_secret=ANOTHER_SECRET)] for program, (edge, _) in lively.items()}
    for edge in (edge for pair in divided.values() for edge in pair):
        edge.wait_ready()
    others = {program: quiet["sse-edge"] for program in ("event-producer", "approval-api", "webhook-dispatcher")}
    absent = {program: [f"127.0.0.1:{free_port()}"] for program in EDGES}
    return {"lively": lively | others, "quiet": quiet | others, "divided": divided | others, "absent": absent}


def replacing(old, new):
    """Returns an edit of a configuration that replaces a line, which must exist."""

    def edit(text):
        assert old in text, f"the configuration has no {old!r} any more"
        return text.replace(old, new)

    return edit


@dataclass(frozen=True)
class Fault:
    """A fault of a proxy, and the expected findings."""

    #: Check and a part of the sentence.
    expected: dict[str, str]
    #: What is put in the place of what, in the proxy's configuration.
    healthy: str
    broken: str
    proxy: type = Nginx
    #: The remedy whose lines for a location fix it when they replace `broken`.
    remedy: str | None = None
    arguments: tuple = ()
    edges: str = "lively"
    verdict: str = "fault"
    #: Whether the address with TLS is examined.
    is_tls: bool = False


def header(field):
    """Removes a header from forwarded requests."""
    return {"healthy": ID_LINE, "broken": f'{ID_LINE}    proxy_set_header {field} "";\n'}


FAULTS = {
    "buffering": Fault(
        {"buffering": "is held back on the way: no response head arrived"},
        "proxy_buffering off;",
        "proxy_ignore_headers X-Accel-Buffering;",
        remedy="buffering",
    ),
    "compression": Fault(
        {"compression": "Content-Encoding: gzip"},
        "    proxy_http_version 1.1;\n",
        "    proxy_http_version 1.1;\n    gzip on; gzip_types text/event-stream;\n",
    ),
    "idle-cuts-by-nginx": Fault(
        {
            "stream-idle": "nginx (by its own account) cut the stream silently after",
            "workspace-idle": "without a close frame",
            "relay-idle": "nginx (by its own account) cut it",
        },
        "proxy_read_timeout 5m;\n            proxy_send_timeout 5m;\n            send_timeout 10m;",
        "proxy_read_timeout 1s;",
        remedy="idle",
        edges="quiet",
    ),
    "authorization": Fault(
        {"authorization": "Authorization does not arrive", "relay": "Authorization does not arrive"},
        **header("Authorization"),
        remedy="authorization",
    ),
    "last-event-id": Fault({"last-event-id": "Last-Event-ID does not arrive"}, **header("Last-Event-ID"), remedy="last-event-id"),
    "subprotocol": Fault({"subprotocol": "lost on the way"}, **header("Sec-WebSocket-Protocol"), remedy="subprotocol"),
    "request-id": Fault({"request-id": "is replaced"}, ID_LINE, "    proxy_set_header X-Request-Id $request_id;\n", verdict="advice"),
    "host": Fault(
        {"pages": "Host is changed on the way"},
        HOST_LINES,
        HOST_LINES.replace("$http_host", "internal"),
        verdict="advice",
        remedy="host",
        edges="quiet",
    ),
    "query": Fault({"query": "the query does not arrive"}, SSE_LINE, f'{SSE_LINE}            set $args "";\n'),
    "workspace-query": Fault({"workspace": "the query does not arrive here"}, WEBSOCKET_LINE, f'{WEBSOCKET_LINE}            set $args "";\n'),
    "upgrade": Fault(
        {"workspace": "426, Causeway was asked without \"Upgrade: websocket\"", "relay": "426"},
        "    proxy_set_header Upgrade $upgrade;\n    proxy_set_header Connection $connection_header;\n",
        "    # Nothing of upgrading.\n",
        remedy="upgrade",
    ),
    "another-service-at-the-path": Fault(
        {"workspace": "answered with 200 and text/html"},
        WEBSOCKET_LINE,
        '            default_type text/html; return 200 "<html>";\n',
    ),
    "http1": Fault({"http2": "HTTP/2 is not offered by ALPN"}, " ssl http2 ", " ssl ", is_tls=True),
    "bad-gateway": Fault(
        {"stream": "502, the proxy reached no service", "workspace": "503, no instance", "relay": "503, no instance"},
        "            error_page 502 503 504 = @stream_unavailable;\n",
        "            error_page 599 = @stream_unavailable;\n",
        edges="absent",
    ),
    "edges-away": Fault({"stream": "\"unavailable\": no edge is behind", "workspace": "503", "relay": "503"}, "", "", edges="absent"),
    "redirection": Fault(
        {"stream": "302, a redirection to https://elsewhere.example/v1/notifications/stream;"},
        SSE_LINE,
        "            return 302 https://elsewhere.example$request_uri;\n",
    ),
    "cross-origin-doubled": Fault(
        {"cross-origin": "Access-Control-Allow-Origin comes 2 times"},
        SSE_LINE,
        f"{SSE_LINE}            add_header Access-Control-Allow-Origin $http_origin;\n",
        arguments=("--origin", ORIGIN),
    ),
    "idle-cuts-by-haproxy": Fault(
        {"stream-idle": "without stream.end", "workspace-idle": "without a close frame", "relay-idle": "without a close frame"},
        "timeout server 5m\n    timeout tunnel 5m",
        "timeout server 1s\n    timeout tunnel 1s",
        proxy=HAProxy,
        edges="quiet",
    ),
    "clock-by-haproxy": Fault(
        {"clock": "the proxy's clock (Date) is"},
        "frontend origin\n",
        'frontend origin\n    http-after-response set-header Date "Mon, 01 Jan 2024 00:00:00 GMT"\n',
        proxy=HAProxy,
    ),
    "idle-cuts-by-caddy": Fault(
        {"stream-idle": "without stream.end", "workspace-idle": "Caddy (by its own account) cut it", "relay-idle": "cut it"},
        "\t\tdial_timeout 1s\n",
        "\t\tdial_timeout 1s\n\t\tread_timeout 1s\n",
        proxy=Caddy,
        edges="quiet",
    ),
    "compression-by-caddy": Fault(
        {"compression": "Content-Encoding: gzip"},
        "\t@sse path",
        "\tencode {\n\t\tgzip\n\t\tminimum_length 1\n\t\tmatch header Content-Type text/event-stream*\n\t}\n\t@sse path",
        proxy=Caddy,
    ),
}


@pytest.fixture(scope="module")
def proxies(shared, edges):
    """Starts a proxy; all are stopped after the module's last test."""
    started = []

    def start(kind, name, behind="lively", edit=None):
        proxy = kind(shared.directory, edges[behind], name=name, edit=edit)
        started.append(shared.add(proxy))
        return proxy

    yield start
    for proxy in started:
        shared.remove(proxy)


def visits(cases):
    """Runs visits concurrently, because they mostly wait. `cases`: the visits by name."""
    started = {name: visit.start() for name, visit in cases.items()}
    return {name: visit.report() for name, visit in started.items()}


@pytest.fixture(scope="module")
def ill(proxies):
    """The doctor's reports on every fault."""
    patients = {
        name: proxies(fault.proxy, f"doctor-{name}", fault.edges, replacing(fault.healthy, fault.broken)) for name, fault in FAULTS.items()
    }
    return visits({name: visit(proxy.wait_ready(), FAULTS[name]) for name, proxy in patients.items()})


def visit(proxy, fault):
    tls = ("--ca-file", str(proxy.certificate)) if fault.is_tls else ()
    return Visit(proxy.tls_url if fault.is_tls else proxy.url, mint(), ("--idle-seconds", "3", *tls, *fault.arguments))


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_named(ill, name):
    report, fault = ill[name], FAULTS[name]
    for check, words in fault.expected.items():
        finding = report.find(check)
        assert finding["verdict"] == fault.verdict and words in finding["sentence"], f"{check}: {words}?\n{report}"
    if fault.verdict == "fault":
        assert set(report.faults) <= set(fault.expected), f"more faults than were made\n{report}"
    else:
        assert report.healthy, f"faults where none was made\n{report}"


def mending(fault, wrong, lines):
    """Returns an edit that breaks a configuration and replaces the wrong lines with those of the remedy, without those that exist already."""

    def edit(text):
        broken = replacing(fault.healthy, fault.broken)(text)
        return replacing(wrong, "".join(f"{line}\n" for line in lines if f"{line}\n" not in broken))(broken)

    return edit


def test_what_the_doctor_prescribes_mends_it(ill, proxies):
    """The doctor's directives for nginx fix the fault."""
    mended = {}
    for name, fault in FAULTS.items():
        if fault.remedy:
            lines = "\n".join(part["lines"] for part in ill[name].remedies[fault.remedy]["nginx"] if part["context"] == "location")
            # What was set to nothing stands behind a line that is right.
            wrong = fault.broken.removeprefix(fault.healthy)
            mended[name] = proxies(Nginx, f"mended-{name}", fault.edges, mending(fault, wrong, lines.split("\n")))
    assert len(mended) >= 7
    for name, report in visits({name: visit(proxy.wait_ready(), FAULTS[name]) for name, proxy in mended.items()}).items():
        assert report.healthy, f"{name} is still ill\n{report}"
        for check in FAULTS[name].expected:
            # Edges that are silent for an hour get the advice to watch for longer.
            finding = report.find(check)
            assert finding["verdict"] == "ok" or "but no" in finding["sentence"], f"{name} is still ill\n{report}"


# MARK: The catalogue


def lines_for(context, parts):
    return "\n".join(part["lines"] for part in parts if part["context"] == context).replace("443", str(free_port()))


def nginx_with(parts, folder):
    temporary = "".join(f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi"))
    return f"""
error_log stderr; pid {folder}/nginx.pid; events {{}}
http {{
    access_log off; {temporary}
    ssl_certificate {folder}/tls/certificate.pem; ssl_certificate_key {folder}/tls/key.pem;
    {lines_for("http", parts)}
    server {{
        listen 127.0.0.1:{free_port()};
        {lines_for("server", parts)}
        location / {{
            {lines_for("location", parts)}
        }}
    }}
}}
"""


def caddy_with(parts, folder):
    return f"""
{{
    admin off
    auto_https off
    {lines_for("global", parts)}
}}
http://127.0.0.1:{free_port()} {{
    {lines_for("site", parts)}
    reverse_proxy 127.0.0.1:1 {{
        {lines_for("reverse_proxy", parts)}
    }}
}}
"""


def haproxy_with(parts, folder):
    frontend = lines_for("frontend", parts).replace("/etc/haproxy/certificate.pem", f"{folder}/tls/both.pem")
    return f"""
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    {lines_for("defaults", parts)}
frontend origin
    bind 127.0.0.1:{free_port()}
    {frontend}
    default_backend sse-edges
backend sse-edges
    {lines_for("backend", parts)}
    server last 127.0.0.1:1
"""


CHECKS = {
    "nginx": (nginx_with, ["nginx", "-t", "-c"]),
    "caddy": (caddy_with, ["caddy", "validate", "--adapter", "caddyfile", "--config"]),
    "haproxy": (haproxy_with, ["haproxy", "-c", "-f"]),
}


def test_the_directives_are_ones_that_the_proxies_know(ill, tmp_path):
    tls = tmp_path / "tls"
    tls.mkdir()
    make_certificate(tls, ["localhost"], ends_in_days=1)
    (tls / "both.pem").write_bytes((tls / "certificate.pem").read_bytes() + (tls / "key.pem").read_bytes())
    catalogue = {name: directives for report in ill.values() for name, directives in report.remedies.items()}
    assert len(catalogue) == 12, f"the faults bring other remedies out: {sorted(catalogue)}"
    for name, directives in catalogue.items():
        for proxy, (write, check) in CHECKS.items():
            file = tmp_path / f"{name}.{proxy}"
            file.write_text(write(directives[proxy], tmp_path))
            environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin", "HOME": str(tmp_path)}
            done = subprocess.run([*check, file], capture_output=True, text=True, env=environment)
            assert done.returncode == 0, f"{proxy} on {name}: {done.stderr}\n{file.read_text()}"


# MARK: Health


def test_a_healthy_stack_gets_a_clean_bill(proxies):
    """The project's own configurations, unchanged."""
    healthy = [proxies(kind, f"healthy-{kind.__name__.lower()}") for kind in (Nginx, Caddy, HAProxy)]
    cases = {}
    for proxy in healthy:
        tls = ("--idle-seconds", "3", "--ca-file", str(proxy.certificate), "--origin", ORIGIN)
        cases |= {(proxy.name, "http"): Visit(proxy.wait_ready().url, mint()), (proxy.name, "https"): Visit(proxy.tls_url, mint(), tls)}
    for (_, scheme), report in visits(cases).items():
        assert report.healthy and report.advice.keys() == ({"http2"} if scheme == "http" else set()), str(report)
        checks = {finding["check"] for finding in report.findings}
        documented = set(re.findall(r"`([a-z0-9-]+)`", re.search(r"\| check \|.*?\n\n", DOCUMENTATION, re.DOTALL)[0]))
        assert checks <= documented and len(checks) == (18 if scheme == "http" else 19), f"not everything was looked at: {checks}"


# MARK: Tokens and clocks


def test_what_is_wrong_with_a_token_is_said(proxies, shared):
    proxy = proxies(Nginx, "doctor-tokens").wait_ready()
    issuer = ApprovalClient(approval_service(shared).wait_ready(), user="usr_admin")
    assert issuer.send("POST", "/v1/tokens/revocations", json={"jti": "doctor-revoked"}).status_code == 202
    revoked = {"Authorization": f"Bearer {mint(jti='doctor-revoked')}"}
    eventually(lambda: httpx.head(proxy.url + NotificationStream.path, headers=revoked).status_code == 401, "the edge knows the revocation")
    now = int(time.time())
    reports = visits(
        {
            "expired": Visit(proxy.url, mint(lifetime=-600)),
            "early": Visit(proxy.url, mint(iat=now + 300)),
            "forged": Visit(proxy.url, mint(secret=ANOTHER_SECRET)),
            "none": Visit(proxy.url, "not-a-token"),
            "revoked": Visit(proxy.url, mint(jti="doctor-revoked")),
            "role": Visit(proxy.url, mint(roles=[])),
            "workspace": Visit(proxy.url, mint(), ("--idle-seconds", "1", "--workspace", "another")),
            "short": Visit(proxy.url, mint(lifetime=4), ("--idle-seconds", "7")),
        }
    )
    assert "expired 10 min ago" in reports["expired"].faults["token"] and "401" in reports["expired"].faults["stream"]
    assert "it was revoked before its expiry" in reports["revoked"].faults["token"], str(reports["revoked"])
    assert "claim iat is 5 min in the future" in reports["early"].faults["token"]
    for name in ("forged", "none"):
        assert "401, the token is not accepted" in reports[name].faults["stream"], str(reports[name])
        assert "4401, the token is not accepted" in reports[name].faults["workspace"]
    assert "403, the token is valid but not allowed here" in reports["role"].faults["stream"]
    assert "role" in reports["role"].faults["relay"]
    assert reports["workspace"].faults.keys() == {"workspace"} and "--workspace" in reports["workspace"].faults["workspace"]
    # A stream that Causeway ends with a reason is not a fault.
    assert reports["short"].healthy and "because the token expired" in reports["short"].find("stream-idle")["sentence"], str(reports["short"])
    assert "4401" in reports["short"].find("workspace-idle")["sentence"], str(reports["short"])


def test_replicas_that_disagree_about_a_token_are_told_from_a_lost_header(proxies):
    proxy = proxies(Nginx, "doctor-replicas", "divided").wait_ready()
    report = Visit(proxy.url, mint()).start().report()
    # Those whose first request was accepted are not asked about.
    assert {"stream"} <= report.faults.keys() <= {"stream", "workspace", "relay"}, str(report)
    assert all("some replicas accept the token and others do not" in sentence for sentence in report.faults.values()), str(report)
    assert "SIGHUP" in report.find("stream")["remedy"]["explanation"]


# MARK: Getting there


def test_what_is_wrong_with_an_address_is_said(proxies, edges):
    proxy = proxies(Nginx, "doctor-addresses").wait_ready()
    others = {}
    for name, days, names in (("expired", -1, ["localhost"]), ("elsewhere", 10, ["elsewhere.example"])):
        others[name] = proxies(Nginx, f"doctor-{name}", edit=lambda text: text)
        # nginx reads it when it starts; this one has started already.
        make_certificate(others[name].wait_ready().certificates, names, ends_in_days=days)
        others[name].signal_reload()
    trusted = {name: ("--idle-seconds", "1", "--ca-file", str(other.certificate)) for name, other in others.items()}

    def said(of):
        return Visit(*of).start().report().faults.get("connection", "")

    for name, words in (("expired", "expired at"), ("elsewhere", "is for other names")):
        url = others[name].tls_url.replace("127.0.0.1", "localhost")
        eventually(lambda: words in said((url, mint(), trusted[name])), f"it says {words!r}")
    reports = visits(
        {
            "untrusted": Visit(proxy.tls_url, mint()),
            "insecure": Visit(proxy.tls_url, mint(), ("--idle-seconds", "3", "--insecure")),
            "plain to TLS": Visit(proxy.url.replace("http:", "https:"), mint()),
            "TLS to plain": Visit(proxy.tls_url.replace("https:", "http:"), mint()),
            "nobody": Visit(f"http://127.0.0.1:{free_port()}", mint()),
            "unknown": Visit("https://no-such-host.invalid", mint()),
            "prefix": Visit(f"{proxy.url}/elsewhere/", mint(), ("--idle-seconds", "1")),
            "no proxy": Visit(edges["lively"]["sse-edge"][0].url, mint()),
        }
    )
    assert "is not signed by an authority that this machine trusts" in reports["untrusted"].faults["connection"]
    assert reports["insecure"].healthy and "certificate was not checked" in reports["insecure"].advice["connection"]
    assert "does not speak TLS" in reports["plain to TLS"].faults["connection"]
    assert "this port speaks TLS: use https://" in reports["TLS to plain"].faults["stream"], str(reports["TLS to plain"])
    assert "nothing listens" in reports["nobody"].faults["connection"]
    assert "is not known" in reports["unknown"].faults["connection"], str(reports["unknown"])
    assert reports["prefix"].faults.keys() == {"stream", "workspace", "relay"} and "404" in reports["prefix"].faults["stream"]
    # The other surfaces have other ports.
    assert reports["no proxy"].faults.keys() == {"workspace", "relay"} and "404" in reports["no proxy"].faults["workspace"]
    assert "route them" in reports["no proxy"].find("workspace")["remedy"]["explanation"]


# MARK: The command


def doctor(*arguments, **settings):
    """The completed process, with what it printed."""
    done = command("causeway", "doctor", *arguments, **settings)
    expect_no_token("the doctor", (done.stdout + done.stderr).decode())
    return done


def test_every_option_is_documented():
    options = set(re.findall(r"--[a-z-]+", re.search(r"OPTIONS:.*", doctor("--help").stdout.decode(), re.DOTALL)[0]))
    assert {option for option in options - {"--help", "--version"} if f"| `{option}` |" not in DOCUMENTATION} == set() and len(options) > 5


def test_it_speaks_to_people(proxies, tmp_path):
    proxy = proxies(Nginx, "doctor-people", edit=replacing(ID_LINE, header("Last-Event-ID")["broken"])).wait_ready()
    file = tmp_path / "token"
    file.write_text(mint())
    done = doctor(proxy.url, "--idle-seconds", "1", "--token-file", file)
    text = done.stdout.decode()
    assert done.returncode == 1 and "watching" in done.stderr.decode()
    assert re.search(r"^fault +last-event-id +the header Last-Event-ID does not arrive", text, re.MULTILINE), text
    assert re.search(r"^ok +relay ", text, re.MULTILINE) and "1 fault and" in text
    for words in ("  nginx, location:", "proxy_set_header Last-Event-ID $http_last_event_id;", "  Caddy, ", "  HAProxy, "):
        assert words in text
    nobody = f"http://127.0.0.1:{free_port()}"
    assert doctor(nobody, token=mint()).returncode == doctor("--token", mint(), nobody).returncode == 1


@pytest.mark.parametrize(
    "arguments, code",
    [
        ((), 64),
        (("ftp://127.0.0.1",), 64),
        (("http://127.0.0.1?token=x",), 64),
        (("http://127.0.0.1", "--idle-seconds", "0"), 64),
        (("http://127.0.0.1", "--nonsense"), 64),
        (("http://127.0.0.1",), 78),
        (("https://127.0.0.1", "--token", "x", "--ca-file", "/nowhere"), 78),
    ],
)
def test_mistakes_are_told_from_faults(arguments, code):
    done = doctor(*arguments)
    assert done.returncode == code and done.stderr and not done.stdout, done.stderr


def test_it_can_be_interrupted(edges):
    line = [executable("causeway"), "doctor", edges["lively"]["sse-edge"][0].url, "--idle-seconds", "600"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, env={"TOKEN": mint()}, **pipes) as process:
        try:
            assert b"watching" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) in (-signal.SIGINT, 130)
        finally:
            process.kill()
