"""The certificate that the webhooks are served with, as its files have it now.

Kubernetes mounts a Secret behind a symlink that it swaps, and cert-manager renews certificates while we run. A
listening socket keeps the TLS context it was opened with, so that context has no certificate of its own: at each
handshake it hands over to the one that was read last. Connections that are open are not touched.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

log = logging.getLogger(__name__)

Files: TypeAlias = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the certificate and its key are; client_ca: the CA that callers must present a certificate of, if any."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def read(self) -> Files:
        """Their bytes. Raises `OSError`."""
        return tuple(path.read_bytes() for path in (self.certificate, self.key, self.client_ca) if path)

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer, without a certificate. Raises `OSError`, of which `ssl.SSLError` is one."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.client_ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def certified_context(self) -> ssl.SSLContext:
        """The same, with this certificate. Raises `OSError`."""
        context = self.context()
        context.load_cert_chain(self.certificate, self.key, password="")  # else OpenSSL would ask on the terminal
        return context


class Certificates:
    """The certificate read last, and what is wrong with the files now."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._read: Files | None = None
        self._current: ssl.SSLContext | None = None
        self.problem: str | None = None

    @property
    def loaded(self) -> bool:
        """Whether there is one to serve with."""
        return self._current is not None

    def look(self) -> None:
        """Read the files again if they have changed. What cannot be used leaves the one before in use.

        Certificate and key may be of two generations while somebody replaces them one by one: that mends itself at
        the next look, since only what could be used counts as read.
        """
        try:
            files = self._files.read()
            if files != self._read:
                self._current, self._read = self._files.certified_context(), files
                log.info("certificate read", extra={"file": str(self._files.certificate)})
        except OSError as wrong:
            self._complain(wrong)
        else:
            self.problem = None

    def _complain(self, wrong: OSError) -> None:
        """Say once what is wrong with the next one; that there is none at all, the server says."""
        problem = f"the webhooks' certificate cannot be read: {wrong}"
        if self.loaded and problem != self.problem:
            log.warning("%s: the one before is still in use", problem)
        self.problem = problem

    def listening_context(self) -> ssl.SSLContext:
        """The context to listen with; each handshake takes the certificate of that moment. Raises `OSError`."""
        context = self._files.context()
        context.sni_callback = self._hand_over
        return context

    def _hand_over(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """OpenSSL calls this at each handshake, with or without a server name."""
        if self._current is not None:
            connection.context = self._current
