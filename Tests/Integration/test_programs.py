"""The table of programs, deploy/programs.json: generated files follow it, and hand-written ones match it."""

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import yaml

from causeway_kit.containers import Compose, Dockerfile, keys_of
from causeway_kit.local_stack import OFFSET, LocalStack
from causeway_kit.lone_proxies import KINDS, alone, ask, every_proxy, nobody, started
from causeway_kit.names import NameServer
from causeway_kit.programs import COMMANDS, OPERATING, PROGRAMS, ROOT
from causeway_kit.proxy import Nginx
from causeway_kit.raw_http import Echo
from causeway_kit.services import BINARIES, is_built
from causeway_kit.waiting import eventually

__all__ = ["alone", "nobody", "started"]

NAMES = set(COMMANDS)
EXECUTABLES = {command[0] for command in COMMANDS.values()} | {OPERATING}
ADMIN_PORTS = {program["name"]: program["admin_port"] for program in PROGRAMS}
PORTS = {program["name"]: (program["http_port"], program["admin_port"]) for program in PROGRAMS}
ROUTES = [(program["name"], route) for program in PROGRAMS for route in program["routes"]]
PATHS = {route["path"] for _, route in ROUTES}


def below(path):
    """Returns an example path of a route."""
    return f"{path}a/b" if path.endswith("/") else path


# MARK: The table itself, and the programs


def test_a_name_a_port_and_a_path_with_a_method_belong_to_one_program():
    ports = [port for both in PORTS.values() for port in both]
    paths = [(route.get("method"), route["path"]) for _, route in ROUTES]
    assert len(NAMES) == len(PROGRAMS) and len(set(ports)) == len(ports) and len(set(paths)) == len(paths)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_ports_are_the_defaults_of_the_program(name):
    keys = keys_of(COMMANDS[name])
    assert (int(keys["HTTP_PORT"]), int(keys["ADMIN_PORT"])) == PORTS[name]


def test_every_program_is_a_product_and_every_product_a_program():
    products = re.findall(r'\.executable\(name: "(.+?)"', (ROOT / "Package.swift").read_text())
    assert sorted(products) == sorted(EXECUTABLES)


def test_every_program_is_installed():
    [line] = re.findall(r"^for program in (.*); do$", (ROOT / "deploy/install-programs.sh").read_text(), re.MULTILINE)
    assert set(line.split()) == EXECUTABLES


# MARK: Containers


def test_each_program_is_an_image():
    images = Dockerfile(ROOT / "deploy/Dockerfile").targets
    steps = {"packages", "resolved", "build", "manual-pages", "manual", "service", "proxy-configuration"}
    assert images.keys() - steps - {"nats", "proxy"} == NAMES
    for name in NAMES:
        http, admin = map(str, PORTS[name])
        assert images[name].ports == {http, admin} and images[name].healthcheck == ["healthy", admin, "/readyz"]
        assert (*images[name].entrypoint, *images[name].command) == COMMANDS[name]


def test_each_program_is_a_service_behind_the_proxy():
    services = Compose(ROOT / "docker-compose.yml").services
    built = {name for name, service in services.items() if service.get("build", {}).get("target") == name} - {"nats", "proxy"}
    assert built == set(services["proxy"]["depends_on"]) == NAMES
    for name in NAMES:
        assert services[name]["healthcheck"]["test"] == ["CMD", "healthy", str(ADMIN_PORTS[name]), "/readyz"]


# MARK: Prometheus


def scrapes(file):
    return yaml.safe_load((ROOT / "deploy/prometheus" / file).read_text())["scrape_configs"]


def test_each_program_is_scraped_where_it_listens():
    local = {scrape["job_name"]: scrape["static_configs"] for scrape in scrapes("local.yml")}
    assert local == {name: [{"targets": [f"127.0.0.1:{port}"]}] for name, port in ADMIN_PORTS.items()}
    found = {scrape["job_name"]: [(one["names"], one["port"]) for one in scrape["dns_sd_configs"]] for scrape in scrapes("containers.yml")}
    assert found == {name: [([name], port)] for name, port in ADMIN_PORTS.items()}


def test_the_death_of_each_program_is_an_alert():
    [jobs] = re.findall(r'up\{job=~"(.*?)"\} == 0', (ROOT / "deploy/prometheus/alerts.yml").read_text())
    assert set(jobs.split("|")) == NAMES


def test_the_absence_of_each_program_is_an_alert():
    assert set(re.findall(r'absent\(up\{job="(.*?)"\}\)', (ROOT / "deploy/prometheus/alerts.yml").read_text())) == NAMES


# MARK: Proxies


@pytest.fixture(scope="module", params=[*KINDS, "nginx with names"])
def routing(request, tmp_path_factory):
    """A proxy in front of upstreams that report their program. With names, nginx resolves them, as in containers."""
    directory, names = tmp_path_factory.mktemp("routing"), NameServer()
    upstreams = {name: Echo(name) for name in COMMANDS}
    names.addresses = {name: ["127.0.0.1"] for name in upstreams}
    if request.param in KINDS:
        proxy = KINDS[request.param](directory, {name: [echo, echo] for name, echo in upstreams.items()})
    else:
        proxy = Nginx(directory, {name: [f"{name}:{echo.http_port}"] for name, echo in upstreams.items()}, resolver=names.address)
    yield proxy.start().wait_ready()
    proxy.terminate()
    proxy.wait(timeout=10)
    for echo in upstreams.values():
        echo.close()
    names.close()


def serving(method, path):
    """Returns the table's program for a request: by the longest matching path, and by the route's method if it has one."""
    matching = {}
    for name, route in ROUTES:
        if path == route["path"] or (route["path"].endswith("/") and path.startswith(route["path"])):
            matching.setdefault(route["path"], {})[route.get("method")] = name
    by_method = matching[max(matching, key=len)] if matching else {}
    return by_method.get(method, by_method.get(None))


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS"])
def test_a_path_leads_to_its_program_and_no_other_path_to_any(routing, method):
    for path in sorted(PATHS):
        for address in (below(path), f"{below(path)}s", f"/other{below(path)}"):
            answer = ask(routing, method, address, {"Content-Length": "0"})
            if name := serving(method, address):
                assert f'"name": "{name}", "method": "{method}"' in answer.body.decode(), f"{method} {address}: {answer.body!r}"
            else:
                assert answer.status == 404, f"{method} {address}: {answer.body!r}"


@every_proxy
def test_a_path_whose_program_is_away_is_answered_by_its_kind(alone):
    for name, route in ROUTES:
        answer = ask(alone, route.get("method", "GET"), below(route["path"]))
        expected = (200, "text/event-stream; charset=utf-8") if route["kind"] == "sse" else (503, "application/json")
        assert (answer.status, answer["content-type"]) == expected, f"{name} {route['path']}"


def test_nginx_waits_for_an_answer_as_long_as_its_kind_takes(tmp_path):
    """With a time limit of one second instead of 65, and services that need two."""
    upstream = Echo(delay=2)
    impatient = {"edit": lambda text: text.replace("proxy_read_timeout 65s;", "proxy_read_timeout 1s;")}
    proxy = Nginx(tmp_path, {name: [upstream] for name in COMMANDS}, **impatient).start().wait_ready()
    try:
        with ThreadPoolExecutor(len(ROUTES)) as together:
            answers = together.map(lambda one: ask(proxy, one[1].get("method", "POST"), below(one[1]["path"]), {"Content-Length": "0"}), ROUTES)
            for (_, route), answer in zip(ROUTES, answers, strict=True):
                assert answer.status == (503 if route["kind"] == "rest" else 200), route
    finally:
        proxy.kill()
        upstream.close()


@pytest.mark.parametrize("file", ["deploy/haproxy/haproxy.cfg", "deploy/caddy/Caddyfile"])
def test_no_other_path_is_named(file):
    named = set(re.findall(r"(?<= )(/(?:v1|api|openapi)\b[^\s*]*)", (ROOT / file).read_text()))
    assert named == PATHS


# MARK: Documentation


def row(page, *cells):
    """Returns the other cells of the row of a page's table that begins with these."""
    [line] = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("| " + " | ".join(cells) + " |")]
    return [cell.strip() for cell in line.strip("|").split("|")][len(cells) :]


def test_the_readme_has_the_ports():
    *_, defaults = row("README.md", "`HTTP_HOST`, `HTTP_PORT`")
    found = {name: int(port) for port, name in re.findall(r"(\d+) \(`(.*?)`\)", defaults)}
    assert found == {" ".join(program["command"]): program["http_port"] for program in PROGRAMS}
    *_, defaults = row("README.md", "`ADMIN_HOST`, `ADMIN_PORT`")
    assert defaults == f"`127.0.0.1`; {', '.join(map(str, ADMIN_PORTS.values()))}"


def test_the_page_about_operating_has_the_ports():
    rows = re.findall(r"^\| `(.*?)` \| (\d+) \| (\d+) \|", (ROOT / "docs/operating.md").read_text(), re.MULTILINE)
    found = {name: (int(http), int(admin)) for name, http, admin in rows if name != "nats-server"}
    assert found == {" ".join(COMMANDS[name]): ports for name, ports in PORTS.items()}


def test_the_page_about_proxies_has_the_paths():
    rows = re.findall(r"^\| (.*) \| `([a-z-]+)` \|$", (ROOT / "docs/proxies.md").read_text(), re.MULTILINE)
    found = [(name, *match) for paths, name in rows for match in re.findall(r"`(?:([A-Z]+) )?(/.*?)…?`", paths)]
    assert sorted(found) == sorted((name, route.get("method", ""), route["path"]) for name, route in ROUTES)


def test_the_doctors_advice_has_the_ports():
    advice = (ROOT / "Shared/OperatorCommands/Doctor/Advice/Directives.swift").read_text()
    assert {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", advice)} == {PORTS["sse-edge"][0]}
    assert {int(port) for port in re.findall(r"check port (\d+)", advice)} == {PORTS["sse-edge"][1]}


def test_the_addresses_of_make_run_are_aligned():
    width = int(re.search(r"^LABEL_WIDTH = (\d+)$", (ROOT / "deploy/local/run").read_text(), re.M)[1])
    assert [route["label"] for _, route in ROUTES if len(route.get("label", "")) > width] == []


# MARK: A new program is a row


INVENTED = {
    "name": "invented-edge",
    "command": ["invented-edge"],
    "http_port": 8087,
    "admin_port": 9087,
    "is_edge": True,
    "routes": [
        {"path": "/v1/invented", "kind": "rest", "label": "inventions"},
        {"path": "/v1/invented/", "kind": "sse", "label": "one invention", "example": "/v1/invented/wheel"},
        {"path": "/v1/executions/", "method": "PUT", "kind": "rest"},
    ],
}

#: It answers on both ports, with the path that it was asked for.
PROGRAM = f"""#!{sys.executable}
import os, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"invented: {{self.path}}".encode())
    do_PUT = do_GET

for name in ("HTTP_PORT", "ADMIN_PORT"):
    threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", int(os.environ[name])), Answer).serve_forever).start()
"""


@pytest.fixture
def invented(tmp_path):
    """A copy of the files of `make run`, with one more row in the table."""
    root = tmp_path / "copy"
    for folder in ("deploy", "Clients/Python/causeway/src"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Makefile", root)
    (root / "deploy/programs.json").write_text(json.dumps([*PROGRAMS, INVENTED]))
    return root


def test_a_new_row_is_in_the_containers_proxy(invented, tmp_path):
    file = tmp_path / "nginx.conf"
    command = [invented / "deploy/nginx/configure", "--directory", tmp_path, "--configuration", file, "--resolver", "127.0.0.11"]
    subprocess.run(list(map(str, command)), check=True)
    text = file.read_text()
    for program in (*PROGRAMS, INVENTED):
        variable = "$" + program["name"].replace("-", "_")
        assert f"        set {variable} http://{program['name']}:{program['http_port']};\n" in text
        for route in program["routes"]:
            modifier = f"@{route['method']}:" if "method" in route else "" if route["path"].endswith("/") else "= "
            [block] = re.findall(rf"^        location {modifier}{route['path']} \{{\n(.*?)^        \}}", text, re.MULTILINE | re.DOTALL)
            assert f"            proxy_pass {variable};\n" in block


@pytest.mark.timeout(240)
@pytest.mark.skipif(not all(map(is_built, EXECUTABLES)), reason="not all programs are built")
def test_a_new_row_is_started_proxied_and_listed_by_make_run(invented, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in EXECUTABLES:
        (programs / name).symlink_to(BINARIES / name)
    (programs / "invented-edge").write_text(PROGRAM)
    (programs / "invented-edge").chmod(0o755)
    stack = LocalStack(tmp_path, root=invented, BIN_DIR=str(programs), EDGES="2", SIMULATE_RATE="0")
    try:
        output = stack.wait_until_running().output
        for port in (8087 + OFFSET, 8187 + OFFSET):
            assert re.search(rf"^  inventions +http://127.0.0.1:{port}/v1/invented$", output, re.MULTILINE), output
            assert re.search(rf"^  one invention +http://127.0.0.1:{port}/v1/invented/wheel$", output, re.MULTILINE), output
        assert f"http://127.0.0.1:{9187 + OFFSET}/readyz" in output
        for path in ("/v1/invented", "/v1/invented/wheel"):
            assert httpx.get(f"http://127.0.0.1:{8080 + OFFSET}{path}").text == f"invented: {path}"
        # A method of another program's path.
        assert httpx.put(f"http://127.0.0.1:{8080 + OFFSET}/v1/executions/a%2Fb?c=d").text == "invented: /v1/executions/a%2Fb?c=d"
        assert httpx.post(f"http://127.0.0.1:{8080 + OFFSET}/v1/executions/agents/a/events").status_code == 401
        stack.interrupt()
        stack.make.wait(timeout=60)
        eventually(lambda: not stack.children(), "all that it started has ended")
    finally:
        stack.end()
