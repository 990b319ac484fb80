"""Classifications: a request's nested Configurations as one flat table for each configuration file."""

from collections.abc import Mapping, Sequence
from typing import Any

from windtunnel.emr.errors import validation_exception
from windtunnel.hadoop.configuration import is_variable_name

EXECUTED = frozenset({"spark-defaults", "spark-env", "core-site", "yarn-site", "hdfs-site"})
"""Classifications that reach the cluster's files."""

_EXPORT = "export"


def flatten(configurations: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Classification -> properties; those of a later entry win. An `*-env`'s nested export is its table.

    Raises ValidationException for a classification that is not executed, or one that is nested wrongly.
    """
    tables: dict[str, dict[str, str]] = {}
    for entry in configurations:
        classification = entry.get("Classification") or ""
        if classification not in EXECUTED:
            raise validation_exception(
                f"windtunnel does not execute the classification '{classification}'. "
                f"Executed are: {', '.join(sorted(EXECUTED))}."
            )
        table = tables.setdefault(classification, {})
        table.update(_exports(entry) if classification.endswith("-env") else _properties(entry))
    return tables


def merge(
    cluster: Mapping[str, Mapping[str, str]], group: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """A cluster's tables with those of an instance group laid over them."""
    return {name: {**cluster.get(name, {}), **group.get(name, {})} for name in {*cluster, *group}}


def _properties(entry: Mapping[str, Any]) -> Mapping[str, str]:
    if entry.get("Configurations"):
        raise validation_exception(
            f"The classification '{entry['Classification']}' takes Properties, not nested Configurations."
        )
    return entry.get("Properties") or {}


def _exports(entry: Mapping[str, Any]) -> dict[str, str]:
    classification = entry["Classification"]
    if entry.get("Properties"):
        raise validation_exception(
            f"Put the Properties of '{classification}' into a nested classification '{_EXPORT}'."
        )
    exports: dict[str, str] = {}
    for nested in entry.get("Configurations") or []:
        if nested.get("Classification") != _EXPORT:
            raise validation_exception(
                f"'{classification}' takes only the nested classification '{_EXPORT}'."
            )
        exports.update(nested.get("Properties") or {})
    if odd := [name for name in exports if not is_variable_name(name)]:
        raise validation_exception(f"'{odd[0]}' in '{classification}' is no name of a variable.")
    return exports
