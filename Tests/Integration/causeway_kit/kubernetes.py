"""deploy/kubernetes as data, rendered by kubectl without a cluster."""

import functools
import subprocess
import sys
from pathlib import Path

import yaml

from .services import ROOT

__all__ = ["KUBECTL", "OVERLAYS", "Manifests"]

#: From Tests/Integration/requirements.txt.
KUBECTL = Path(sys.executable).with_name("kubectl")
OVERLAYS = sorted(folder.name for folder in (ROOT / "deploy/kubernetes/overlays").iterdir())


@functools.cache
def _rendered(overlay):
    command = [KUBECTL, "kustomize", ROOT / "deploy/kubernetes/overlays" / overlay]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


class Manifests:
    """The objects of an overlay."""

    def __init__(self, overlay):
        self.all = list(yaml.safe_load_all(_rendered(overlay)))

    def of(self, *kinds):
        """Objects of these kinds, by name."""
        return {one["metadata"]["name"]: one for one in self.all if one["kind"] in kinds}

    @property
    def pods(self):
        """The template of each workload's pods, by the workload's name."""
        return {name: one["spec"]["template"] for name, one in self.of("Deployment", "StatefulSet").items()}

    def container(self, name):
        [container] = self.pods[name]["spec"]["containers"]
        return container

    def environment(self, name):
        """The variables of a workload's container, those of its config maps included."""
        container, found = self.container(name), {}
        for source in container.get("envFrom", []):
            found |= self.of("ConfigMap")[source["configMapRef"]["name"]]["data"]
        return found | {one["name"]: one["value"] for one in container.get("env", []) if "value" in one}
