"""Work in threads that nobody has to wait for: not the one who asked, not the end of the process."""

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import TypeVar

T = TypeVar("T")


def in_background(call: Callable[[], T]) -> Future[T]:
    """What `call` will return. Its thread ends with the process, wherever it is: it must bear to be killed."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def side_by_side(calls: list[Callable[[], object]]) -> None:
    """Make all the calls at once; returns when all have, raises as soon as one has failed."""
    done, _ = wait([in_background(call) for call in calls], return_when=FIRST_EXCEPTION)
    for one in done:
        one.result()
