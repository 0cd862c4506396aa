"""`causeway doctor`, and ways to make its patients ill."""

import datetime
import json
import os
import subprocess
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .services import executable
from .tokens import expect_no_token


@dataclass(frozen=True)
class Report:
    """What the doctor said of an address."""

    exit_code: int
    healthy: bool
    findings: list[dict]

    def find(self, check):
        """The finding of that check; a failure if there is none."""
        [finding] = [finding for finding in self.findings if finding["check"] == check] or [None]
        assert finding, f"nothing was said of {check}, but: {self}"
        return finding

    @property
    def faults(self):
        return {finding["check"]: finding["sentence"] for finding in self.findings if finding["verdict"] == "fault"}

    @property
    def advice(self):
        return {finding["check"]: finding["sentence"] for finding in self.findings if finding["verdict"] == "advice"}

    @property
    def remedies(self):
        """The directives for each fault and piece of advice, by the remedy's name."""
        remedies = [finding["remedy"] for finding in self.findings if finding.get("remedy")]
        return {remedy["name"]: remedy["directives"] for remedy in remedies if remedy.get("directives")}

    def __str__(self):
        return "\n".join(f"{finding['verdict']:6} {finding['check']:14} {finding['sentence']}" for finding in self.findings)


@dataclass
class Visit:
    """The doctor at one address. Several at a time cost no more than the longest."""

    url: str
    token: str
    arguments: tuple = ("--idle-seconds", "3")
    environment: dict = field(default_factory=dict)
    _process: subprocess.Popen = None

    def start(self):
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._process = subprocess.Popen(
            [executable("causeway"), "doctor", self.url, "--json", *self.arguments],
            env=environment | {"TOKEN": self.token} | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self

    def report(self):
        """What it said, which never shows the token."""
        out, err = self._process.communicate(timeout=90)
        expect_no_token("the doctor's report", out + err)
        assert self._process.returncode in (0, 1), f"exit code {self._process.returncode}: {err}"
        document = json.loads(out)
        report = Report(self._process.returncode, document["healthy"], document["findings"])
        assert report.healthy == (not report.faults) == (report.exit_code == 0), f"exit code {report.exit_code}\n{report}"
        return report


def make_certificate(folder, names, *, ends_in_days):
    """Puts a certificate of that name and end in the place of the one that is in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Causeway's tests")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + datetime.timedelta(days=ends_in_days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted))
