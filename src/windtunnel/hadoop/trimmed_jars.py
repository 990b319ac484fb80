"""Hadoop's jars without what its JVMs would only skip, each time that they start.

A Hadoop process reads the defaults (core-default.xml, yarn-default.xml and their like) some twenty times, and most of
what it parses are descriptions. The classes of a signed jar go into no archive of classes, and Java checks thousands
of digests before it loads the first. docs/decisions/0014 has the figures.
"""

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from windtunnel.install.files import locked
from windtunnel.install.progress import Progress

FORMAT = "1"
"""Of what is made here: another one makes other jars."""
DEFAULTS = "-default.xml"
MANIFEST = "META-INF/MANIFEST.MF"
SIGNATURES = (".SF", ".RSA", ".DSA", ".EC")
KEPT = ("name", "value", "final", "tag")
"""Of a property: all that Hadoop's Configuration looks at."""


def trimmed(jars: Sequence[Path], cache: Path, progress: Progress) -> tuple[Path, ...]:
    """The same jars in the same order, made once under `cache`; one that has nothing to trim is given as it is."""
    names = "\n".join((FORMAT, *(jar.name for jar in jars)))
    home = cache / "trimmed" / hashlib.sha256(names.encode()).hexdigest()[:12]
    if not home.exists():
        with locked(home.with_name(f".{home.name}.lock")):
            if not home.exists():
                with progress.task("Hadoop: jars that load faster", unit="jars"):
                    _make(jars, home)
    return tuple(own if (own := home / jar.name).exists() else jar for jar in jars)


def _make(jars: Sequence[Path], home: Path) -> None:
    part = home.with_name(f".{home.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    for jar in jars:
        with zipfile.ZipFile(jar) as source:
            if any(_is_defaults(name) or _is_signature(name) for name in source.namelist()):
                with zipfile.ZipFile(part / jar.name, "w", zipfile.ZIP_DEFLATED) as made:
                    for name, data in _entries(source):
                        made.writestr(name, data)
    part.rename(home)


def _entries(jar: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    is_signed = any(_is_signature(name) for name in jar.namelist())
    for name in jar.namelist():
        if _is_signature(name):
            continue
        data = jar.read(name)
        if _is_defaults(name):
            data = without_descriptions(data)
        elif is_signed and name == MANIFEST:
            data = _main_section(data)
        yield name, data


def _is_defaults(name: str) -> bool:
    return "/" not in name and name.endswith(DEFAULTS)


def _is_signature(name: str) -> bool:
    path = PurePosixPath(name)
    return str(path.parent) == "META-INF" and path.suffix in SIGNATURES


def _main_section(manifest: bytes) -> bytes:
    """Of the jar as a whole; the sections after it have the digest of a file each."""
    lines = manifest.replace(b"\r\n", b"\n")
    return lines.partition(b"\n\n")[0] + b"\n\n"


def without_descriptions(defaults: bytes) -> bytes:
    """The properties that have a value, in the short form that Hadoop reads as well: a test compares what it reads."""
    short = ElementTree.Element("configuration")
    for given in ElementTree.fromstring(defaults).iter("property"):  # noqa: S314 - Hadoop's own, by its checksum
        kept = {part.tag: part.text for part in given if part.tag in KEPT and part.text}
        if "value" in kept:
            ElementTree.SubElement(short, "property", {**kept, "name": kept["name"].strip()})
    written: bytes = ElementTree.tostring(short, encoding="utf-8", xml_declaration=True)
    return written
