"""deploy/kubernetes is valid, and matches the table of programs, docker-compose.yml, the images and the services' settings. No cluster is needed."""

import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from causeway_kit.containers import ROOT, Compose, Dockerfile, keys_of
from causeway_kit.kubernetes import OVERLAYS, Manifests
from causeway_kit.programs import COMMANDS, PROGRAMS

COMPOSE = Compose(ROOT / "docker-compose.yml")
IMAGES = Dockerfile(ROOT / "deploy/Dockerfile")
EDGES = {program["name"] for program in PROGRAMS if program["is_edge"]}
#: The oldest version that knows every field (`preStop.sleep`; docs/kubernetes.md names it), and the newest with a schema here.
VERSIONS = ("1.30", "1.37")
#: Settings that differ from those of docker-compose.yml: names of the cluster, paths of its secrets.
OWN = {"NATS_URL", "NATS_PASSWORD_FILE", "AUTH_HS256_SECRET_FILE", "EVENT_LOG_REPLICAS", "WEBHOOK_ALLOWED_NETWORKS"}
UNITS = {"M": "Mi", "G": "Gi"}
PART = {"app.kubernetes.io/part-of": "causeway"}

ours = pytest.mark.parametrize("name", COMMANDS)


@pytest.fixture(params=OVERLAYS)
def manifests(request):
    return Manifests(request.param)


def selects(selector, labels):
    return selector.items() <= labels.items()


def test_every_object_is_valid(manifests):
    for one in manifests.all:
        if one["apiVersion"] == "monitoring.coreos.com/v1":
            # The operator's own type, which has no schema here.
            assert one.keys() == {"apiVersion", "kind", "metadata", "spec"} and one["spec"].keys() == {"jobLabel", "selector", "endpoints"}
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(one, version, strict=True)
    assert f"Kubernetes {VERSIONS[0]}" in (ROOT / "docs/kubernetes.md").read_text()


def test_each_program_is_a_workload_with_a_name_and_a_budget(manifests):
    for program in PROGRAMS:
        name, ports = program["name"], {"http": program["http_port"], "admin": program["admin_port"]}
        container, labels = manifests.container(name), manifests.pods[name]["metadata"]["labels"]
        assert {port["name"]: port["containerPort"] for port in container["ports"]} == ports
        # The image's entry point is the command.
        assert container["image"].split(":")[0].endswith(f"causeway/{name}") and not {"command", "args"} & container.keys()
        for probe, path in {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}.items():
            assert container[probe]["httpGet"] == {"path": path, "port": "admin"}
        service = manifests.of("Service")[name]["spec"]
        assert {port["name"]: port["port"] for port in service["ports"]} == ports and service["clusterIP"] == "None"
        assert all(port["targetPort"] == port["name"] for port in service["ports"])
        budget = manifests.of("PodDisruptionBudget")[name]["spec"]
        assert selects(service["selector"], labels) and selects(budget["selector"]["matchLabels"], labels)
        assert sum(selects(service["selector"], pod["metadata"]["labels"]) for pod in manifests.pods.values()) == 1


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
    for overlay in OVERLAYS:
        manifests = Manifests(overlay)
        environment, composed = manifests.environment(name), COMPOSE.environment(name)
        for variable in environment:
            assert variable in keys or variable.removesuffix("_FILE") in keys, f"{name} knows no {variable}"
        assert {key: environment.get(key) for key in composed.keys() - OWN} == {key: composed[key] for key in composed.keys() - OWN}
        assert environment.keys() - OWN <= composed.keys() | IMAGES.targets[name].environment.keys()
        spec, container = manifests.pods[name]["spec"], manifests.container(name)
        window = environment.get("DRAIN_WINDOW", keys.get("DRAIN_WINDOW", "0s"))
        wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert spec["terminationGracePeriodSeconds"] > wait + int(window.removesuffix("s")) + 5


def test_everything_that_a_pod_names_exists(manifests):
    """Config maps and secrets that are not in the manifests are created by commands of docs/kubernetes.md."""
    page = (ROOT / "docs/kubernetes.md").read_text()
    created = set(re.findall(r"create (?:secret (?:generic|tls)|configmap) ([a-z-]+)", page))
    for name, pod in manifests.pods.items():
        claims = manifests.of("StatefulSet").get(name, {"spec": {}})["spec"].get("volumeClaimTemplates", [])
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])} | {one["metadata"]["name"]: one for one in claims}
        mounts = {mount["name"]: mount["mountPath"] for mount in manifests.container(name)["volumeMounts"]}
        assert mounts.keys() == volumes.keys()
        for volume in volumes.values():
            named = volume.get("secret", {}).get("secretName") or volume.get("configMap", {}).get("name")
            assert named is None or named in created, f"docs/kubernetes.md does not create {named}"
        for variable, value in manifests.environment(name).items():
            if variable.endswith("_FILE"):
                assert str(Path(value).parent) in mounts.values(), f"{variable} of {name} is on no volume"
                assert variable == "DATABASE_FILE" or f"/{Path(value).name}" in page, f"docs/kubernetes.md puts no {Path(value).name} into a secret"
    assert {claim["metadata"]["name"] for claim in manifests.of("StatefulSet")["approval-api"]["spec"]["volumeClaimTemplates"]} == {"read-model"}


def test_the_proxy_finds_its_configuration_and_certificate():
    mounts = {mount["name"]: mount["mountPath"] for mount in Manifests("trial").container("proxy")["volumeMounts"]}
    assert f"COPY --from=proxy-configuration /nginx.conf {mounts['configuration']}\n" in (ROOT / "deploy/Dockerfile").read_text()
    words = IMAGES.run_with("deploy/nginx/configure").split()
    page = (ROOT / "docs/kubernetes.md").read_text()
    for option in ("--certificates", "--console", "--settings-file", "--directory"):
        assert f"{option} {words[words.index(option) + 1]}" in page, f"docs/kubernetes.md generates nginx.conf with another {option} than the image"
    assert words[words.index("--certificates") + 1] == mounts["certificate"] and mounts["tmp"] == "/tmp"


def test_production_is_scraped_and_scaled():
    production = Manifests("production")
    monitors, scaled = production.of("ServiceMonitor"), production.of("HorizontalPodAutoscaler")
    assert monitors.keys() == COMMANDS.keys() and scaled.keys() == EDGES
    for name, monitor in monitors.items():
        service = production.of("Service")[name]
        assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == name, "the alerts know the job by the service's name"
        assert selects(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
        assert [(one["port"], one["path"]) for one in monitor["spec"]["endpoints"]] == [("admin", "/metrics")]
    for name, scaler in scaled.items():
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["kind"], target["name"]) == ("Deployment", name) and "replicas" not in production.of("Deployment")[name]["spec"]
        [metric] = scaler["spec"]["metrics"]
        assert f"| `{metric['pods']['metric']['name']}` |" in (ROOT / "docs/operating.md").read_text()


def test_only_what_is_named_passes(manifests):
    policies = {name: one["spec"] for name, one in manifests.of("NetworkPolicy").items()}
    assert policies["deny"] == {"podSelector": {"matchLabels": PART}, "policyTypes": ["Ingress", "Egress"]}
    outside = {
        one["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
        for one in policies.values()
        for rule in one.get("egress", [])
        if any("ipBlock" in peer for peer in rule.get("to", []))
    }
    assert outside == {"webhook-dispatcher"}
    opened = [name for name, one in policies.items() if any("from" not in rule for rule in one.get("ingress", []))]
    assert opened == ["proxy"]
    assert [name for name, one in manifests.of("Service").items() if one["spec"].get("type", "ClusterIP") != "ClusterIP"] == ["proxy"]


def test_the_adapters_rule_is_about_the_metric_of_the_autoscalers():
    [text] = re.findall(r"```yaml\n(rules:\n.*?)```", (ROOT / "docs/kubernetes.md").read_text(), re.DOTALL)
    [rule] = yaml.safe_load(text)["rules"]
    [name] = {one["spec"]["metrics"][0]["pods"]["metric"]["name"] for one in Manifests("production").of("HorizontalPodAutoscaler").values()}
    assert rule["seriesQuery"].startswith(name + "{")
