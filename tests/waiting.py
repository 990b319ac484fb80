"""Waiting on predicates, with bounds."""

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = 60, pause: float = 0.05) -> T:
    """What `look` returns as soon as it holds; its last AssertionError after a while."""
    again = retry(
        retry=retry_if_exception_type(AssertionError),
        stop=stop_after_delay(seconds),
        wait=wait_fixed(pause),
        reraise=True,
    )
    return again(look)()


def wait_until(
    reached: Callable[[], object], seconds: float = 60, what: str = "it did not come to hold"
) -> None:
    """Wait until `reached`, whose own errors pass; AssertionError that says `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"{what}, not within {seconds} s"
        time.sleep(0.05)
