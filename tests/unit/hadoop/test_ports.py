import socket
from dataclasses import asdict

from tests.ports import free_range
from windtunnel.hadoop.ports import RANGE, WEB_PAGES, MasterPorts, NodePorts, free_ports


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


def test_web_pages_are_in_their_range_and_nothing_else_is() -> None:
    web = free_range(20)
    for ports in (asdict(MasterPorts.allocate(web=web)), asdict(NodePorts.allocate(web=web))):
        assert {name for name, port in ports.items() if port in web} == WEB_PAGES & ports.keys()
        assert len(set(ports.values())) == len(ports)


def test_a_port_of_the_range_that_was_given_or_is_taken_is_passed_over() -> None:
    web = free_range(6)
    with socket.create_server(("127.0.0.1", web[1])):
        ports = MasterPorts.allocate({web[0], web[3]}, web)
    pages = ports.name_node_web, ports.resource_manager_web, ports.history_server_web
    assert sorted(pages) == [web[2], web[4], web[5]]


def test_a_range_that_is_used_up_gives_what_it_has_and_the_rest_is_any_free_port() -> None:
    web = free_range(2)
    ports = asdict(MasterPorts.allocate(web=web))
    outside = [port for name, port in ports.items() if name in WEB_PAGES and port not in web]
    assert set(web) < set(ports.values())
    assert len(outside) == 1 and outside[0] in RANGE
    assert NodePorts.allocate(web, web).node_manager_web in RANGE


def test_a_port_of_the_range_is_free_again_at_once_when_its_daemon_has_ended() -> None:
    web = free_range(1)
    with socket.create_server(("127.0.0.1", web[0])) as daemon:
        client = socket.create_connection(("127.0.0.1", web[0]))
        accepted, _ = daemon.accept()
        accepted.close()  # the side that closes first keeps the port for a minute, see TIME_WAIT
        client.close()
    assert NodePorts.allocate(web=web).node_manager_web == web[0]
