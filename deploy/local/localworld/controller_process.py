"""The controller as a process between the local control plane and moto's AWS.

Started as users start it, `python -m aws_lb_controller FLAGS`, with the flags every environment needs and ports that
are free; nothing of this repository's wiring is used, so what runs here is what an image would run.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from localworld.aws_world import AwsWorld
from localworld.processes import Process, WorldError, answers, clean_environment, free_port, start, tail, wait_for

READY_SECONDS = 60
STOP_SECONDS = 30
LEASE_NAMESPACE = "kube-system"  # where deploy/base/rbac.yaml lets it be
SOURCES = Path(__file__).resolve().parents[3] / "operator"


@dataclass
class ControllerProcess:
    """One controller. `root` holds its log; `extra_flags` come last and so win; `environment` is laid over ours."""

    root: Path
    kubeconfig: Path
    aws_url: str
    aws: AwsWorld
    leader_election: bool = True
    extra_flags: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    log_name: str = "controller.log"
    health_port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    webhook_port: int = field(default_factory=free_port)
    process: Process | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """What it writes to standard output and standard error."""
        return self.root / self.log_name

    def flags(self) -> list[str]:
        """The peer's flags, as every environment gives them."""
        return [
            f"--cluster-name={self.aws.cluster}",
            f"--aws-region={self.aws.region}",
            f"--aws-vpc-id={self.aws.vpc_id}",
            f"--enable-leader-election={str(self.leader_election).lower()}",
            f"--leader-election-namespace={LEASE_NAMESPACE}",
            f"--kubeconfig={self.kubeconfig}",
            f"--health-probe-bind-addr=127.0.0.1:{self.health_port}",
            f"--metrics-bind-addr=127.0.0.1:{self.metrics_port}",
            f"--webhook-bind-port={self.webhook_port}",
            f"--webhook-cert-dir={self.root / 'certs'}",
            "--enable-shield=false",
            "--enable-waf=false",
            *self.extra_flags,
        ]

    def start(self, *, wait: bool = True) -> None:
        """Start it and, unless told otherwise, wait until /readyz answers; WorldError with the log's end if not."""
        self.root.mkdir(parents=True, exist_ok=True)
        write_certificate(self.root / "certs")
        more = {"AWS_ENDPOINT_URL": self.aws_url, "PYTHONPATH": str(SOURCES), "PYTHONUNBUFFERED": "1"}
        environment = clean_environment(self.root, **{**more, **self.environment})
        command = [sys.executable, "-m", "aws_lb_controller", *self.flags()]
        self.process = start(command, log=self.log, environment=environment, folder=self.root)
        if wait:
            self.wait_ready()

    def wait_ready(self, *, seconds: float = READY_SECONDS) -> None:
        """Wait for /readyz; WorldError with the log's end if it does not come, or the process ends first."""
        try:
            wait_for("the controller's /readyz", self._ready, seconds=seconds)
        except WorldError as error:
            raise WorldError(f"{error}\n--- {self.log}\n{tail(self.log)}") from None

    def _ready(self) -> bool:
        if not self.alive():
            raise WorldError("the controller ended before it was ready")
        return answers(f"http://127.0.0.1:{self.health_port}/readyz")

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.alive()

    def stop(self) -> None:
        """SIGTERM, and time to release the Lease."""
        if self.process is not None:
            self.process.stop(seconds=STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self.process is not None:
            self.process.kill()


def write_certificate(folder: Path) -> None:
    """A self-signed serving certificate for the webhook server, made once: tls.crt, tls.key, ca.crt."""
    if (folder / "ca.crt").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "tls.key").write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    (folder / "tls.key").chmod(0o600)
    for file in ("tls.crt", "ca.crt"):
        (folder / file).write_bytes(pem)
