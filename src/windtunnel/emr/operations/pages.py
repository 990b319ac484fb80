"""Pages of a list: the marker says behind which row the next one begins."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from windtunnel.emr.errors import invalid_request

PAGE = 50
"""Rows of a page in EMR's list operations."""
MOST_DIGITS = 18
"""Of a number that SQLite takes."""


class Numbered(Protocol):
    """A row with its place in the order of creation."""

    number: Any


Row = TypeVar("Row", bound=Numbered)
T = TypeVar("T")


def newest_first(
    session: Session, rows: Select[Row], number: InstrumentedAttribute[int], marker: str | None
) -> tuple[list[Row], dict[str, str]]:
    """A page of rows and the response's Marker, if there are more. Raises InvalidRequestException."""
    if marker:
        rows = rows.where(number < _decode(marker))
    page = list(session.scalars(rows.order_by(number.desc()).limit(PAGE + 1)))
    if len(page) <= PAGE:
        return page, {}
    return page[:PAGE], {"Marker": _encode(page[PAGE - 1].number)}


def slice_of(rows: Sequence[T], token: str | None, size: int) -> tuple[Sequence[T], str | None]:
    """`size` of the rows, and what the next request is to give as its token. Raises InvalidRequestException."""
    if token and not re.fullmatch(r"[0-9]{1,9}", token):
        raise invalid_request(f"The token '{token[:200]}' is not valid: give the one of the answer before.")
    start = int(token or 0)
    following = start + size
    return rows[start:following], str(following) if following < len(rows) else None


def _encode(number: int) -> str:
    return base64.urlsafe_b64encode(f"after:{number}".encode()).decode()


def _decode(marker: str) -> int:
    try:
        kind, number = base64.urlsafe_b64decode(marker).decode().split(":")
        if kind == "after" and len(number) <= MOST_DIGITS:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise invalid_request(f"The marker '{marker}' is not valid: give the Marker of the answer before.")
