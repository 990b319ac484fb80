"""Several processes that are one container: they live together, and end together."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait


def run_together(commands: Sequence[Sequence[str]], environment: Mapping[str, str], seconds: float) -> int:
    """Run the commands until one of them ends, or SIGTERM or SIGINT comes: then the others have `seconds` to end.

    The exit code for the container: 0 when it was asked to end, else that of the first that ended, never 0.
    """
    processes: list[subprocess.Popen[bytes]] = []
    asked: list[int] = []

    def end(number: int = signal.SIGTERM, _: object = None) -> None:
        asked.append(number)
        for process in processes:
            process.terminate()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    processes += [
        subprocess.Popen(command, env=dict(environment), stdin=subprocess.DEVNULL) for command in commands
    ]
    if asked:  # before they were known
        end()
    with ThreadPoolExecutor(len(processes)) as pool:
        ends = {pool.submit(process.wait): process for process in processes}
        done, _ = wait(ends, return_when=FIRST_COMPLETED)
        first = ends[done.pop()]
        if not asked:
            words = " ".join(map(str, first.args)) if isinstance(first.args, Sequence) else first.args
            print(f"`{words}` {_ended(first.returncode)}, and the container with it.", flush=True)
        for process in processes:
            process.terminate()
        _, left = wait(ends, timeout=seconds)
        for future in left:
            ends[future].kill()
    if asked:
        return 0
    return first.returncode if first.returncode > 0 else 128 - first.returncode if first.returncode else 1


def _ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
