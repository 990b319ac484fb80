"""What comes to a port of this machine's own address reaches the daemon on 127.0.0.1, and its answer comes back."""

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from tests.ports import free_port
from tests.serving import serving
from windtunnel.emr.config import EmrConfig
from windtunnel.emr.forwarder import forwarding, outer_addresses
from windtunnel.emr.service import build

ANY = "0.0.0.0"  # noqa: S104
SECONDS = 30
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Page(BaseHTTPRequestHandler):
    """A page that links to itself by an absolute address, as Hadoop's do."""

    def do_GET(self) -> None:
        body = f"http://127.0.0.1:{self.connection.getsockname()[1]}{self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address() -> str:
    """An address of this machine that is no loopback one."""
    found = outer_addresses(ANY)
    if not found:
        pytest.skip("this machine has no address but the loopback's")
    return found[0]


@pytest.fixture
def page() -> Iterator[int]:
    """The port of 127.0.0.1 that a small web server listens on."""
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """The port of 127.0.0.1 at which the handler gets each connection."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def within_time(work: Awaitable[None]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(work, SECONDS)

    asyncio.run(bounded())


def test_the_service_forwards_its_web_ports_where_it_is_reached_from_outside(
    address: str, page: int, tmp_path: Path
) -> None:
    config = EmrConfig(state=tmp_path, cache=tmp_path, host=ANY, web_ports=range(page, page + 1))
    with serving(build(config)), httpx.Client(trust_env=False, timeout=SECONDS) as client:
        told = client.get(f"http://{address}:{page}/cluster").text
        assert told == f"http://127.0.0.1:{page}/cluster"
        assert client.get(told).text == told
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{address}:{page}/cluster", trust_env=False)


def test_what_one_side_says_to_its_end_is_answered_by_the_other(address: str) -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await reader.read()
        writer.write(said[::-1])
        await writer.drain()
        writer.close()

    async def talk() -> None:
        text = bytes(range(256)) * 10_000  # more than what is kept on the way
        async with listening(answer_at_the_end) as port, forwarding(ANY, range(port, port + 1)):
            reader, writer = await asyncio.open_connection(address, port)
            writer.write(text)
            writer.write_eof()
            assert await reader.read() == text[::-1]
            writer.close()

    within_time(talk())


def test_a_connection_ends_when_the_client_resets_it(address: str) -> None:
    ended = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()
        writer.close()

    async def talk() -> None:
        async with listening(wait_for_the_end) as port, forwarding(ANY, range(port, port + 1)):
            _, writer = await asyncio.open_connection(address, port)
            writer.write(b"GET /")
            await writer.drain()
            writer.transport.abort()
            await ended.wait()

    within_time(talk())


def test_many_pages_are_read_at_once_without_a_thread_for_any(address: str) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async def read(port: int) -> bytes:
        reader, writer = await asyncio.open_connection(address, port)
        said = await reader.read()
        writer.close()
        return said

    async def talk() -> None:
        async with listening(greet) as port, forwarding(ANY, range(port, port + 1)):
            before = threading.active_count()
            assert await asyncio.gather(*(read(port) for _ in range(100))) == [b"hello"] * 100
            assert threading.active_count() <= before

    within_time(talk())


def test_a_connection_is_closed_when_no_daemon_listens(address: str) -> None:
    async def talk() -> None:
        port = free_port()
        async with forwarding(ANY, range(port, port + 1)):
            reader, writer = await asyncio.open_connection(address, port)
            assert await reader.read() == b""
            writer.close()

    within_time(talk())


def test_a_daemon_may_take_its_port_after_it_is_forwarded(address: str) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async def talk() -> None:
        port = free_port()
        async with (
            forwarding(ANY, range(port, port + 1)),
            await asyncio.start_server(greet, "127.0.0.1", port),
        ):
            reader, writer = await asyncio.open_connection(address, port)
            assert await reader.read() == b"hello"
            writer.close()

    within_time(talk())


def test_a_port_that_another_has_is_told_and_the_others_are_forwarded(
    address: str, page: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    async def talk() -> None:
        with socket.create_server((address, page)):
            async with forwarding(address, range(page, page + 1)):
                assert f"The web page at port {page} is not forwarded" in caplog.text

    within_time(talk())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_nothing_is_forwarded_for_a_loopback_address(host: str) -> None:
    assert outer_addresses(host) == []


def test_an_address_stands_for_itself_and_the_unspecified_one_for_all_but_the_loopbacks(address: str) -> None:
    assert outer_addresses(address) == [address]
    assert address in outer_addresses(ANY)
    assert not [one for one in outer_addresses(ANY) if one.startswith("127.")]
