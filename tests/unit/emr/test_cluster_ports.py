"""Which ports clusters get where their web pages have a range."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.emr import Emr
from tests.ports import free_range
from windtunnel.emr import store
from windtunnel.emr.states import InstanceState
from windtunnel.emr.transitions import change_state
from windtunnel.hadoop.ports import WEB_PAGES

USED_UP = "is free any more"
Service = Callable[[range], Emr]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service whose web pages have this range."""
    started = []

    def start(web: range) -> Emr:
        emr = Emr(tmp_path, {})
        emr.crash()
        emr.config = replace(emr.config, web_ports=web)
        emr.start()
        started.append(emr)
        return emr

    yield start
    for emr in started:
        emr.stop()


def web_pages(emr: Emr, cluster_id: str) -> list[int]:
    """The ports of all web pages that the cluster has or had."""
    with emr.store.reading() as session:
        cluster = store.find_cluster(session, cluster_id)
        assert cluster
        of_all = [cluster.ports, *(one.ports for one in store.instances(session, cluster_id))]
    return [port for ports in of_all for name, port in ports.items() if name in WEB_PAGES]


def test_live_clusters_share_the_range_until_it_is_used_up_which_each_tells_once(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    web = free_range(8)
    emr = service(web)
    first = emr.run()
    emr.wait(first, "WAITING")
    assert set(web_pages(emr, first)) < set(web)
    assert USED_UP not in caplog.text

    second = emr.run()
    emr.wait(second, "WAITING")
    pages = web_pages(emr, second)
    assert len([port for port in pages if port in web]) == len(web) - len(web_pages(emr, first))
    assert len({*pages, *web_pages(emr, first)}) == len(pages) + len(web_pages(emr, first))
    assert [USED_UP in line and second in line for line in caplog.messages].count(True) == 1


def test_the_range_is_free_again_when_its_cluster_has_ended(service: Service) -> None:
    web = free_range(6)
    emr = service(web)
    for _ in range(2):
        cluster = emr.run()
        emr.wait(cluster, "WAITING")
        assert set(web_pages(emr, cluster)) == set(web)
        emr.client.terminate_job_flows(JobFlowIds=[cluster])
        emr.wait(cluster, "TERMINATED")


def test_a_node_that_has_gone_leaves_the_port_of_its_page_but_not_that_of_its_data_node(
    service: Service,
) -> None:
    emr = service(free_range(6))
    cluster = emr.run()
    emr.wait(cluster, "WAITING")
    emr.reconciler.halt()
    with emr.store.transaction() as session:
        worker = store.instances(session, cluster)[-1]
        before = store.given_ports(session)
        change_state(session, worker, InstanceState.TERMINATED)
        assert before - store.given_ports(session) == {worker.ports["node_manager_web"]}
