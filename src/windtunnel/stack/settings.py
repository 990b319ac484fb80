"""The settings: flags over environment over windtunnel.toml over defaults; and what they export."""

import hashlib
import os
import stat
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from platformdirs import user_cache_path
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from windtunnel.stack.errors import SettingsError, StackError
from windtunnel.stack.project import Project, find_folder, read_project, unknown_key

PREFIX = "WINDTUNNEL_"
REGION = "us-east-1"

MOST_PORTS = 65535
MOST_WEB_PORTS = 256
"""Each may have a listener that forwards it: far below what a process may have open."""

Port = Annotated[int, Field(ge=1, le=MOST_PORTS)]


class Settings(BaseSettings):
    """Every setting of the stack; see `load_settings`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    localstack_port: Port = 4566
    emr_port: Port = 4570
    airflow_port: Port = 8080
    host: str = "127.0.0.1"
    """The address that every service binds to."""
    stack: Literal["native", "docker"] = "native"
    """What runs the services: processes of this machine, or Docker Compose."""
    state: Path = Path(".windtunnel")
    """Where the history, the logs and the databases live; absolute once loaded."""
    cache: Path = Field(default_factory=lambda: user_cache_path("windtunnel"))
    """Downloads and environments, shared by every project of the user; absolute once loaded."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Further names by which the services may be called, comma separated in the environment."""
    aws_endpoint_url: str = ""
    """Where the EMR service finds S3 and the rest of AWS; empty: at LocalStack's own port."""
    airflow_executor: Literal["LocalExecutor", "CeleryExecutor"] = "LocalExecutor"
    """What runs Airflow's tasks; Celery's worker is a container of its own, so it takes the Docker stack."""
    emr_max_nodes: Annotated[int, Field(ge=2)] | None = None
    """How many nodes of one cluster, its master counted, may have processes here; None: what memory allows."""
    emr_max_executors: Annotated[int, Field(ge=1)] | None = None
    """How many executors dynamic allocation may ask for at once; None: what the cores allow."""
    emr_system_commands: Literal["fail", "warn"] = "fail"
    """What `yum`, `systemctl` and the like do in bootstrap actions and steps: none is run here."""
    emr_spare_minutes: Annotated[int, Field(ge=0, le=1440)] = 10
    """How long a started cluster waits for the next RunJobFlow after one has ended; 0: none is started."""
    emr_web_ports: str = ""
    """The range ("4580-4611") for web pages of Hadoop and Spark; empty: any free ports."""
    emr_memory: Annotated[str, Field(pattern=r"^([1-9]\d*[kmg]b?)?$")] = ""
    """How much memory the EMR service's container may use, `8g`; empty: all that Docker has."""
    project: Project = Field(exclude=True)

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, (v.strip() for v in value.split(",")))) if isinstance(value, str) else value

    @field_validator("emr_web_ports")
    @classmethod
    def _range_of_ports(cls, value: str) -> str:
        first, dash, last = (part.strip() for part in value.partition("-"))
        if not value.strip():
            return ""
        if not (dash and first.isdecimal() and last.isdecimal()):
            raise ValueError("give the first and the last port, like 4580-4611")
        if int(first) > int(last):
            raise ValueError(f"the first port comes first, so {last}-{first}")
        if int(first) < 1 or int(last) > MOST_PORTS:
            raise ValueError(f"ports are numbers from 1 to {MOST_PORTS}")
        if int(last) - int(first) >= MOST_WEB_PORTS:
            raise ValueError(f"{MOST_WEB_PORTS} ports are the most: a cluster takes 3 and one for each node")
        return f"{int(first)}-{int(last)}"

    @model_validator(mode="after")
    def _distinct_ports(self) -> Self:
        ports = {n: getattr(self, n) for n in ("localstack_port", "emr_port", "airflow_port")}
        for name, port in ports.items():
            for other, same in ports.items():
                if other < name and port == same:
                    raise ValueError(f"{variable(other)} and {variable(name)} are both {port}")
            if port in self.web_ports:
                raise ValueError(
                    f"{variable('emr_web_ports')} {self.emr_web_ports} has {port} in it, which is {variable(name)}"
                )
        return self

    @model_validator(mode="after")
    def _executor_of_the_stack(self) -> Self:
        if self.airflow_executor == "CeleryExecutor" and self.stack == "native":
            raise ValueError(
                "airflow_executor is CeleryExecutor, whose worker is a container of its own: take the Docker stack "
                "(STACK=docker), or LocalExecutor"
            )
        return self

    @property
    def home(self) -> Path:
        """The project folder."""
        return self.project.folder

    @property
    def logs(self) -> Path:
        """Where each service's log is, as `<service>.log`."""
        return self.state / "logs"

    @property
    def web_ports(self) -> range:
        """The ports that `emr_web_ports` names."""
        first, _, last = self.emr_web_ports.partition("-")
        return range(int(first), int(last) + 1) if last else range(0)

    @property
    def localstack_url(self) -> str:
        return f"http://{self.reachable_host}:{self.localstack_port}"

    @property
    def emr_url(self) -> str:
        return f"http://{self.reachable_host}:{self.emr_port}"

    @property
    def airflow_url(self) -> str:
        return f"http://{self.reachable_host}:{self.airflow_port}"

    @property
    def reachable_host(self) -> str:
        """The address by which this machine calls what is bound to `host`."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"[{host}]" if ":" in host else host

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        project: Project = init_settings()["project"]
        return init_settings, env_settings, InitSettingsSource(settings_cls, project.settings)


def names() -> list[str]:
    """The settings by their names in windtunnel.toml; in the environment they are WINDTUNNEL_<NAME>."""
    return [name for name in Settings.model_fields if name != "project"]


def load_settings(start: Path | None = None, **flags: Any) -> Settings:
    """The settings of the project in `start` (the current folder) or above; flags that are None do not count.

    Raises SettingsError with a sentence that names the setting and where it was set.
    """
    project = read_project(find_folder(start or Path.cwd()), names())
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        settings = Settings(project=project, **given)
    except ValidationError as error:
        raise SettingsError(_sentence(error, project, given)) from error
    state, cache = _absolute(project, settings.state), _absolute(project, settings.cache)
    for folder in (project.folder, Path.home()):
        if folder.is_relative_to(state):
            raise SettingsError(f"state is {state}, which holds {folder}: take a folder of its own.")
    return settings.model_copy(update={"state": state, "cache": cache})


def _absolute(project: Project, path: Path) -> Path:
    return (project.folder / path.expanduser()).resolve()


def _sentence(error: ValidationError, project: Project, flags: dict[str, Any]) -> str:
    first = error.errors()[0]
    if not first["loc"]:
        return f"{first['msg'].removeprefix('Value error, ')}."
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return unknown_key(project.file, name, names())
    if name in flags:
        source = f"--{name.replace('_', '-')}"
    elif variable(name) in os.environ:
        source = variable(name)
    else:
        source = f"{project.file}: {name}"
    return f"{source} is {first['input']!r}: {first['msg'].removeprefix('Value error, ')}."


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def setting_variables(settings: Settings) -> dict[str, str]:
    """The settings as variables, so that a process of the stack reads the same ones."""
    values = {variable(name): getattr(settings, name) for name in names()}
    given = {name: value for name, value in values.items() if value is not None}
    return {n: ",".join(v) if isinstance(v, tuple) else str(v) for n, v in given.items()}


def runtime_folder(settings: Settings) -> Path:
    """A folder of this stack for unix sockets, private to the user; made when missing.

    Its path is short, since a socket's path may have some hundred characters at most and a checkout
    may be deep. Nothing in it has to last. Raises StackError when another user holds its place.
    """
    base = Path("/tmp") / f"windtunnel-{os.getuid()}"  # noqa: S108
    for folder in (base, base / hashlib.sha256(str(settings.state).encode()).hexdigest()[:12]):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise StackError(f"{folder} must be a folder of yours that nobody else can enter. Remove it.")
    return folder
