"""Debian's Prometheus, scraping what a test runs."""

import json
import re

import httpx
import yaml

from .ports import free_port
from .processes import Process
from .services import ROOT

RULES = ROOT / "deploy/prometheus/alerts.yml"
DASHBOARDS = ROOT / "deploy/grafana/dashboards"
#: Metrics that are not of Causeway's programs: of Prometheus itself, and of prometheus-blackbox-exporter.
OTHERS = {"up", "probe_ssl_earliest_cert_expiry"}
#: The external label of Prometheus with which the links to runbooks begin.
RUNBOOKS = "https://docs.example.com/runbooks.html"


def alerts():
    """The rules by name."""
    return {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}


def dashboard_queries(interval):
    """(dashboard and panel, query) of all dashboards, as Grafana sends them for such a rate interval."""
    dashboards = [json.loads(file.read_text()) for file in sorted(DASHBOARDS.glob("*.json"))]
    return [
        (f"{dashboard['title']}: {panel['title']}", target["expr"].replace("$__rate_interval", interval))
        for dashboard in dashboards
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    ]


def metrics_in(query):
    """The names of the metrics of a query: what is neither a function, nor a label, nor a text, nor a word of PromQL."""
    bare = re.sub(r"\{[^}]*\}|\"[^\"]*\"|\[[^\]]*\]|\b(by|on|without|ignoring) *\([^)]*\)", "", query)
    return {name for name in re.findall(r"\b[a-zA-Z_:][\w:]*\b(?! *\()", bare) if name not in ("and", "or", "unless", "bool")}


class Prometheus(Process):
    """Scrapes the services every second and evaluates the alert rules, which fire without waiting."""

    def __init__(self, directory, services, *, window=None):
        """`services`: the instances by job. `window`: the time over which the rules look at counters, in place of minutes."""
        self.port = free_port()
        home = directory / "prometheus"
        home.mkdir()
        rules = yaml.safe_load(RULES.read_text())
        for group in rules["groups"]:
            for rule in group["rules"]:
                rule.pop("for", None)
                rule["expr"] = re.sub(r"\[\d+m\]", f"[{window}]", rule["expr"]) if window else rule["expr"]
        (home / "alerts.yml").write_text(yaml.safe_dump(rules))
        self._targets = home / "targets"
        self._targets.mkdir()
        for job, instances in services.items():
            self.discover(job, instances)
        scrapes = [{"job_name": job, "file_sd_configs": [{"files": [f"{self._targets}/{job}.json"]}]} for job in services]
        configuration = {
            "global": {
                "scrape_interval": "1s",
                "scrape_timeout": "1s",
                "evaluation_interval": "1s",
                "external_labels": {"runbooks": RUNBOOKS},
            },
            "rule_files": ["alerts.yml"],
            "scrape_configs": scrapes,
        }
        (home / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        arguments = ["prometheus", f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data"]
        super().__init__("prometheus", [*arguments, f"--web.listen-address=127.0.0.1:{self.port}"], directory)

    def wait_ready(self, timeout=30):
        self.wait_until(self._is_ready, "is ready", timeout)
        return self

    def discover(self, job, instances):
        """Replaces the instances of a job that the service discovery finds. Prometheus watches the files."""
        targets = [{"targets": [f"127.0.0.1:{instance.admin_port}"]} for instance in instances]
        written = self._targets / f"{job}.new"
        written.write_text(json.dumps(targets))
        written.replace(self._targets / f"{job}.json")

    def _is_ready(self):
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/-/ready", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def query(self, expression):
        """The samples that it answers with."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/api/v1/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        result = answer["data"]["result"]
        return result if answer["data"]["resultType"] == "vector" else [result]

    def runbooks(self):
        """The links to the runbooks of the alerts that fire, by name."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/api/v1/alerts", timeout=10).json()
        return {alert["labels"]["alertname"]: alert["annotations"]["runbook_url"] for alert in answer["data"]["alerts"]}

    def firing(self):
        """The names of the alerts that fire."""
        return {sample["metric"]["alertname"] for sample in self.query('ALERTS{alertstate="firing"}')}
