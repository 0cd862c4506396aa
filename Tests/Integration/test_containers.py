"""docker-compose.yml and deploy/Dockerfile match the project, and their parts work without a container engine."""

import os
import re
import shlex
import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from causeway_kit.containers import ROOT, Compose, Dockerfile, keys_of
from causeway_kit.kubernetes import Manifests
from causeway_kit.names import NameServer
from causeway_kit.nats_server import NATSServer
from causeway_kit.programs import COMMANDS, OPERATING, PROGRAMS
from causeway_kit.proxy import Nginx
from causeway_kit.services import BINARIES, Service, executable, is_built
from causeway_kit.surfaces import NotificationStream
from causeway_kit.tokens import mint
from causeway_kit.waiting import eventually

COMPOSE = Compose(ROOT / "docker-compose.yml")
IMAGES = Dockerfile(ROOT / "deploy/Dockerfile")
EDGES = {program["name"] for program in PROGRAMS if program["is_edge"]}
#: Settings that docker-compose.yml or the image decides: where a service listens, the bus, the secret, what belongs to one machine or one program.
DECIDED = {"HTTP_HOST", "HTTP_PORT", "ADMIN_HOST", "ADMIN_PORT", "NATS_URL", "NATS_USER", "NATS_PASSWORD", "AUTH_HS256_SECRET"} | {
    "DELIVERY_LOOPS",
    "DRAIN_WINDOW",
    "HEARTBEAT_INTERVAL",
    "OTEL_SERVICE_NAME",
}
#: What is passed on when nothing is set outside; the others are empty, which is unset.
DEFAULTS = {"LOG_LEVEL": "info"}
ours = pytest.mark.parametrize("name", COMMANDS)
every_service = pytest.mark.parametrize("name", COMPOSE.services)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    """The folder of secrets, from deploy/containers/make-secrets."""
    folder = tmp_path_factory.mktemp("secrets") / "made"
    subprocess.run([ROOT / "deploy/containers/make-secrets", folder], check=True)
    return folder


# MARK: The files themselves


@pytest.mark.parametrize("profiles", [[], ["demo"], ["demo", "observability"]], ids=lambda names: "+".join(names) or "none")
def test_compose_accepts_the_file(secrets, profiles):
    environment = {"PATH": os.environ["PATH"], "SECRETS": str(secrets)}
    options = [word for name in profiles for word in ("--profile", name)]
    command = ["docker-compose", "--project-directory", ROOT, "-f", ROOT / "docker-compose.yml", *options, "config"]
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "is not set" not in done.stderr, done.stderr
    expanded = yaml.safe_load(done.stdout)["services"]
    assert set(COMMANDS) <= set(expanded)


@pytest.mark.parametrize("names", [set(COMMANDS), EDGES], ids=["services", "edges"])
def test_what_services_share_is_set_from_outside(secrets, names):
    """Settings that all of them have are passed on, to all alike, unless the file or the image decides them."""
    shared = set.intersection(*(set(keys_of(COMMANDS[name])) for name in names))
    values = {key: f"of {key}" for key in shared - DECIDED if not key.endswith("_FILE")}
    assert {"LOG_FORMAT", "OTEL_EXPORTER_OTLP_HEADERS"} <= values.keys()
    environment = {"PATH": os.environ["PATH"], "SECRETS": str(secrets)}
    command = list(map(str, ["docker-compose", "--project-directory", ROOT, "-f", ROOT / "docker-compose.yml", "config"]))
    for given in ({}, values):
        done = subprocess.run(command, env=environment | given, capture_output=True, text=True, check=True)
        services = yaml.safe_load(done.stdout)["services"]
        for name in names:
            passed = {key: services[name]["environment"].get(key) for key in values}
            assert passed == {key: given.get(key, DEFAULTS.get(key, "")) for key in values}, name


@every_service
def test_every_container_is_confined(name):
    service = COMPOSE.services[name]
    user, group = service["user"].split(":")
    assert int(user) > 0 and int(group) > 0, "root"
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
    limits = service["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) > 0 and re.fullmatch(r"\d+[MG]", limits["memory"])
    assert "container_name" not in service, "a service with a name of its own cannot be scaled"
    assert ("ports" in service) == (name in ("proxy", "grafana")), "something else than the proxy is open to the outside"
    assert "healthcheck" in service
    for needed, condition in service.get("depends_on", {}).items():
        assert condition == {"condition": "service_healthy"} and "test" in COMPOSE.services[needed]["healthcheck"]


@every_service
def test_everything_that_a_service_names_exists(name):
    service = COMPOSE.services[name]
    if "build" in service:
        build = service["build"]
        assert (ROOT / build["context"] / build["dockerfile"]).is_file()
        image = IMAGES.targets[build["target"]]
        assert service["user"] == image.user
        if "disable" not in service["healthcheck"]:
            assert service["healthcheck"]["test"] == ["CMD", *image.healthcheck]
    else:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"]), "not pinned"
    for secret in service.get("secrets", []):
        assert secret in COMPOSE.secrets
    for volume in service.get("volumes", []):
        if ":" not in volume:
            assert f"\nVOLUME {volume}\n" in (ROOT / "deploy/Dockerfile").read_text(), f"the image does not own {volume}"
            continue
        source = volume.split(":")[0]
        assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE.volumes, f"{source} is missing"
    for network in service["networks"]:
        assert network in COMPOSE.networks


@ours
def test_environment_and_ports_are_those_of_the_program(name):
    keys, image = keys_of(COMMANDS[name]), IMAGES.targets[name]
    for variable in COMPOSE.services[name]["environment"] | image.environment:
        assert variable.removesuffix("_FILE") in keys or variable in keys, f"{name} knows no {variable}"
    assert {keys["HTTP_PORT"], keys["ADMIN_PORT"]} == image.ports
    assert image.healthcheck == ["healthy", keys["ADMIN_PORT"], "/readyz"]
    assert image.entrypoint + image.command == list(COMMANDS[name])
    # A container must outlive its own drain.
    environment = COMPOSE.services[name]["environment"]
    window = environment.get("DRAIN_WINDOW", keys.get("DRAIN_WINDOW", "0s"))
    assert int(COMPOSE.services[name]["stop_grace_period"].removesuffix("s")) > int(window.removesuffix("s")) + 5


def test_each_replica_keeps_its_read_model_on_a_volume_of_its_own():
    service = COMPOSE.services["approval-api"]
    folder = str(Path(service["environment"]["DATABASE_FILE"]).parent)
    assert folder in service["volumes"] and folder not in service["tmpfs"], "a named volume would be one for all replicas"
    assert IMAGES.targets["approval-api"].environment["DATABASE_FILE"] == service["environment"]["DATABASE_FILE"]


def test_the_simulator_and_the_bus_are_told_what_they_know():
    assert set(COMPOSE.services["simulator"]["environment"]) <= set(COMPOSE.services["event-producer"]["environment"])
    done = subprocess.run([executable("event-producer"), "simulate", "--help"], capture_output=True, text=True)
    assert all(word in done.stdout for word in COMPOSE.services["simulator"]["command"][1::2])
    assert "sync_interval: always" in (ROOT / "deploy/nats/container.conf").read_text()


def test_images_are_made_of_what_is_there():
    for source in IMAGES.copied:
        assert (ROOT / source).exists(), f"COPY {source}"
        first = Path(source).parts[0]
        assert f"!{first}" in (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines(), f"{source} is kept out of the context"
    for link in (path for source in IMAGES.copied for path in (ROOT / source).rglob("*") if path.is_symlink()):
        target = link.resolve().relative_to(ROOT)
        assert any(target.is_relative_to(source) for source in IMAGES.copied), f"{link} leads to {target}, which is not copied"
    for script in IMAGES.scripts:
        assert stat.S_IMODE((ROOT / script).stat().st_mode) & 0o111, f"{script} cannot be run"
    for image, pinned in IMAGES.bases.items():
        assert re.search(r":v?\d+\.\d+(\.\d+)?-", pinned), f"{image} is not pinned: {pinned}"
    # SwiftPM refuses a package in which the folder of a target is absent, though nothing that is built needs it.
    for path in re.findall(r'\bpath: "([^"\\]+)', (ROOT / "Package.swift").read_text()):
        assert any(Path(path).is_relative_to(source) for source in IMAGES.copied), f"{path} is not copied"
    assert IMAGES.optional == ["Package.resolve[d]"] and "!Package.resolved" in (ROOT / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    for service in COMPOSE.services.values():
        if "build" in service:
            target = IMAGES.targets[service["build"]["target"]]
            assert int(target.user.split(":")[0]) > 0
            labels = {name.rpartition(".")[2]: value for name, value in target.labels.items()}
            assert labels == {"title": "Causeway", "revision": "${REVISION}", "version": "${VERSION}", "source": "${SOURCE}"}
            assert set(service["build"]["args"]) == {"REVISION", "VERSION", "SOURCE", "LOCKED"}


def test_as_many_threads_and_workers_as_cpus():
    """A process would count the machine's cores, and not what its container is limited to."""
    for name, service in COMPOSE.services.items():
        if loops := service.get("environment", {}).get("DELIVERY_LOOPS"):
            assert loops == service["deploy"]["resources"]["limits"]["cpus"], name
    command = shlex.split(IMAGES.run_with("deploy/nginx/configure"))
    assert command[command.index("--workers") + 1] == COMPOSE.services["proxy"]["deploy"]["resources"]["limits"]["cpus"]


# MARK: What can be tried without an engine


@pytest.fixture
def copy(tmp_path):
    """Runs a script of a copy of the project whose `docker` and `swift` only note their arguments; `docker build` writes Package.resolved."""
    root, calls = tmp_path / "copy", tmp_path / "calls"
    for file in ("deploy/build-programs.sh", "deploy/containers/build", "Shared/ServiceKit/Running/Version.swift"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    programs = tmp_path / "programs"
    programs.mkdir()
    note = '#!/bin/sh\necho "$(basename "$0") $*${REVISION:+ of $REVISION, $VERSION}" >>"$CALLS"\n'
    for program in (programs / "swift", programs / "docker", root / "deploy/install-programs.sh"):
        program.write_text(note + ('[ "$1" = build ] && echo "{}" >Package.resolved\nexit 0\n' if program.name == "docker" else ""))
        program.chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "CALLS": str(calls), "GIT_CEILING_DIRECTORIES": str(tmp_path)}

    def run(*words, **variables):
        calls.write_text("")
        done = subprocess.run(list(map(str, [root / words[0], *words[1:]])), env=environment | variables, capture_output=True, text=True)
        return done.returncode, calls.read_text().splitlines(), done.stderr

    run.root = root
    return run


def test_the_programs_are_built_with_the_versions_of_the_file_if_there_is_one(copy):
    script = "deploy/build-programs.sh"
    assert copy(script, "--resolve")[:2] == (0, ["swift package resolve"])
    code, calls, complaint = copy(script, "--resolve", LOCKED="1")
    assert code == 1 and not calls and "Package.resolved is missing" in complaint
    (copy.root / "Package.resolved").write_text("{}")
    assert copy(script, "--resolve", LOCKED="1")[:2] == (0, ["swift package resolve --force-resolved-versions"])
    build = "swift build --configuration release --static-swift-stdlib --force-resolved-versions"
    assert copy(script, "/programs", LOCKED="1")[:2] == (0, [build, "install-programs.sh /programs"])
    assert copy(script)[0] == 64


def test_the_images_are_built_with_one_file_of_versions_and_say_what_is_in_them(copy):
    script, resolve = "deploy/containers/build", "docker build --file deploy/Dockerfile --no-cache-filter packages --target resolved"
    code, [first, second], _ = copy(script, "sse-edge")
    assert code == 0 and first.startswith(resolve) and re.fullmatch(r"docker compose build sse-edge of unknown, \d+\.\d+\.\d+", second), second
    git = ["git", "-C", copy.root, "-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *words], check=True)
    revision = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    code, [only], _ = copy(script)
    assert code == 0 and f"of {revision}, " in only, "the file is there"
    (copy.root / "a").touch()
    assert f"of {revision}-dirty, " in copy(script)[1][0]
    (copy.root / "Package.resolved").write_text("other")
    assert copy(script, "--resolve")[1][0].startswith(resolve) and (copy.root / "Package.resolved").read_text() == "{}\n"


@pytest.mark.parametrize("script", ["deploy/install-service.sh", "deploy/install-proxy.sh", "deploy/install-run.sh"])
def test_the_steps_that_install_are_quiet_when_nothing_is_missing(script):
    for _ in range(2):
        done = subprocess.run([ROOT / script], capture_output=True, text=True, timeout=170)
        assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""


@pytest.mark.skipif(not all(map(is_built, COMMANDS)), reason="not all programs are built")
def test_the_step_that_installs_the_programs_leaves_them_working(tmp_path):
    subprocess.run([ROOT / "deploy/install-programs.sh", tmp_path, BINARIES], check=True)
    for program, *arguments in COMMANDS.values():
        done = subprocess.run([tmp_path / program, *arguments, "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and "HTTP_PORT" in done.stdout, done.stderr
        assert (tmp_path / program).stat().st_size < executable(program).stat().st_size


@pytest.mark.skipif(not all(map(is_built, [*COMMANDS, OPERATING])), reason="not all programs are built")
def test_the_program_of_operators_is_installed_and_in_the_image_that_the_documentation_names(tmp_path):
    subprocess.run([ROOT / "deploy/install-programs.sh", tmp_path, BINARIES], check=True)
    done = subprocess.run([tmp_path / "causeway", "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "dead-letters" in done.stdout, done.stderr
    assert IMAGES.targets["event-producer"].programs == {"event-producer", "causeway"}


def test_secrets_are_made_once_and_kept_from_others(secrets):
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    files = {Path(secret["file"]).name for secret in COMPOSE.secrets.values()}
    assert files <= {file.name for file in secrets.iterdir()}
    before = {file: file.read_bytes() for file in secrets.iterdir()}
    subprocess.run([ROOT / "deploy/containers/make-secrets", secrets], check=True)
    assert before == {file: file.read_bytes() for file in secrets.iterdir()}


def test_the_health_check_tells_readiness(stack):
    edge = stack.edge()

    def healthy(path="/readyz"):
        command = [ROOT / "deploy/containers/healthy", edge.admin_port, path]
        return subprocess.run(list(map(str, command)), stderr=subprocess.DEVNULL, timeout=10).returncode == 0

    assert healthy() and not healthy("/nowhere")
    stack.nats.kill()
    eventually(lambda: not healthy(), "not healthy without the bus")
    assert healthy("/healthz")
    edge.kill()
    assert not healthy("/healthz")


@pytest.mark.skipif(not all(map(is_built, COMMANDS)), reason="not all programs are built")
def test_the_containers_commands_and_settings_make_a_stack(tmp_path, secrets):
    """Starts every process with the environment of its container; their host names resolve to loopback addresses."""
    started, names = [], NameServer()
    try:
        nats = _bus(tmp_path, secrets)
        started.append(nats)
        for number, (name, line) in enumerate(COMMANDS.items(), 2):
            address = f"127.0.7.{number}"
            names.addresses[name] = [address]
            started.append(_service(name, line, address, tmp_path, secrets, nats))
        for service in started[1:]:
            service.wait_ready()
        proxy = _Composed(tmp_path, names, secrets)
        started.append(proxy.start())
        proxy.wait_ready()
        token = mint(secret=(secrets / "auth-hs256-secret").read_text().strip())
        with NotificationStream().connect(proxy, token) as client:
            client.next()
        execution = "/v1/executions/agents/a/events"
        surfaces = ("/v1/notifications", "/v1/relay/status", "/v1/stream", "/v1/events", execution, "/v1/webhooks", "/openapi.json", "/console/")
        answer = httpx.get(f"{proxy.url}/nowhere", headers={"Origin": ORIGIN})
        assert answer.status_code == 404 and answer.headers["access-control-allow-origin"] == ORIGIN
        assert httpx.get(f"{proxy.url}/console/sign-in.json").json()["issuer"] == ISSUER
        statuses = {path: _status(proxy, path) for path in surfaces}
        assert set(statuses.values()) <= {200, 400, 401, 405, 426}, f"something is not reached: {statuses}"
        assert statuses["/console/"] == 200 and _status(proxy, "/console/demo.json") == 404
        assert _status(proxy, "/console/causeway/causeway.js") == 200
    finally:
        for process in reversed(started):
            process.kill()
        names.close()


def _status(proxy, path):
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", proxy.url + path], capture_output=True, text=True)
    return int(done.stdout)


def _bus(directory, secrets):
    """nats-server with the container's configuration, except for the paths and for settings that Debian's version does not support."""
    text = (ROOT / "deploy/nats/container.conf").read_text()
    text = re.sub(r"(?m)^ *sync_interval: always$", "", text).replace("store_dir: /data", f'store_dir: "{directory}/jetstream"')
    text = text.replace("port: 4222", "").replace("http_", "")
    secret = os.path.relpath(secrets, directory)
    nats = NATSServer(directory)
    (directory / "nats-server.conf").write_text(text.replace("../../run/secrets", secret))
    return nats.start()


def _service(name, line, address, directory, secrets, nats):
    keys = keys_of(line)
    service = Service(line[0], directory, nats_url=nats.url, arguments=line[1:], name=name)
    service.http_port = int(keys["HTTP_PORT"])
    settings = {key: str(value) for key, value in (IMAGES.targets[name].environment | COMPOSE.environment(name)).items()}
    places = {"/run/secrets/": f"{secrets}/", "/tmp/": f"{directory}/", "/data/": f"{directory}/"}
    settings = {key: re.sub(r"^/(run/secrets|tmp|data)/", lambda place: places[place[0]], value) for key, value in settings.items()}
    own = {"HTTP_HOST": address, "ADMIN_HOST": "127.0.0.1", "ADMIN_PORT": str(service.admin_port), "NATS_URL": nats.url}
    service.environment = settings | own
    return service.start()


#: The origin of pages that CORS_ORIGINS names.
ORIGIN = "https://console.example"
#: The identity provider of the console.
ISSUER = "https://id.example/realms/acme"


@pytest.mark.parametrize("wrong", ['https://a"; return 200; #', "https://a\tb", "https://a/$host"])
def test_the_proxy_does_not_start_with_origins_that_are_none(tmp_path, wrong):
    expect_refused(tmp_path, "CORS_ORIGINS", CORS_ORIGINS=wrong)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("HTTPS_PORT", "https"),
        ("HTTPS_PORT", "84430000"),
        ("HTTPS_PORT", "443;"),
        ("SERVE_HTTP", "yes"),
        ("RESOLVER", "10.96.0.10; return 200"),
        ("RESOLVER", "fe80::1%eth0"),
        ("SERVICE_PREFIX", "${a}"),
        ("SERVICE_SUFFIX", ".svc;"),
    ],
)
def test_the_proxy_does_not_start_with_settings_that_are_none(tmp_path, name, wrong):
    expect_refused(tmp_path, name, **{name: wrong})


@pytest.mark.parametrize("wrong", ['https://id"; return 200; #', "https://$host", "http://id.example", "id.example", "https://id.example;x"])
def test_the_proxy_does_not_start_with_an_identity_provider_that_is_none(tmp_path, wrong):
    expect_refused(tmp_path, "CONSOLE_OIDC_ISSUER", CONSOLE_OIDC_ISSUER=wrong, CONSOLE_OIDC_CLIENT_ID="console")
    expect_refused(tmp_path, "CONSOLE_OIDC_CLIENT_ID", CONSOLE_OIDC_ISSUER="https://id.example")


def expect_refused(directory, name, **environment):
    """Fails unless nginx does not start, and says which setting is wrong."""
    file = directory / "settings.conf"
    command = [ROOT / "deploy/nginx/start", file, "-t"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode != 0 and name in done.stderr and not file.exists()


@pytest.mark.parametrize(("port", "shown"), [("8443", ":8443"), ("127.0.0.1:9443", ":9443"), ("443", "")])
def test_the_containers_proxy_redirects_to_the_port_of_the_host(tmp_path, secrets, port, shown):
    names = NameServer()
    proxy = _Composed(tmp_path, names, secrets)
    proxy.environment = COMPOSE.environment("proxy") | {"HTTPS_PORT": port}
    try:
        proxy.start().wait_ready()
        answer = httpx.get(f"{proxy.url}/console/?a=b", timeout=15)
        assert (answer.status_code, answer.headers["location"]) == (308, f"https://127.0.0.1{shown}/console/?a=b")
        answer = httpx.get(f"{proxy.tls_url}/console/", verify=ssl.create_default_context(cafile=secrets / "certificate.pem"), timeout=15)
        assert answer.status_code == 200
    finally:
        proxy.kill()
        names.close()


def test_the_generator_takes_no_name_server_that_is_known_at_the_start(tmp_path):
    command = [ROOT / "deploy/nginx/configure", "--directory", tmp_path, "--settings-file", tmp_path / "settings.conf", "--resolver", "127.0.0.11"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode != 0 and "RESOLVER in the environment of deploy/nginx/start" in done.stderr and not (tmp_path / "nginx.conf").exists()


def test_the_containers_proxy_finds_the_services_of_a_cluster(tmp_path, secrets):
    """With the environment that the chart of deploy/kubernetes gives it. Nothing listens: the access log tells what it tried."""
    names = NameServer()
    proxy = _Composed(tmp_path, names, secrets)
    proxy.environment |= {"SERVE_HTTP": "1"} | Manifests("trial").environment("proxy")
    services, tried = Manifests("trial").of("Service"), {}
    for number, program in enumerate(PROGRAMS, 2):
        name = services[program["name"]]["metadata"]["name"]
        names.addresses[f"{name}.causeway.svc.cluster.local"] = [f"127.0.8.{number}"]
        tried[f"127.0.8.{number}:{program['http_port']}"] = program["routes"][-1]
    try:
        proxy.start().wait_ready()
        for address, route in tried.items():
            assert httpx.request(route.get("method", "GET"), proxy.url + route["path"], timeout=15).status_code == 503
            eventually(lambda address=address: f'"upstream":"{address}"' in proxy.log, f"it tried {address}")
    finally:
        proxy.kill()
        names.close()


class _Composed(Nginx):
    """nginx with the configuration from the Dockerfile, except for the paths, the ports and the name server."""

    def __init__(self, directory, names, secrets):
        self._command = shlex.split(IMAGES.run_with("deploy/nginx/configure").replace("/src/", f"{ROOT}/"))
        console = self._command[self._command.index("--console") + 1]
        client = os.path.normpath(Path(console, (ROOT / "deploy/console/causeway").readlink()))
        for source, place in {"deploy/console": console, "Clients/JavaScript/causeway/src": client}.items():
            assert f"COPY {source} {place}\n" in (ROOT / "deploy/Dockerfile").read_text(), "nginx looks where the files are not"
        self._places = {"--certificates": str(secrets), "--console": str(ROOT / "deploy/console")}
        super().__init__(directory, {}, name="nginx", cors_origins=ORIGIN)
        # The image's own program, with the variable that the container has.
        assert "COPY deploy/nginx/start /usr/local/bin/start-nginx\n" in (ROOT / "deploy/Dockerfile").read_text()
        assert IMAGES.targets["proxy"].entrypoint == ["start-nginx", self._command[self._command.index("--settings-file") + 1]]
        self.environment = COMPOSE.environment("proxy") | {
            "CORS_ORIGINS": ORIGIN, "CONSOLE_OIDC_ISSUER": ISSUER, "CONSOLE_OIDC_CLIENT_ID": "console", "SERVE_HTTP": "1",
        }
        assert self.environment.keys() <= COMPOSE.services["proxy"]["environment"].keys()
        # The container has it in /etc/resolv.conf.
        self.environment |= {"RESOLVER": names.address}
        self.arguments = [str(ROOT / "deploy/nginx/start"), str(self._settings_file), *self.arguments[1:]]

    def configure(self, _):
        places = self._places | {"--directory": str(self.directory), "--configuration": str(self.directory / "nginx.conf")}
        places["--settings-file"] = str(self._settings_file)
        command = [places.get(before, word) for before, word in zip(["", *self._command], self._command, strict=False)]
        subprocess.run([*command, "--port", str(self.http_port), "--tls-port", str(self.tls_port)], check=True)

    @property
    def _settings_file(self):
        return self.directory / "settings.conf"
