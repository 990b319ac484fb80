"""The daemons' web pages for who is not on this machine: in a container, for the machine that runs it.

Daemons listen on 127.0.0.1, which a container's published port does not lead to. The service takes the same ports
of its container's own addresses and passes on what comes, so that the pages are at the addresses that they link to.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from ipaddress import ip_address

import psutil

from windtunnel.hadoop.ports import LOOPBACK

CHUNK = 1 << 16

log = logging.getLogger(__name__)


@asynccontextmanager
async def forwarding(host: str, ports: range) -> AsyncIterator[None]:
    """Have each of the ports of `host` lead to the same port of 127.0.0.1, until the context is left.

    Nothing is forwarded where `host` is a loopback address. A port that can't be had is told in the log.
    """
    servers: list[asyncio.Server] = []
    try:
        for address in outer_addresses(host) if ports else ():
            for port in ports:
                try:
                    servers.append(await asyncio.start_server(partial(_forward, port), address, port))
                except OSError as error:
                    log.warning("The web page at port %d is not forwarded: %s", port, error)
        yield
    finally:
        for server in servers:
            server.close()  # what is under way ends with the loop: a page that stays open must not hold up the end


def outer_addresses(host: str) -> list[str]:
    """The addresses of this machine that `host` names, loopback ones left out; all of them for 0.0.0.0 or ::.

    Those stand for 127.0.0.1 too, which is the daemons'.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    named = {str(info[4][0]) for info in socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)}
    if any(ip_address(address).is_unspecified for address in named):
        interfaces = psutil.net_if_addrs().values()
        named = {one.address for interface in interfaces for one in interface if one.family == family}
    return sorted(address for address in named if not ip_address(address).is_loopback)


async def _forward(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with _closing(writer):
        daemon_reader, daemon_writer = await asyncio.open_connection(LOOPBACK, port)
        with _closing(daemon_writer):
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, daemon_writer))
                both.create_task(_pass_on(daemon_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the one side has said all; the other may go on."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


@contextmanager
def _closing(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Whatever breaks one side closes the other: nobody listens, a reset."""
    try:
        yield
    except* OSError:
        pass
    finally:
        writer.close()
