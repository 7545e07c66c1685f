"""An instance asks its metadata service for region and VPC."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from aws_lb_controller.aws.instance_metadata import InstanceMetadata
from aws_lb_controller.errors import AwsUnavailable

ANSWERS = {
    "/latest/meta-data/placement/region": "us-west-2",
    "/latest/meta-data/mac": "0a:b1",
    "/latest/meta-data/network/interfaces/macs/0a:b1/vpc-id": "vpc-1",
}


class Service(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self._say(200, "token" if self.path == "/latest/api/token" else "")

    def do_GET(self) -> None:
        known = ANSWERS.get(self.path) if self.headers["X-aws-ec2-metadata-token"] == "token" else None
        self._say(200 if known else 404, known or "")

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_region_and_vpc_are_told_to_who_brings_a_token(endpoint: str) -> None:
    metadata = InstanceMetadata(endpoint)
    assert ("us-west-2", "vpc-1") == (metadata.region(), metadata.vpc_id())


def test_a_service_that_is_turned_off_is_not_asked(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AwsUnavailable, match="AWS_EC2_METADATA_DISABLED is true"):
        InstanceMetadata(endpoint).region()


def test_a_service_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    with pytest.raises(AwsUnavailable):
        InstanceMetadata("http://127.0.0.1:9").region()
