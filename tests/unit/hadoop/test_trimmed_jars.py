"""Jars as they are trimmed; that Hadoop reads the same from them: tests/integration/hadoop/test_distribution.py."""

import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from windtunnel.hadoop.trimmed_jars import trimmed, without_descriptions
from windtunnel.install.progress import SILENT

DEFAULTS = b"""<?xml version="1.0"?>
<!-- Do not modify this file directly. -->
<configuration>
  <property>
    <name> a.list
    </name>
    <value>
      one,
      two &amp; three</value>
    <description>What it is for, and &lt;more&gt;.</description>
  </property>
  <property><name>a.final</name><value>yes</value><final>true</final></property>
  <property><name>without.a.value</name><value></value><description/></property>
</configuration>
"""
MANIFEST = (
    b"Manifest-Version: 1.0\r\nMulti-Release: true\r\n\r\nName: a/B.class\r\nSHA-256-Digest: abc=\r\n\r\n"
)


def jar(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return path


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as read:
        return {name: read.read(name) for name in read.namelist()}


def test_of_defaults_the_names_and_values_stay() -> None:
    read = ElementTree.fromstring(without_descriptions(DEFAULTS))  # noqa: S314
    assert [one.attrib for one in read] == [
        {"name": "a.list", "value": "\n      one,\n      two & three"},
        {"name": "a.final", "value": "yes", "final": "true"},
    ]


def test_a_signed_jar_is_one_without_signatures(tmp_path: Path) -> None:
    signed = jar(
        tmp_path / "signed.jar",
        {
            "META-INF/MANIFEST.MF": MANIFEST,
            "META-INF/KEY.SF": b"digests",
            "META-INF/KEY.RSA": b"signature",
            "META-INF/services/KEY.SF": b"no signature",
            "a/B.class": b"class",
        },
    )
    [made] = trimmed([signed], tmp_path / "cache", SILENT)
    assert entries(made) == {
        "META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\nMulti-Release: true\n\n",
        "META-INF/services/KEY.SF": b"no signature",
        "a/B.class": b"class",
    }


def test_order_stays_and_so_does_a_jar_that_has_nothing_to_trim(tmp_path: Path) -> None:
    plain = jar(tmp_path / "a.jar", {"META-INF/MANIFEST.MF": MANIFEST, "docs/some-default.xml": b"<a/>"})
    defaults = jar(tmp_path / "b.jar", {"some-default.xml": DEFAULTS, "META-INF/MANIFEST.MF": MANIFEST})
    made = trimmed([plain, defaults, plain], tmp_path / "cache", SILENT)
    assert [one.name for one in made] == ["a.jar", "b.jar", "a.jar"]
    assert made[0] == made[2] == plain != defaults != made[1]
    assert entries(made[1]) == {
        "some-default.xml": without_descriptions(DEFAULTS),
        "META-INF/MANIFEST.MF": MANIFEST,
    }


def test_they_are_made_once_and_what_was_left_half_made_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = jar(tmp_path / "one.jar", {"some-default.xml": DEFAULTS})
    broken = tmp_path / "two.jar"
    broken.write_bytes(b"no jar")
    with pytest.raises(zipfile.BadZipFile):
        trimmed([one, broken], tmp_path / "cache", SILENT)
    jar(broken, {"some-default.xml": DEFAULTS})
    made = trimmed([one, broken], tmp_path / "cache", SILENT)
    assert [entries(path) for path in made] == [{"some-default.xml": without_descriptions(DEFAULTS)}] * 2
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert trimmed([one, broken], tmp_path / "cache", SILENT) == made
