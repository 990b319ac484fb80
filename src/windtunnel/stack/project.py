"""The project folder that windtunnel acts on, and what its windtunnel.toml says."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from windtunnel.stack.errors import SettingsError

FILE_NAME = "windtunnel.toml"


def _option_text(value: object) -> str:
    """An option as MWAA holds it: always a string, booleans as Airflow writes them."""
    if isinstance(value, bool | int | float | str):
        return str(value)
    raise ValueError("it has to be a string, a number or a boolean")


def _parameter_text(value: object) -> str:
    """A parameter as CloudFormation takes it: always a string, booleans in small letters."""
    return str(value).lower() if isinstance(value, bool) else _option_text(value)


def _flattened(options: object) -> object:
    """`{"section": {"key": v}}`, as TOML reads `section.key = v`, and `{"section.key": v}` alike."""
    if not isinstance(options, dict):
        return options
    flat: dict[str, object] = {}
    for name, value in options.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    for name in flat:
        if "." not in name.strip("."):
            raise ValueError(f"{name!r} lacks a section: options are named section.key")
    return flat


Options = Annotated[
    dict[str, Annotated[str, BeforeValidator(_option_text)]],
    BeforeValidator(_flattened),
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(_Section):
    """`[run]`: what `windtunnel run` does."""

    dag: str | None = None
    """The DAG that is triggered."""
    conf: dict[str, Any] = Field(default_factory=dict)
    """The run's configuration; --conf on the command line is laid over it."""
    before: list[Annotated[list[str], Field(min_length=1)]] = Field(default_factory=list)
    """Commands that run first, in the project folder, each a list of arguments."""
    show: str | None = None
    """A glob of CSV files in S3 that are printed at the end: `s3://bucket/output/*/*.csv`."""


class Mwaa(_Section):
    """`[mwaa]`: what is handed to the MWAA environment, here and on AWS."""

    airflow_version: str = "3.0.6"
    """The environment's version of Airflow."""
    configuration_options: Options = Field(default_factory=dict)
    """`section.key` to value."""


class Deploy(_Section):
    """`[deploy]`: what the templates in infra/ are made with on AWS."""

    name: str | None = None
    """The MWAA environment's name, which the stacks and the bucket are named by."""
    parameters: dict[str, Annotated[str, BeforeValidator(_parameter_text)]] = Field(default_factory=dict)
    """Of the templates, where they are not to be the templates' own defaults."""
    data: list[str] = Field(default_factory=list)
    """Globs of the files that `deploy --data` puts into the bucket too."""
    private: bool = False
    """Whether the environment has no way to the internet, so that requirements must come in plugins.zip."""


class Project(_Section):
    """A project folder and its windtunnel.toml."""

    folder: Path
    run: Run = Field(default_factory=Run)
    mwaa: Mwaa = Field(default_factory=Mwaa)
    deploy: Deploy = Field(default_factory=Deploy)
    settings: dict[str, Any] = Field(default_factory=dict)
    """The keys at the top of the file, which are the settings of `windtunnel.stack.settings`."""

    @property
    def file(self) -> Path:
        return self.folder / FILE_NAME

    @property
    def name(self) -> str:
        return self.folder.name


def find_folder(start: Path) -> Path:
    """The project folder: `start` or the nearest parent that has a windtunnel.toml; else SettingsError."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise SettingsError(
        f"No {FILE_NAME} in {start} or in a folder above it. Call windtunnel inside a project, "
        f"or make an empty {FILE_NAME} beside the project's dags folder."
    )


def read_project(folder: Path, settings: Iterable[str] = ()) -> Project:
    """The project in `folder`; `settings` are the keys that may stand at the top of its file.

    Raises SettingsError that names the file and the key, and the nearest valid key for a typo.
    """
    file = folder / FILE_NAME
    try:
        content = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    allowed = [*settings, *_SECTIONS]
    for key in content:
        if key not in allowed:
            raise SettingsError(unknown_key(file, key, allowed))
    top = {key: content.pop(key) for key in list(content) if key not in _SECTIONS}
    try:
        return Project(folder=folder, settings=top, **content)
    except ValidationError as error:
        raise SettingsError(_sentence(file, error)) from error


def unknown_key(file: Path, key: str, allowed: Iterable[str]) -> str:
    """The sentence for a key that nobody knows, with the nearest that somebody does."""
    names = sorted(allowed)
    section, _, last = key.rpartition(".")
    near = difflib.get_close_matches(last, names, n=1)
    place = f"in [{section}] " if section else ""
    hint = f"did you mean {near[0]}?" if near else f"known {place}are: {', '.join(names)}."
    return f"{file} has an unknown key {key}: {hint}"


def _sentence(file: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    path = [part for part in first["loc"] if isinstance(part, str)]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        return unknown_key(file, key, _SECTIONS[path[0]].model_fields)
    return f"{file}: {key}: {first['msg'].removeprefix('Value error, ')} (it is {first['input']!r})."


_SECTIONS: Mapping[str, type[_Section]] = {"run": Run, "mwaa": Mwaa, "deploy": Deploy}
