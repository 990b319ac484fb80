import os
import socket
from collections.abc import Iterator

import pytest

from windtunnel.stack import ports
from windtunnel.stack.errors import StackError

HOST = "127.0.0.1"


@pytest.fixture
def server() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_is_taken_while_somebody_listens_on_it(server: int) -> None:
    assert ports.is_taken(HOST, server)
    assert not ports.is_taken(HOST, ports.free_port(HOST, server))


def test_the_owner_of_a_port_is_known(server: int) -> None:
    found = ports.owner(server)

    assert found
    assert found.pid == os.getpid()


def test_the_sentence_for_a_taken_port_says_who_has_it_and_what_to_do(server: int) -> None:
    said = ports.taken_message("emr", HOST, server, "WINDTUNNEL_EMR_PORT")

    assert f"Port {server}, which emr needs, is taken by" in said
    assert str(os.getpid()) in said
    assert f"emr_port = {ports.free_port(HOST, server)} in windtunnel.toml" in said
    assert "WINDTUNNEL_EMR_PORT=" in said


def test_an_address_that_is_not_this_machines_is_told() -> None:
    with pytest.raises(StackError, match=r"Nothing can listen on 192\.0\.2\.1 port"):
        ports.is_taken("192.0.2.1", 4570)
