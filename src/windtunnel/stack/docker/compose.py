"""One project's Docker Compose: its name, its variables, its commands."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from windtunnel.install.files import digest_of, files_in, write_atomically
from windtunnel.stack.airflow.configuration import execution_env
from windtunnel.stack.airflow.secrets import Secrets, keep_secrets
from windtunnel.stack.airflow.versions import version_of
from windtunnel.stack.docker.engine import docker
from windtunnel.stack.environment import HOME_VARIABLE, is_inherited, option_variables
from windtunnel.stack.errors import StackError
from windtunnel.stack.localstack import RECORDER
from windtunnel.stack.settings import REGION, Settings, setting_variables, variable

FILE = Path("docker") / "compose.yaml"
AIRFLOW_IMAGE = "AIRFLOW_IMAGE"
"""The variable that puts another image in the place of ours: Amazon MWAA's own."""
CACHE_VOLUME = "windtunnel-cache"
CELERY = "celery"
WEB_PORTS = "4580-4611"
"""The ports of the clusters' web pages where the settings name none: a container's have to be named."""
PARTS = (
    *("dags", "plugins", "requirements.txt", "startup.sh", "spark", "data"),
    *("localstack-init", "localstack-init/ready.d"),
)
"""What containers see of the project, where there is such a thing."""
LONGEST_NAME = 60
FILES = (".txt", ".sh")
NO_FILE, NO_FOLDER = "no-file", "no-folder"
"""What is in the place of a part that the project lacks."""
_DOCKERS = ("DOCKER_", "BUILDX_", "BUILDKIT_")


class Compose:
    """`docker compose` of the project in `settings`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.file = settings.home / FILE
        self.folder = settings.state / "docker"
        self.project = _project_name(settings)

    def check(self) -> None:
        """Raises StackError when the project has no Docker stack, or an Airflow that there is no image of."""
        if not self.file.is_file():
            raise StackError(
                f"{self.settings.home} has no {FILE}, which is what the Docker stack consists of. Take "
                f"windtunnel's own folder docker/ into the project, or use the native stack."
            )
        if not self.airflow_image:
            version_of(self.settings.project.mwaa.airflow_version)

    @property
    def profiles(self) -> tuple[str, ...]:
        return (CELERY,) if self.settings.airflow_executor == "CeleryExecutor" else ()

    @property
    def airflow_image(self) -> str:
        """What is named in the place of our image of Airflow; empty: nothing is."""
        return os.environ.get(AIRFLOW_IMAGE, "")

    @property
    def web_ports(self) -> str:
        """The ports of the clusters' web pages, like `4580-4611`."""
        return self.settings.emr_web_ports or WEB_PORTS

    def images(self) -> list[str]:
        """Our own images, as docker/compose.yaml names them."""
        return [f"windtunnel-{name}:{self.project}" for name in ("emr", "airflow")]

    def command(self, *arguments: str) -> list[str]:
        """`compose …` for `docker`."""
        profiles = (part for name in self.profiles for part in ("--profile", name))
        return ["compose", "--file", str(self.file), *profiles, *arguments]

    def run(self, *arguments: str, seconds: float | None = None) -> str:
        """What `docker compose …` prints. Raises DockerError."""
        return docker(*self.command(*arguments), environment=self.environment(), seconds=seconds)

    def environment(self) -> dict[str, str]:
        """The variables of Docker's command line, and all that docker/compose.yaml is filled in with."""
        return self.caller() | self.variables()

    def caller(self) -> dict[str, str]:
        """What Docker's command line has of the caller's shell."""
        return {n: v for n, v in os.environ.items() if is_inherited(n) or n.startswith(_DOCKERS)}

    def variables(self) -> dict[str, str]:
        """What docker/compose.yaml is filled in with; the keys of Airflow are made when there are none."""
        settings = self.settings
        secrets = keep_secrets(settings.state / "airflow")
        named = {AIRFLOW_IMAGE: self.airflow_image} if self.airflow_image else {}
        return {
            **setting_variables(settings),
            **named,
            "COMPOSE_PROJECT_NAME": self.project,
            HOME_VARIABLE: str(settings.home),
            "AWS_DEFAULT_REGION": REGION,
            variable("emr_web_ports"): self.web_ports,
            "WINDTUNNEL_PUBLISH_HOST": f"[{settings.host}]" if ":" in settings.host else settings.host,
            "WINDTUNNEL_PROJECT": settings.project.name,
            "WINDTUNNEL_REVISION": self.revision_of_the_project(),
            "WINDTUNNEL_AIRFLOW_URL": settings.airflow_url,
            "WINDTUNNEL_AIRFLOW_VERSION": settings.project.mwaa.airflow_version,
            "WINDTUNNEL_EXECUTION_ENV": execution_env(settings.project.mwaa.airflow_version),
            "WINDTUNNEL_AIRFLOW_OPTIONS": json.dumps(self._options()),
            **self._parts(),
            **{f"WINDTUNNEL_{file.stem.upper()}": str(file) for file in RECORDER.values()},
            "WINDTUNNEL_OPTIONS_FILE": str(self.folder / "options.env"),
            **_secret_variables(secrets),
        }

    def write_files(self) -> None:
        """Have what docker/compose.yaml names of the state: the options for LocalStack's hooks, and the stand-ins."""
        lines = (f"{name}={_quoted(value)}\n" for name, value in self._options().items())
        write_atomically(self.folder / "options.env", "".join(lines), mode=0o600)
        (self.folder / NO_FOLDER).mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / NO_FILE, "")

    def _parts(self) -> dict[str, str]:
        """Where containers find the project's parts: Docker makes a folder, root's own, of what is not there."""
        stand_ins = {
            part: self.folder / (NO_FILE if Path(part).suffix in FILES else NO_FOLDER) for part in PARTS
        }
        paths = {part: self.settings.home / part for part in PARTS}
        return {
            part_variable(part): str(path if path.exists() else stand_ins[part])
            for part, path in paths.items()
        }

    def _options(self) -> dict[str, str]:
        return option_variables(self.settings.project.mwaa.configuration_options)

    def services(self) -> dict[str, dict[str, Any]]:
        """What Compose makes of docker/compose.yaml, by service."""
        services: dict[str, dict[str, Any]] = json.loads(self.run("config", "--format", "json"))["services"]
        return services

    def made_by(self) -> dict[str, str]:
        """By service something that changes with whatever its container is made by, but for the image."""
        # Not Compose's own hash, which `config --hash` tells without what is in env files.
        texts = {name: json.dumps(service, sort_keys=True) for name, service in self.services().items()}
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}

    def revision_of_the_project(self) -> str:
        """Changes with what a running Airflow would not notice: requirements.txt, startup.sh, plugins/."""
        home = self.settings.home
        files = (home / "requirements.txt", home / "startup.sh", *files_in(home / "plugins"))
        return digest_of(home, files)

    def revision(self) -> str:
        """Changes with whatever makes other containers: the settings, the images' sources."""
        home = self.settings.home
        sources = (*files_in(home / "docker"), *files_in(home / "src"), home / "locks" / "runtime.txt")
        variables = json.dumps(self.variables(), sort_keys=True)
        return hashlib.sha256(f"{variables}{digest_of(home, sources)}".encode()).hexdigest()


def part_variable(part: str) -> str:
    """The variable with the path of a part of the project: `startup.sh` is WINDTUNNEL_PROJECT_STARTUP_SH."""
    return f"WINDTUNNEL_PROJECT_{re.sub('[^A-Z]', '_', part.upper())}"


def _project_name(settings: Settings) -> str:
    """A name of Compose's alphabet that no other project or state on this machine has.

    A long one is cut: it is the tag of the images too, which has 128 characters at most.
    """
    plain = (
        re.sub(r"[^a-z0-9_-]+", "-", settings.project.name.lower()).strip("-_")[:LONGEST_NAME] or "project"
    )
    return f"{plain}-{hashlib.sha256(str(settings.state).encode()).hexdigest()[:8]}"


def _secret_variables(secrets: Secrets) -> Mapping[str, str]:
    """As the secrets that MWAA's image reads: JSON objects."""
    return {
        "WINDTUNNEL_FERNET_SECRET": json.dumps({"FernetKey": secrets.fernet_key}),
        "WINDTUNNEL_WEBSERVER_SECRET": json.dumps({"secret_key": secrets.api_secret_key}),
    }


def _quoted(value: str) -> str:
    """As Compose reads it in an env file. (In single quotes nothing could end in a backslash.)"""
    escaped = re.sub(r'[\\"$]', r"\\\g<0>", value)
    return f'"{escaped}"'
