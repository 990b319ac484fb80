"""The calls to AWS that a run made here: asked of LocalStack's and EMR's recorders, and kept for later."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from windtunnel.install.files import digest_of, files_in, write_atomically
from windtunnel.stack.ask import ask
from windtunnel.stack.errors import StackError
from windtunnel.stack.settings import Settings

PAGE = "/_windtunnel/calls"
CODE = ("dags", "spark")
"""The folders of a project whose files make calls."""
SECONDS = 30
"""For an answer of some ten megabytes."""


class RecordingError(StackError):
    """What was recorded is not all that was called."""


@dataclass(frozen=True)
class Call:
    """One kind of call: `principal` (an access key; empty: none) called `operation` of botocore's `service`."""

    principal: str
    service: str
    operation: str
    resource: Mapping[str, str]
    """The members that name what was touched, and their values."""
    members: tuple[str, ...]
    """The names of all members that were given, sorted."""
    count: int
    """How often since the service started."""


@dataclass(frozen=True)
class Recording:
    """The calls of one run."""

    dag_id: str
    began: datetime
    succeeded: bool
    code: str
    """What `code_digest` said at the time of the run."""
    s3: bool
    """Whether S3 was LocalStack's; one elsewhere has no recorder, so that its calls are missing."""
    calls: tuple[Call, ...]


def collect(settings: Settings, since: datetime) -> list[Call]:
    """The calls that LocalStack and EMR have had from `since` (with a time zone) on, whoever made them.

    Raises RecordingError where one of them does not answer, or knows less than that.
    """
    found = []
    for service, url in (("localstack", settings.localstack_url), ("emr", settings.emr_url)):
        answer = ask(url + PAGE, SECONDS)
        _check(service, answer, since)
        found += [_call(one) for one in answer["calls"] if datetime.fromisoformat(one["last"]) >= since]
    return found


def _check(service: str, answer: Mapping[str, Any], since: datetime) -> None:
    if not {"since", "calls"} <= answer.keys():
        raise RecordingError(
            f"{service} tells of none. It is down, or was started by an older windtunnel: `make down`, then `make up`."
        )
    if failure := answer.get("failure"):
        raise RecordingError(
            f"{service} could not record all calls: {failure} Its log: windtunnel logs {service}"
        )
    if datetime.fromisoformat(answer["since"]) > since:
        raise RecordingError(
            f"{service} has the calls from {answer['since']} on, and the run began before that. It was started anew "
            f"meanwhile, or had more different calls than it keeps."
        )


def _call(told: Mapping[str, Any]) -> Call:
    """As a recorder or a saved file tells it."""
    return Call(
        principal=told["principal"],
        service=told["service"],
        operation=told["operation"],
        resource=dict(told["resource"]),
        members=tuple(told["members"]),
        count=told["count"],
    )


def code_digest(project: Path) -> str:
    """Changes with every file of CODE."""
    return digest_of(project, [file for folder in CODE for file in files_in(project / folder)])


def recorded(settings: Settings, dag_id: str, began: datetime, code: str, *, succeeded: bool) -> Recording:
    """What was called since the run of `dag_id` began, with the project as `code`. Raises RecordingError."""
    calls = tuple(collect(settings, began))
    return Recording(dag_id, began, succeeded, code, not settings.aws_endpoint_url, calls)


def save(settings: Settings, recording: Recording) -> None:
    """Keep it in the place of the DAG's last one."""
    told = asdict(recording) | {"began": recording.began.isoformat()}
    write_atomically(_folder(settings) / f"{recording.dag_id}.json", json.dumps(told, indent=1) + "\n")


def saved(settings: Settings) -> dict[str, Recording]:
    """The last recording of each DAG, by its id. Raises StackError for a file that is none."""
    found = {}
    for path in sorted(_folder(settings).glob("*.json")):
        try:
            told = json.loads(path.read_text())
            one = Recording(
                **told
                | {
                    "began": datetime.fromisoformat(told["began"]),
                    "calls": tuple(map(_call, told["calls"])),
                }
            )
        except (ValueError, TypeError, KeyError) as error:
            raise StackError(
                f"{path} is no recording of calls ({error!r}). Remove it; the next `make run` writes it anew."
            ) from error
        found[one.dag_id] = one
    return found


def _folder(settings: Settings) -> Path:
    return settings.state / "calls"
