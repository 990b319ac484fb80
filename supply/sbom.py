"""Bills of materials in CycloneDX's format, from the locks alone: nothing is installed and nobody asked.

python -m supply.sbom                            one for each lock, and each image, in dist/sbom/
python -m supply.sbom -o emr.cdx.json LOCK …     one for what these locks bring together, as in an image
"""

import argparse
import os
import tomllib
import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from supply.locks import ROOT, Jar, Pin, jar_locks, jars, pins, python_locks

FOLDER = Path("dist") / "sbom"
AIRFLOW = "src/windtunnel/stack/airflow/versions/3.0.6/lock.txt"
IMAGES: dict[str, dict[str, set[str]]] = {
    "image-emr": {"locks/runtime.txt": set()},
    "image-airflow": {AIRFLOW: set(), "locks/runtime.txt": {"uv"}},
}
"""What docker/*/Dockerfile installs: by lock the distributions, all where none is named."""
SUFFIX = ".cdx.json"
"""CycloneDX's own."""


def bill(
    name: str,
    locks: Iterable[str],
    root: Path = ROOT,
    only: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Bom:
    """What the locks bring together, as the parts of an application `name` of this project's version.

    Of a lock in `only` nothing but the distributions that are named there.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    made = Bom(components=_components(root, sorted(locks), only))
    made.metadata.component = Component(
        type=ComponentType.APPLICATION, name=name, version=project["version"], bom_ref=name
    )
    made.metadata.timestamp = _now()
    made.register_dependency(made.metadata.component, made.components)
    # The same parts have the same number, so that two builds of one commit can be compared.
    urls = "\n".join(sorted(str(one.purl) for one in made.components))
    made.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{name} {project['version']}\n{urls}")
    return made


def _now() -> datetime:
    """The time of a build that is to be repeated, if one is given, in seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(given), UTC) if given else datetime.now(UTC)


def _components(root: Path, locks: list[str], only: Mapping[str, Collection[str]]) -> list[Component]:
    """One for each version, with every lock it stands in."""
    components: dict[str, Component] = {}
    for lock in locks:
        is_jars = lock.endswith(".toml")
        found = map(_jar, jars(root / lock)) if is_jars else map(_distribution, pins(root / lock))
        for component in (one for one in found if not only.get(lock) or one.name in only[lock]):
            one = components.setdefault(str(component.purl), component)
            one.properties.update(component.properties)
            one.properties.add(Property(name="windtunnel:lock", value=lock))
    return list(components.values())


def _distribution(pin: Pin) -> Component:
    url = PackageURL("pypi", name=pin.name, version=pin.version)
    marker = [Property(name="windtunnel:marker", value=pin.marker)] if pin.marker else []
    return Component(name=pin.name, version=pin.version, purl=url, bom_ref=str(url), properties=marker)


def _jar(jar: Jar) -> Component:
    url = PackageURL("maven", namespace=jar.group, name=jar.artifact, version=jar.version)
    digest = HashType(alg=HashAlgorithm.SHA_256, content=jar.sha256)
    return Component(
        group=jar.group,
        name=jar.artifact,
        version=jar.version,
        purl=url,
        bom_ref=str(url),
        hashes=[digest],
    )


def text(made: Bom) -> str:
    """The bill as JSON."""
    return make_outputter(made, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


def lock_name(lock: str) -> str:
    """A name for a lock's bill: `src/windtunnel/stack/airflow/versions/3.0.6/lock.txt` is `airflow-3.0.6`."""
    path = Path(lock)
    if path.parts[0] == "locks":
        return f"windtunnel-{path.stem}"
    if path.name != "lock.txt":
        return path.stem
    return f"airflow-{path.parent.name}" if path.parts[-3] == "versions" else path.parent.name


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m supply.sbom", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "locks", nargs="*", metavar="LOCK", help="relative to the repository; all, if none is given"
    )
    parser.add_argument(
        "-o", "--output", type=Path, help=f"a file, or a folder if no lock is given; {FOLDER}"
    )
    arguments = parser.parse_args()
    if arguments.locks and not arguments.output:
        parser.error("say where the bill of these locks goes: --output emr.cdx.json")
    output = arguments.output or ROOT / FOLDER
    if arguments.locks:
        name = output.name.removesuffix(SUFFIX)
        bills = {output: bill(f"windtunnel-{name}", arguments.locks)}
    else:
        every = python_locks() + jar_locks()
        bills = {output / f"{lock_name(lock)}{SUFFIX}": bill(lock_name(lock), [lock]) for lock in every}
        bills |= {output / f"{name}{SUFFIX}": bill(name, parts, only=parts) for name, parts in IMAGES.items()}
    for path, made in bills.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(made) + "\n")
    parts = sum(len(made.components) for made in bills.values())
    print(f"{len(bills)} bills of materials with {parts} components are in {output}.")


if __name__ == "__main__":
    main()
