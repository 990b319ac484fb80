"""The tables of Airflow's metadata database: made or moved to its version, only when that is needed."""

import json
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from windtunnel.install.files import locked, write_atomically
from windtunnel.install.progress import Progress
from windtunnel.stack.airflow.python import ask_python
from windtunnel.stack.errors import StackError

LAST_LINES = 15
_one_thread = threading.Lock()
# By the driver alone: Airflow's own command takes seconds to import.
_REVISION = """
import os, psycopg2
url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("postgresql+psycopg2:", "postgresql:")
with psycopg2.connect(url) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT to_regclass('alembic_version')")
    if cursor.fetchone()[0]:
        cursor.execute("SELECT version_num FROM alembic_version")
        print(cursor.fetchone()[0])
"""


def migrate(
    *, python: Path, airflow: str, environment: Mapping[str, str], kept: Path, log: Path, progress: Progress
) -> None:
    """Bring the database that `environment` names to the version of Airflow that `python` has.

    `kept` is the file that says what was done, for which `airflow` (whatever tells one from another).
    Raises StackError with Airflow's last lines.
    """
    waiting = "Waiting for an earlier `airflow db migrate` to end"
    # Every component asks for it, in threads of one process; only another process is worth a word.
    with _one_thread, locked(kept.with_name(".migrate.lock"), waiting=lambda: progress.say(waiting)) as lock:
        # The database itself says its revision: it may have been made anew since.
        if _kept(kept) == {"airflow": airflow, "revision": _revision(python, environment)}:
            return
        log.parent.mkdir(parents=True, exist_ok=True)
        with progress.task("Airflow's tables in the metadata database"), log.open("wb") as output:
            done = subprocess.run(
                (str(python), "-m", "airflow", "db", "migrate"),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lock,),
                check=False,
            )
        if done.returncode:
            lines = "\n".join(log.read_text(errors="replace").strip().splitlines()[-LAST_LINES:])
            raise StackError(f"`airflow db migrate` failed. Its output is in {log}; its last lines:\n{lines}")
        write_atomically(kept, json.dumps({"airflow": airflow, "revision": _revision(python, environment)}))


def _kept(path: Path) -> object:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _revision(python: Path, environment: Mapping[str, str]) -> str:
    failed = "The metadata database does not answer Airflow"
    return ask_python(python, _REVISION, environment=environment, failed=failed)
