"""Certificates for the webhooks' tests: an authority, what it issues, and folders as Kubernetes mounts Secrets."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_generations = itertools.count(1)
ADDRESSES = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))])
USES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes
    serial: int

    def files(self) -> dict[str, bytes]:
        """The data of a Secret of type kubernetes.io/tls."""
        return {"tls.crt": self.certificate, "tls.key": self.key}


class Authority:
    """A certificate authority."""

    def __init__(self, name: str = "webhooks") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} authority")])
        self._certificate = _built(
            self._name, self._name, self._key, signed_by=self._key, extension=x509.BasicConstraints(True, None)
        )
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, *, rsa_key: bool = False) -> Issued:
        """A certificate for localhost and 127.0.0.1, to serve with or to call with."""
        key: PrivateKey = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        made = _built(name, self._name, key, signed_by=self._key, extension=ADDRESSES)
        return Issued(
            made.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            made.serial_number,
        )


def _built(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    *,
    signed_by: ec.EllipticCurvePrivateKey,
    extension: x509.BasicConstraints | x509.SubjectAlternativeName,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    )
    if not isinstance(extension, x509.BasicConstraints):
        builder = builder.add_extension(USES, critical=False)
    return builder.sign(signed_by, hashes.SHA256())


def mount(folder: Path, files: dict[str, bytes]) -> None:
    """Puts files there as the kubelet mounts a Secret: symlinks by way of ``..data``, which is swapped at once."""
    generation = folder / f"..generation-{next(_generations)}"
    generation.mkdir(parents=True)
    for name, data in files.items():
        (generation / name).write_bytes(data)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    fresh = folder / "..data_tmp"
    fresh.symlink_to(generation.name)
    os.replace(fresh, folder / "..data")
