import zipfile
from pathlib import Path

import pytest

from windtunnel.hadoop.class_files import PUSH_SHORT, ClassFile, utf8
from windtunnel.hadoop.node_jar import HANDSHAKE, node_jar
from windtunnel.install.errors import InstallError
from windtunnel.install.progress import SILENT


def _java(home: Path, body: str) -> Path:
    """A Java whose `$out` is the folder that the compiler is to write to."""
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f'#!/bin/sh\nwhile [ "$1" != -d ]; do shift; done; out=$2\n{body}\n')
    java.chmod(0o755)
    return home


def _sleeping(milliseconds: int) -> bytes:
    code = b"x" + PUSH_SHORT + milliseconds.to_bytes(2, "big") + b"y"
    return ClassFile(b"\xca\xfe\xba\xbe\x00\x00\x00\x34", {1: utf8("a")}, 2, code).to_bytes()


def _jar(path: Path, **pages: str) -> Path:
    with zipfile.ZipFile(path, "w") as jar:
        jar.writestr("org/Other.class", b"")
        jar.writestr(HANDSHAKE, _sleeping(5000))
        for name, text in pages.items():
            jar.writestr(f"webapps/{name}", text)
    return path


def test_it_is_made_once_of_our_classes_one_of_hadoops_and_the_pages_that_come_first(tmp_path: Path) -> None:
    body = f"echo run >> {tmp_path}/runs; mkdir -p $out/windtunnel; echo x > $out/windtunnel/Daemons.class"
    home = _java(tmp_path / "java", body)
    jars = _jar(tmp_path / "a.jar", one="first"), _jar(tmp_path / "b.jar", one="second", two="second")

    made = [node_jar(home, tmp_path / "ecj.jar", jars, tmp_path / "cache", SILENT) for _ in range(2)]

    assert made[0] == made[1]
    assert (tmp_path / "runs").read_text() == "run\n"
    with zipfile.ZipFile(made[0]) as jar:
        assert {name: jar.read(name) for name in jar.namelist()} == {
            "windtunnel/Daemons.class": b"x\n",
            HANDSHAKE: _sleeping(250),
            "webapps/one": b"first",
            "webapps/two": b"second",
        }
    assert {one.suffix for one in made[0].parent.iterdir()} == {".jar", ".lock"}


def test_what_the_compiler_says_is_told(tmp_path: Path) -> None:
    home = _java(tmp_path / "java", "echo no such class >&2; exit 1")
    with pytest.raises(InstallError, match="no such class"):
        node_jar(home, tmp_path / "ecj.jar", (), tmp_path / "cache", SILENT)
