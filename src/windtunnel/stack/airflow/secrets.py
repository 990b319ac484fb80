"""The keys of one Airflow, made once: connections in its database are encrypted with them."""

import base64
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from windtunnel.install.files import locked, write_atomically


@dataclass(frozen=True)
class Secrets:
    """`fernet_key` encrypts connections and variables, the others sign sessions and tokens."""

    fernet_key: str
    api_secret_key: str
    jwt_secret: str


def keep_secrets(home: Path) -> Secrets:
    """The secrets kept in the folder `home`, made when there are none; readable by the user only."""
    path = home / "secrets.json"
    with locked(home / ".secrets.lock"):
        if not path.exists():
            made = Secrets(*(base64.urlsafe_b64encode(os.urandom(32)).decode() for _ in range(3)))
            write_atomically(path, json.dumps(asdict(made), indent=2) + "\n", mode=0o600)
    return Secrets(**json.loads(path.read_text()))
