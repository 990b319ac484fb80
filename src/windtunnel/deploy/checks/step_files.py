"""Code that steps and bootstrap actions name in the environment's bucket, where it is uploaded from the project."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from windtunnel.deploy.checks.templated import is_template
from windtunnel.deploy.files import MIRRORED

_ADDRESS = re.compile(r"s3[an]?://(?P<bucket>[^/\s]+)/(?P<key>[^#,\s]+)")


def missing_files(
    request: Mapping[str, Any], project: Path, bucket: str, options: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Addresses in the request that nothing of the project will be at, each with the path where it was to be."""
    buckets = {bucket} if bucket else set(options)
    for text in _texts(request):
        if is_template(text):
            continue
        for found in _ADDRESS.finditer(text):
            key = found["key"]
            if (
                found["bucket"] in buckets
                and key.startswith(MIRRORED)
                and _is_file(key)
                and not (project / key).is_file()
            ):
                yield found.group(), key


def _is_file(key: str) -> bool:
    return "." in key.rpartition("/")[2] and "*" not in key


def _texts(request: Mapping[str, Any]) -> Iterator[str]:
    """What is run: jars and arguments of steps, scripts of bootstrap actions."""
    for step in _mappings(request.get("Steps")):
        jar = step.get("HadoopJarStep")
        if isinstance(jar, Mapping):
            yield from map(str, (jar.get("Jar") or "", *(jar.get("Args") or [])))
    for action in _mappings(request.get("BootstrapActions")):
        script = action.get("ScriptBootstrapAction")
        if isinstance(script, Mapping):
            yield str(script.get("Path") or "")


def _mappings(given: Any) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in given or [] if isinstance(given, list | tuple) and isinstance(one, Mapping))
