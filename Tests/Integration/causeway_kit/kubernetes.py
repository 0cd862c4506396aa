"""deploy/kubernetes as data: the chart, rendered by helm without a cluster."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import yaml

from .services import ROOT

__all__ = ["CHART", "DEPLOYMENTS", "HELM", "KUBECTL", "Manifests", "helm", "rendered"]

#: From Tests/Integration/kubernetes-tools.txt.
HELM, KUBECTL = (Path(sys.executable).with_name(name) for name in ("helm", "kubectl"))
CHART = ROOT / "deploy/kubernetes"
#: The release and the namespace of docs/kubernetes.md.
RELEASE = NAMESPACE = "causeway"

_ALL = ("nats.bundled", "proxy.enabled", "podDisruptionBudget.enabled", "networkPolicy.enabled", "monitoring.enabled", "autoscaling.enabled")
_CREATED = {
    "secrets": {"create": True, "authHS256Secret": "signing-secret-of-the-chart", "natsPassword": "password-of-the-chart"},
    "proxy": {"certificate": {"create": True, "certificate": "certificate of the chart\n", "key": "key of the chart\n"}},
}


def _switched(on):
    """The values with every option on or off."""
    values = {}
    for path in _ALL:
        part, name = path.split(".")
        values.setdefault(part, {})[name] = on
    return values


#: Values by the name of a deployment: those of the chart, the starting point for production, and every option on and off. `everything` creates its
#: secrets, `bare` names secrets that exist.
DEPLOYMENTS = {
    "trial": {},
    "production": yaml.safe_load((CHART / "production.yaml").read_text()),
    "everything": {
        **_switched(True),
        "secrets": _CREATED["secrets"],
        "proxy": {
            "enabled": True,
            "settings": {"CONSOLE_OIDC_ISSUER": "https://id.example", "CONSOLE_OIDC_CLIENT_ID": "console"},
            "service": {"type": "NodePort", "port": 8443, "annotations": {"example.com/address": "internal"}},
            **_CREATED["proxy"],
        },
        "image": {"repository": "registry.example:5000/causeway", "tag": "1.2.3", "pullPolicy": "Always", "pullSecrets": [{"name": "registry"}]},
        "networkPolicy": {"enabled": True, "egress": [{"ports": [{"protocol": "TCP", "port": 443}]}]},
        "monitoring": {"enabled": True, "labels": {"release": "prometheus"}},
        "nodeSelector": {"example.com/pool": "events"},
        "tolerations": [{"key": "events", "operator": "Exists", "effect": "NoSchedule"}],
    },
    "bare": {
        **_switched(False),
        "secrets": {"name": "my-secrets"},
        "nats": {"bundled": False, "url": "tls://bus.example:4222", "namespace": ""},
    },
}


def helm(*words, values=None):
    """Runs helm in the project's folder, with values on its standard input; returns the status, the output and the errors."""
    command = [HELM, *words, *([] if values is None else ["--values", "-"])]
    done = subprocess.run(list(map(str, command)), input=json.dumps(values), cwd=ROOT, capture_output=True, text=True)
    # The chart has the table of programs by a link, and helm says so.
    errors = [line for line in done.stderr.splitlines() if "found symbolic link in path" not in line]
    return done.returncode, done.stdout, "\n".join(errors)


def rendered(values, *options, chart=CHART, release=RELEASE, namespace=NAMESPACE):
    """The chart's objects as text."""
    status, output, errors = helm("template", release, chart, "--namespace", namespace, *options, values=values)
    assert status == 0 and not errors, errors
    return output


class Manifests:
    """The objects of a deployment, or of other values."""

    def __init__(self, values):
        self.all = _objects(values if isinstance(values, str) else json.dumps(values))

    def of(self, *kinds):
        """Objects of these kinds, by name without the release's."""
        return {one["metadata"]["name"].removeprefix(f"{RELEASE}-"): one for one in self.all if one["kind"] in kinds}

    @property
    def pods(self):
        """The template of each workload's pods, by the workload's name."""
        return {name: one["spec"]["template"] for name, one in self.of("Deployment", "StatefulSet").items()}

    def container(self, name):
        [container] = self.pods[name]["spec"]["containers"]
        return container

    def environment(self, name):
        """The variables of a workload's container."""
        return {one["name"]: one["value"] for one in self.container(name).get("env", [])}


@functools.cache
def _objects(values):
    return list(filter(None, yaml.safe_load_all(rendered(DEPLOYMENTS[values] if values in DEPLOYMENTS else json.loads(values)))))
