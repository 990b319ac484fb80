"""What in the repository's files looks like a secret, less what is allowed with a reason."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ALLOWED = Path(__file__).with_name("secrets.toml")
NO_SECRETS = {"IPPublicDetector"}
"""Plugins that look for something else: an address is none, and a version of four numbers looks like one."""
DIGESTS = [r"--hash=sha256:[0-9a-f]{64}", r'sha256 = "[0-9a-f]{64}"']
"""Lines of locks: they are published, and a scan would take each for a key."""
PRAGMAS = "detect_secrets.filters.allowlist.is_line_allowlisted"
"""The library's own way to allow a line, by a comment that needs no reason."""


@dataclass(frozen=True, order=True)
class Suspect:
    """What looks like a secret, and where."""

    file: str
    line: int
    kind: str
    value: str

    def __str__(self) -> str:
        """Without the value: a log is no place for it."""
        return f"{self.file}:{self.line}: {self.kind}"


@dataclass(frozen=True)
class Allowance:
    """What looks like a secret and is none: a regular expression of the whole value, and where it may stand."""

    value: str
    files: str
    reason: str

    def covers(self, suspect: Suspect) -> bool:
        return fnmatch(suspect.file, self.files) and re.fullmatch(self.value, suspect.value) is not None


def allowances(path: Path = ALLOWED) -> list[Allowance]:
    """What the file allows."""
    return [Allowance(**row) for row in tomllib.loads(path.read_text())["allowed"]]


def suspects(root: Path, names: Iterable[str]) -> list[Suspect]:
    """Everything in these files that looks like a secret; nothing is sent anywhere to verify it."""
    known: dict[str, type] = get_mapping_from_secret_type_to_class()
    plugins = {one.__name__ for one in known.values()} - NO_SECRETS
    configuration = {
        "plugins_used": [{"name": name} for name in sorted(plugins)],
        "filters_used": [
            {"path": "detect_secrets.filters.regex.should_exclude_line", "pattern": DIGESTS},
        ],
    }
    found = SecretsCollection(str(root))
    with transient_settings(configuration) as settings:
        settings.disable_filters(PRAGMAS)
        for name in names:
            found.scan_file(name)
    return sorted(
        Suspect(name, one.line_number, one.type, one.secret_value or "")
        for name, held in found.data.items()
        for one in held
    )
