"""What no SDK would send, as raw bytes: answered in words or with the connection's end, and the server lives."""

import json
import socket
from contextlib import suppress

import pytest

from tests.unit.aws.conftest import Wire
from windtunnel.aws.gateway import MAX_BODY_BYTES

SIGNED = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: ElasticMapReduce.RunJobFlow\r\n"
    b"Content-Type: application/x-amz-json-1.1\r\nAuthorization: AWS4-HMAC-SHA256 "
    b"Credential=AKID/20260131/us-east-1/elasticmapreduce/aws4_request, Signature=0\r\n"
)
GOOD = b'{"Name": "a", "Instances": {}}'


def exchange(wire: Wire, raw: bytes) -> tuple[int, bytes]:
    """Status and the rest of what comes back until the server closes or says nothing any more."""
    with socket.create_connection(("127.0.0.1", wire.port), timeout=10) as connection:
        with suppress(OSError):  # refused before it was read whole
            connection.sendall(raw)
        answer = b""
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(1 << 16):
                answer += chunk
    return int(answer.split(b" ", 2)[1]) if answer else 0, answer


def with_length(body: bytes) -> bytes:
    return SIGNED + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(*chunks: bytes) -> bytes:
    lines = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return SIGNED + b"Transfer-Encoding: chunked\r\n\r\n" + lines


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"\x00" * 100,
            b"GET\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"POST / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        ),
        SIGNED + b"Content-Length: x\r\n\r\n{}",
        SIGNED + b"Content-Length: -1\r\n\r\n{}",
        SIGNED + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
        SIGNED + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        SIGNED + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n",
        SIGNED + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
        SIGNED + b"X: \x00\r\nContent-Length: 2\r\n\r\n{}",
        SIGNED + b"X" * 100_000 + b": y\r\nContent-Length: 2\r\n\r\n{}",
        with_length(b"\xff\xfe{}"),
        with_length(b'{"Name": 7, "Instances": {}}'),
        with_length(b'{"Name": "a", "Instances": ' + b"[" * 50_000),
        with_length(b'{"Name": "a\\u0000b", "Instances": {}}'),
        with_length(b'{"Name": "a", "Name": {}, "Instances": {}}'),
        chunked(b'{"Name": ', b"7}", b""),
    ],
    ids=lambda raw: repr(raw.removeprefix(SIGNED)[:40]),
)
def test_what_no_client_sends_is_refused(wire: Wire, raw: bytes) -> None:
    status, answer = exchange(wire, raw)

    assert 400 <= status < 500 or not answer, answer[:300]
    assert not wire.calls
    assert exchange(wire, with_length(GOOD))[0] == 200


def test_a_request_in_chunks_arrives(wire: Wire) -> None:
    assert exchange(wire, chunked(GOOD[:7], GOOD[7:], b""))[0] == 200
    assert wire.calls[0][2] == {"Name": "a", "Instances": {}}


def test_a_body_in_chunks_that_never_ends_is_refused_when_it_is_too_large(wire: Wire) -> None:
    status, answer = exchange(wire, chunked(*[b" " * (1 << 20)] * (MAX_BODY_BYTES // (1 << 20) + 2)))

    assert status in (0, 413)
    assert (
        not answer
        or json.loads(answer.rpartition(b"\r\n\r\n")[2])["__type"] == "RequestEntityTooLargeException"
    )
    assert not wire.calls
