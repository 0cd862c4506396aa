"""The chart of deploy/kubernetes is valid, and matches the programs, docker-compose.yml, the images and the settings. No cluster is needed."""

import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from causeway_kit.containers import ROOT, Compose, Dockerfile, keys_of
from causeway_kit.kubernetes import CHART, DEPLOYMENTS, Manifests, helm, rendered
from causeway_kit.programs import COMMANDS, PROGRAMS

COMPOSE = Compose(ROOT / "docker-compose.yml")
IMAGES = Dockerfile(ROOT / "deploy/Dockerfile")
EDGES = {program["name"] for program in PROGRAMS if program["is_edge"]}
#: The oldest version that knows every field (`preStop.sleep`; docs/kubernetes.md names it), and the newest with a schema here.
VERSIONS = ("1.30", "1.37")
#: Settings that differ from those of docker-compose.yml: names of the cluster, paths of its secrets.
OWN = {"NATS_URL", "NATS_PASSWORD_FILE", "AUTH_HS256_SECRET_FILE", "EVENT_LOG_REPLICAS"}
UNITS = {"M": "Mi", "G": "Gi"}
PART = {"app.kubernetes.io/part-of": "causeway", "app.kubernetes.io/instance": "causeway"}
PAGE = (ROOT / "docs/kubernetes.md").read_text()

ours = pytest.mark.parametrize("name", COMMANDS)
every = pytest.mark.parametrize("deployment", DEPLOYMENTS)
confined = pytest.mark.parametrize("deployment", [name for name in DEPLOYMENTS if name != "bare"])


@pytest.fixture
def manifests(deployment):
    return Manifests(deployment)


def selects(selector, labels):
    return selector.items() <= labels.items()


# MARK: The chart


def test_the_chart_has_the_projects_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    [version] = re.findall(r'causewayVersion = "(.*)"', (ROOT / "Shared/ServiceKit/Running/Version.swift").read_text())
    assert chart["version"] == chart["appVersion"] == version and chart["kubeVersion"] == f">={VERSIONS[0]}.0-0"
    assert f"Kubernetes {VERSIONS[0]}" in PAGE
    assert "incompatible with Kubernetes v1.29" in refused({}, "--kube-version", "1.29")


@every
def test_helm_finds_no_fault(deployment):
    status, output, _ = helm("lint", CHART, "--strict", values=DEPLOYMENTS[deployment])
    findings = {line for line in output.splitlines() if line.startswith("[")}
    assert status == 0 and findings <= {"[INFO] Chart.yaml: icon is recommended"}, output


def test_every_option_is_on_and_off():
    """In the deployments `everything` and `bare`."""
    options = {path for path, value in leaves(yaml.safe_load((CHART / "values.yaml").read_text())) if isinstance(value, bool)}
    for deployment, chosen in {"everything": True, "bare": False}.items():
        values = dict(leaves(DEPLOYMENTS[deployment]))
        assert {path for path in options if values.get(path, False) != chosen} == set(), deployment


def leaves(values, path=()):
    """The values that are no mappings, with their paths."""
    for name, value in values.items():
        yield from leaves(value, (*path, name)) if isinstance(value, dict) and value else [((*path, name), value)]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"settings": {"LOG_LEVEL": 1}}, "at '/settings/LOG_LEVEL': got number, want null or string"),
        ({"settings": {"log.level": "info"}}, "invalid propertyName 'log.level'"),
        ({"setting": {}}, "additional properties 'setting' not allowed"),
        ({"services": {"sse-edge": {"replica": 3}}}, "additional properties 'replica' not allowed"),
        ({"services": {"sse-edges": {"replicas": 3, "resources": {}}}}, "services.sse-edges is no program: remove it, or write one of sse-edge, "),
        ({"settings": {"NATS_URL": "nats://a:4222"}}, "settings.NATS_URL is set by the chart: set nats.url."),
        ({"services": {"sse-edge": {"settings": {"DRAIN_WINDOW": "9s"}}}}, "settings.DRAIN_WINDOW is set by the chart: set drainSeconds."),
        ({"nats": {"bundled": False}}, "nats.url is missing: without the bundled nats-server, write the address of yours."),
        ({"nats": {"url": "nats://user:password@bus:4222"}}, "at '/nats/url'"),
        ({"secrets": {"create": True}}, "secrets.authHS256Secret is missing: secrets.create makes a secret of it."),
        ({"secrets": {"natsPassword": '"'}}, "at '/secrets/natsPassword'"),
        ({"proxy": {"certificate": {"create": True}}}, "proxy.certificate.certificate is missing"),
        ({"proxy": {"settings": {"SERVE_HTTP": "1"}}}, "invalid propertyName 'SERVE_HTTP'"),
        ({"proxy": {"service": {"port": 65536}}}, "at '/proxy/service/port': maximum: got 65,536, want 65,535"),
        ({"autoscaling": {"connections": "20000"}}, "at '/autoscaling/connections': got string, want integer"),
        ({"networkPolicy": {"dnsNamespace": ""}}, "at '/networkPolicy/dnsNamespace'"),
    ],
    ids=lambda value: None if isinstance(value, dict) else re.sub(r"\W+", " ", value)[:40],
)
def test_a_value_that_is_wrong_is_refused(values, complaint):
    assert complaint in refused(values)


def test_a_release_whose_name_is_too_long_is_refused():
    name = "a" * 39
    assert all(len(one["metadata"]["name"]) <= 63 for one in yaml.safe_load_all(rendered({}, release=name)))
    assert "use 39 characters at most" in refused({}, release=f"{name}a")


def refused(values, *options, release="causeway"):
    """What helm says of values with which it renders nothing."""
    status, output, errors = helm("template", release, CHART, *options, values=values)
    assert status != 0 and not output
    return errors


def test_a_package_is_rendered_as_the_folder_is(tmp_path):
    """It has the table of programs itself, and not a link to it."""
    status, _, errors = helm("package", CHART, "--destination", tmp_path)
    assert status == 0, errors
    [package] = tmp_path.iterdir()
    values = DEPLOYMENTS["everything"]
    assert rendered(values, chart=package) == rendered(values)


def test_every_object_has_the_release_and_the_namespace_in_its_name():
    """Two releases share a namespace; names that are numbers stay text."""
    objects = list(yaml.safe_load_all(rendered(DEPLOYMENTS["everything"], release="7", namespace="8")))
    for one in objects:
        metadata = one["metadata"]
        assert re.fullmatch("7(-[a-z0-9-]+)?", metadata["name"]) and metadata["namespace"] == "8"
        if one["apiVersion"] != "monitoring.coreos.com/v1":
            kubernetes_validate.validate(one, VERSIONS[-1], strict=True)
        for selector in selectors(one):
            assert selector["app.kubernetes.io/instance"] == "7", f"{metadata['name']} selects pods of other releases"


def selectors(value):
    """The labels by which an object selects pods."""
    if isinstance(value, list):
        for one in value:
            yield from selectors(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in ("matchLabels", "selector") and any("app.kubernetes.io/" in label for label in one):
                yield one
            else:
                yield from selectors(one)


@every
def test_the_notes_say_how_to_reach_it_and_no_secret(manifests, deployment):
    status, output, errors = helm("install", "causeway", CHART, "--namespace", "causeway", "--dry-run=client", values=DEPLOYMENTS[deployment])
    assert status == 0 and not errors, errors
    notes = output.partition("\nNOTES:\n")[2]
    names = {f"causeway-{name}" for name in manifests.of("Service", "Deployment")}
    assert set(re.findall(r"(?:service/|service |deployment/)([a-z-]+)", notes)) <= names
    assert ("https://" in notes) == ("proxy" in manifests.of("Service")) and "causeway token" in notes
    for name, pod in manifests.pods.items():
        for volume in pod["spec"]["volumes"]:
            if "secret" in volume:
                assert f"\n  {volume['secret']['secretName']} (" in notes, f"the notes do not name the secret of {name}"
    assert not any(text.strip() in notes for secret in manifests.of("Secret").values() for text in secret["stringData"].values())


# MARK: The objects


@every
def test_every_object_is_valid(manifests):
    for one in manifests.all:
        if one["apiVersion"] == "monitoring.coreos.com/v1":
            # The operator's own type, which has no schema here.
            assert one.keys() == {"apiVersion", "kind", "metadata", "spec"} and one["spec"].keys() == {"jobLabel", "selector", "endpoints"}
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(one, version, strict=True)


@every
def test_each_program_is_a_workload_with_a_name_and_a_budget(manifests, deployment):
    budgets = manifests.of("PodDisruptionBudget")
    assert deployment == "bare" or budgets.keys() == COMMANDS.keys() | {"proxy"}
    for program in PROGRAMS:
        name, ports = program["name"], {"http": program["http_port"], "admin": program["admin_port"]}
        container, labels = manifests.container(name), manifests.pods[name]["metadata"]["labels"]
        assert {port["name"]: port["containerPort"] for port in container["ports"]} == ports
        # The image's entry point is the command.
        assert container["image"].rpartition(":")[0].endswith(f"causeway/{name}") and not {"command", "args"} & container.keys()
        for probe, path in {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}.items():
            assert container[probe]["httpGet"] == {"path": path, "port": "admin"}
        service = manifests.of("Service")[name]["spec"]
        assert {port["name"]: port["port"] for port in service["ports"]} == ports and service["clusterIP"] == "None"
        assert all(port["targetPort"] == port["name"] for port in service["ports"])
        assert selects(service["selector"], labels)
        if deployment != "bare":
            assert selects(budgets[name]["spec"]["selector"]["matchLabels"], labels)
        assert sum(selects(service["selector"], pod["metadata"]["labels"]) for pod in manifests.pods.values()) == 1


@every
def test_every_pod_is_confined(manifests):
    """As the pod security standard "restricted" wants it, with limits and a read-only root."""
    for name, pod in manifests.pods.items():
        spec, container = pod["spec"], manifests.container(name)
        user, group = map(int, IMAGES.targets[name].user.split(":"))
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "fsGroup": group,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["securityContext"] == confined and spec["automountServiceAccountToken"] is False
        limits = COMPOSE.services[name]["deploy"]["resources"]["limits"]
        memory = re.sub("[MG]$", lambda unit: UNITS[unit[0]], limits["memory"])
        assert container["resources"]["limits"] == {"cpu": limits["cpus"], "memory": memory}
        assert container["resources"]["requests"]["memory"] == memory
        assert selects(PART, pod["metadata"]["labels"]), "no network policy confines it"


@ours
def test_settings_are_those_of_the_program_and_of_compose(name):
    keys = keys_of(COMMANDS[name])
    for deployment in DEPLOYMENTS:
        manifests = Manifests(deployment)
        environment, composed = manifests.environment(name), COMPOSE.environment(name)
        for variable in environment:
            assert variable in keys or variable.removesuffix("_FILE") in keys, f"{name} knows no {variable}"
        # An empty one is unset.
        assert {key: environment.get(key, "") for key in composed.keys() - OWN} == {key: composed[key] for key in composed.keys() - OWN}
        assert environment.keys() - OWN <= composed.keys() | IMAGES.targets[name].environment.keys()
        assert stops_in_time(manifests, name, keys)
    window = Manifests({"drainSeconds": 300})
    assert (name in EDGES) == (window.environment(name).get("DRAIN_WINDOW") == "300s") and stops_in_time(window, name, keys)


def stops_in_time(manifests, name, keys):
    """A pod is killed after its drain."""
    spec, container = manifests.pods[name]["spec"], manifests.container(name)
    window = manifests.environment(name).get("DRAIN_WINDOW", keys.get("DRAIN_WINDOW", "0s"))
    wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    return spec["terminationGracePeriodSeconds"] > wait + int(window.removesuffix("s")) + 5


def test_a_setting_is_removed_by_null():
    values = {
        "settings": {"AUTH_HS256_SECRET_FILE": None, "AUTH_JWKS_URL": "https://id.example/keys"},
        "services": {"sse-edge": {"settings": {"A": None}}},
    }
    environment = Manifests(values).environment("sse-edge")
    assert "AUTH_HS256_SECRET_FILE" not in environment and "A" not in environment and environment["AUTH_JWKS_URL"] == "https://id.example/keys"


@every
def test_everything_that_a_pod_names_exists(manifests, deployment):
    """Secrets that the chart does not create are created by commands of docs/kubernetes.md, or named by the values."""
    created = {one["metadata"]["name"]: one["stringData"] for one in manifests.of("Secret").values()}
    others = {*re.findall(r"create secret (?:generic|tls) ([a-z-]+)", PAGE), DEPLOYMENTS[deployment].get("secrets", {}).get("name")}
    for name, pod in manifests.pods.items():
        claims = manifests.of("StatefulSet").get(name, {"spec": {}})["spec"].get("volumeClaimTemplates", [])
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])} | {one["metadata"]["name"]: one for one in claims}
        mounts = {mount["name"]: mount["mountPath"] for mount in manifests.container(name)["volumeMounts"]}
        assert mounts.keys() == volumes.keys()
        secrets = [volume["secret"] for volume in volumes.values() if "secret" in volume]
        assert {secret["secretName"] for secret in secrets} <= (created.keys() if deployment == "everything" else others)
        files = {key for secret in secrets for key in created.get(secret["secretName"], {})}
        for variable, value in manifests.environment(name).items():
            if variable.endswith("_FILE"):
                assert str(Path(value).parent) in mounts.values(), f"{variable} of {name} is on no volume"
                assert variable == "DATABASE_FILE" or f"/{Path(value).name}" in PAGE, f"docs/kubernetes.md puts no {Path(value).name} into a secret"
                assert variable == "DATABASE_FILE" or not created or Path(value).name in files, f"the chart puts no {Path(value).name} into a secret"
        assert not created or all(item["key"] in files for secret in secrets for item in secret.get("items", []))
    assert {claim["metadata"]["name"] for claim in manifests.of("StatefulSet")["approval-api"]["spec"]["volumeClaimTemplates"]} == {"read-model"}


def test_the_bundled_bus_knows_the_user():
    created = Manifests("everything").of("Secret")
    [(file, text)] = created["nats"]["stringData"].items()
    assert f'/{file}"' in (ROOT / "deploy/nats/container.conf").read_text()
    password = created["causeway"]["stringData"]["nats-password"]
    assert text == f'authorization {{ user: "{Manifests("everything").environment("sse-edge")["NATS_USER"]}", password: "{password}" }}\n'
    ports = {port["port"] for port in Manifests("trial").of("Service")["nats"]["spec"]["ports"]}
    assert Manifests("trial").environment("sse-edge")["NATS_URL"] == "nats://causeway-nats:4222" and ports == {4222}


@confined
def test_the_proxy_finds_its_certificate_and_knows_its_settings(manifests):
    """test_containers.py reaches the services with them. The configuration is in the image."""
    mounts = {mount["name"]: mount["mountPath"] for mount in manifests.container("proxy")["volumeMounts"]}
    assert mounts.keys() == {"certificate", "tmp"}
    words = IMAGES.run_with("deploy/nginx/configure").split()
    assert words[words.index("--certificates") + 1] == mounts["certificate"] and words[words.index("--directory") + 1] == mounts["tmp"] == "/tmp"
    [volume] = [volume for volume in manifests.pods["proxy"]["spec"]["volumes"] if volume["name"] == "certificate"]
    assert {item["path"] for item in volume["secret"]["items"]} == {"certificate.pem", "key.pem"}
    environment, start = manifests.environment("proxy"), (ROOT / "deploy/nginx/start").read_text()
    assert all(f"${{{variable}:-" in start for variable in environment)
    assert environment.keys() - COMPOSE.environment("proxy").keys() == {"SERVICE_PREFIX", "SERVICE_SUFFIX"}
    [port] = manifests.of("Service")["proxy"]["spec"]["ports"]
    assert environment["HTTPS_PORT"] == str(port["port"]) and environment["CORS_ORIGINS"] == ""


@pytest.mark.parametrize("deployment", ["production", "everything"])
def test_production_is_scraped_and_scaled(manifests, deployment):
    monitors, scaled = manifests.of("ServiceMonitor"), manifests.of("HorizontalPodAutoscaler")
    assert monitors.keys() == COMMANDS.keys() and scaled.keys() == EDGES
    for name, monitor in monitors.items():
        service = manifests.of("Service")[name]
        assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == name, "the alerts know the job by the service's name"
        assert selects(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
        assert selects(DEPLOYMENTS[deployment]["monitoring"].get("labels", {}), monitor["metadata"]["labels"])
        assert [(one["port"], one["path"]) for one in monitor["spec"]["endpoints"]] == [("admin", "/metrics")]
    for name, scaler in scaled.items():
        target = scaler["spec"]["scaleTargetRef"]
        workload = manifests.of("Deployment")[name]
        assert target == {"apiVersion": "apps/v1", "kind": "Deployment", "name": workload["metadata"]["name"]} and "replicas" not in workload["spec"]
        [metric] = scaler["spec"]["metrics"]
        assert f"| `{metric['pods']['metric']['name']}` |" in (ROOT / "docs/operating.md").read_text()


def test_what_is_off_is_absent():
    manifests = Manifests("bare")
    assert {one["kind"] for one in manifests.all} == {"Deployment", "StatefulSet", "Service"}
    assert manifests.pods.keys() == manifests.of("Service").keys() == COMMANDS.keys()


@confined
def test_only_what_is_named_passes(manifests, deployment):
    policies = {name: one["spec"] for name, one in manifests.of("NetworkPolicy").items()}
    assert policies["deny"] == {"podSelector": {"matchLabels": PART}, "policyTypes": ["Ingress", "Egress"]}
    assert policies["inside"]["ingress"] == [{"from": [{"podSelector": {"matchLabels": PART}}]}]
    extra = DEPLOYMENTS[deployment].get("networkPolicy", {}).get("egress", [])
    assert [rule for rule in policies["inside"]["egress"] if "to" not in rule] == extra
    outside = {
        one["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for one in policies.values()
        for rule in one.get("egress", [])
        if any("ipBlock" in peer for peer in rule.get("to", []))
    }
    assert outside == {"webhook-dispatcher"}
    opened = [name for name, one in policies.items() if any("from" not in rule for rule in one.get("ingress", []))]
    assert opened == ["proxy"] and policies["proxy"]["ingress"] == [{"ports": [{"protocol": "TCP", "port": "https"}]}]
    assert [name for name, one in manifests.of("Service").items() if one["spec"].get("type", "ClusterIP") != "ClusterIP"] == ["proxy"]
    namespaces = {
        name: [(peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"]) for port in rule["ports"]]
        for name, one in policies.items()
        for rule in [*one.get("ingress", []), *one.get("egress", [])]
        for peer in [*rule.get("from", []), *rule.get("to", [])]
        if "namespaceSelector" in peer
    }
    expected = {"trial": {}, "production": {"bus": [("nats", 4222)], "monitoring": [("monitoring", "admin")]}}
    expected["everything"] = {"monitoring": [("monitoring", "admin")]}
    assert namespaces == expected[deployment] | {"inside": [("kube-system", 53), ("kube-system", 53)]}


def test_webhooks_pass_to_the_networks_that_the_dispatcher_allows():
    networks = {"services": {"webhook-dispatcher": {"settings": {"WEBHOOK_ALLOWED_NETWORKS": "10.1.0.0/16, fd00:1::/32,10.2.3.4,fd00::1"}}}}
    [rule] = Manifests(networks).of("NetworkPolicy")["webhooks"]["spec"]["egress"]
    added = [peer["ipBlock"] for peer in rule["to"] if "except" not in peer["ipBlock"]]
    assert added == [{"cidr": network} for network in ("10.1.0.0/16", "fd00:1::/32", "10.2.3.4/32", "fd00::1/128")]


def test_the_adapters_rule_is_about_the_metric_of_the_autoscalers():
    [text] = re.findall(r"```yaml\n(rules:\n.*?)```", PAGE, re.DOTALL)
    [rule] = yaml.safe_load(text)["rules"]
    [name] = {one["spec"]["metrics"][0]["pods"]["metric"]["name"] for one in Manifests("production").of("HorizontalPodAutoscaler").values()}
    assert rule["seriesQuery"].startswith(name + "{")
