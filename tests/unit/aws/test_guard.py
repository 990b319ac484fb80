import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.serving import serving
from windtunnel.aws.app import create_app
from windtunnel.aws.service import Service


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(create_app([Service("emr", {}, {})], allowed_hosts=["EMR", " box.example "])) as port:
        yield port


def get(port: int, *headers: tuple[str, str]) -> tuple[int, dict[str, Any]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("GET", "/health", skip_host=True)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:4570", "LOCALHOST:1", "emr.localhost:4570", "127.0.0.1", "127.0.0.1:80"),
        *("127.8.9.10:4570", "[::1]", "[::1]:4570", "emr:4570", "emr", "Box.Example:9", "localhost."),
        *("LocalHost.:4570", "127.0.0.1.:4570", "[0:0:0:0:0:0:0:1]:4570", "EMR.", "a.b.localhost"),
    ],
)
def test_host_of_this_machine_or_allowed_passes_with_any_port(port: int, host: str) -> None:
    assert get(port, ("Host", host)) == (200, {"services": {"emr": "running"}})


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example",
            "evil.example:4570",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "10.0.0.1",
        ),
        *("0.0.0.0:4570", "[::2]:4570", "128.0.0.1", "user@localhost", "localhost:4570:80", "", "xlocalhost"),
        *("localhost:port", "[localhost", "emr.example", "2130706433"),
        *(
            "0.0.0.0",  # noqa: S104
            "[::]",
            "[::]:4570",
            "[::ffff:10.0.0.1]",
            "127.1",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "localhost..",
        ),
        *(
            "127.0.0.1.nip.io",
            "localhost.evil.example.",
            "evil-localhost",
            "localhost,evil.example",
            "localhost:",
        ),
        *(
            "127.0.0.1:4570@evil.example",
            "[::1].evil.example",
            "[::1%25lo]",
            "localhost/",
            "http://localhost",
        ),
    ],
)
def test_foreign_host_is_refused_in_a_sentence_that_names_the_setting(port: int, host: str) -> None:
    status, answer = get(port, ("Host", host))

    assert (status, answer["__type"]) == (403, "AccessDeniedException")
    assert repr(host) in answer["message"]
    assert "WINDTUNNEL_ALLOWED_HOSTS" in answer["message"]


@pytest.mark.parametrize("hosts", [[], ["localhost", "evil.example"], ["localhost", "localhost"]])
def test_request_without_exactly_one_host_is_refused(port: int, hosts: list[str]) -> None:
    assert get(port, *(("Host", host) for host in hosts))[0] in {400, 403}


@pytest.mark.parametrize(
    "origin", ["http://localhost:8080", "https://127.0.0.1", "http://[::1]:3000", "http://emr"]
)
def test_origin_of_this_machine_or_allowed_passes(port: int, origin: str) -> None:
    assert get(port, ("Host", "localhost"), ("Origin", origin))[0] == 200


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "https://evil.example",
            "null",
            "",
            "localhost",
            "http://localhost.evil.example",
            "http://0.0.0.0:4570",
        ),
        *(
            "http://localhost@evil.example",
            "http://localhost:4570/x",
            "http://[::]",
            "http://127.0.0.1.nip.io",
        ),
        *("file://", "http://localhost http://evil.example", "chrome-extension://abcdef"),
    ],
)
def test_foreign_origin_is_refused(port: int, origin: str) -> None:
    status, answer = get(port, ("Host", "localhost"), ("Origin", origin))

    assert status == 403
    assert f"A web page of {origin!r} may not use this API" in answer["message"]


def test_foreign_origin_can_not_run_a_step(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"X-Amz-Target": "ElasticMapReduce.AddJobFlowSteps", "Origin": "https://evil.example"}
    connection.request("POST", "/", b'{"JobFlowId": "j-1"}', headers)

    assert connection.getresponse().status == 403
    connection.close()


def test_no_answer_opens_the_door_to_web_pages(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("OPTIONS", "/", headers={"Origin": "http://localhost:8080"})
    response = connection.getresponse()

    assert not [name for name in response.headers if name.lower().startswith("access-control-")]
    connection.close()
