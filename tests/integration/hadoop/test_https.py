"""HDFS's client over HTTPS: what it trusts is set up when it is first asked for, and is Hadoop's own."""

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.integration.hadoop.conftest import write_properties
from windtunnel.hadoop.distribution import Distribution

STATUS = {
    **{"type": "DIRECTORY", "pathSuffix": "", "permission": "755", "owner": "hadoop", "group": "hadoop"},
    **dict.fromkeys(("length", "blockSize", "replication", "accessTime", "modificationTime"), 0),
}


class WebHdfs(BaseHTTPRequestHandler):
    """One folder."""

    def do_GET(self) -> None:
        body = json.dumps({"FileStatus": STATUS}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of localhost, signed by itself; its key is in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    now = datetime.now(UTC)
    made = (
        builder.not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = tmp_path / "server.pem"
    file.write_bytes(
        made.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@pytest.fixture
def port(certificate: Path) -> Iterator[int]:
    """Of a WebHDFS that speaks HTTPS."""
    with ThreadingHTTPServer(("127.0.0.1", 0), WebHdfs) as server:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def listed(distribution: Distribution, port: int, conf: Path) -> "subprocess.CompletedProcess[str]":
    """`hadoop fs -ls -d` of that folder."""
    write_properties(conf / "core-site.xml", {})
    return subprocess.run(
        (
            *(distribution.java, "-cp", distribution.hadoop_class_path(conf)),
            *("org.apache.hadoop.fs.FsShell", "-ls", "-d", f"swebhdfs://localhost:{port}/"),
        ),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_server_is_trusted_by_the_truststore_of_ssl_client_xml(
    distribution: Distribution, certificate: Path, port: int, tmp_path: Path
) -> None:
    store = tmp_path / "trust.p12"
    keytool = distribution.java_home / "bin" / "keytool"
    subprocess.run(
        (
            *(keytool, "-importcert", "-noprompt", "-alias", "server", "-file", certificate),
            *("-keystore", store, "-storepass", "secret"),
        ),
        capture_output=True,
        check=True,
    )
    trusted = {"location": str(store), "password": "secret", "type": "pkcs12"}
    properties = {f"ssl.client.truststore.{name}": value for name, value in trusted.items()}
    write_properties(tmp_path / "ssl-client.xml", properties)
    done = listed(distribution, port, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"swebhdfs://localhost:{port}/" in done.stdout


def test_a_server_that_nobody_vouches_for_is_refused(
    distribution: Distribution, port: int, tmp_path: Path
) -> None:
    done = listed(distribution, port, tmp_path)
    assert done.returncode == 1
    assert "unable to find valid certification path" in done.stderr
