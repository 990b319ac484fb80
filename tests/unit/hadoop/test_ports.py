import socket
from dataclasses import asdict

from windtunnel.hadoop.ports import RANGE, MasterPorts, NodePorts, free_ports


def test_the_ports_of_a_cluster_are_all_different_and_free() -> None:
    ports = [*asdict(MasterPorts.allocate()).values()]
    assert len(set(ports)) == len(ports) == 8
    for port in ports:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_they_are_no_ports_that_an_outgoing_connection_may_take() -> None:
    assert all(port in RANGE for port in asdict(NodePorts.allocate()).values())
    assert RANGE.stop <= 32768


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    taken = free_ports(1)[0]
    with socket.create_server(("127.0.0.1", taken)):
        assert taken not in free_ports(2000)
