"""MapReduce's jars before they are renamed; that they run is in tests/integration/hadoop/test_steps.py."""

import zipfile
from pathlib import Path

import pytest

from windtunnel.hadoop.class_files import ClassFile, utf8
from windtunnel.hadoop.mapreduce import LISTENERS, fitted_jars
from windtunnel.install.errors import InstallError
from windtunnel.install.progress import SILENT

SHUFFLE = "hadoop-mapreduce-client-shuffle"


def made(jar: Path, cache: Path) -> tuple[Path, ...]:
    return fitted_jars((jar,), (), jar, Path("/no/java"), cache=cache, progress=SILENT)


def test_a_jar_whose_listener_is_another_one_is_not_installed(tmp_path: Path) -> None:
    jar = tmp_path / f"{SHUFFLE}-9.9.jar"
    (listener,) = LISTENERS[SHUFFLE]
    with zipfile.ZipFile(jar, "w") as written:
        written.writestr(
            listener, ClassFile(b"\xca\xfe\xba\xbe\0\0\0\x34", {1: utf8("x")}, 2, b"").to_bytes()
        )
    with pytest.raises(InstallError, match=r"can't be made to listen on 127\.0\.0\.1 alone"):
        made(jar, tmp_path / "cache")
    with pytest.raises(InstallError):
        made(jar, tmp_path / "cache")  # nothing half-made is taken for it
