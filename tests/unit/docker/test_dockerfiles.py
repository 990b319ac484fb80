"""What every Dockerfile keeps to: hadolint's rules, less those that `.hadolint.yaml` ignores, and ours."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import ROOT

CONFIGURATION = ROOT / ".hadolint.yaml"
LABELS = [f"org.opencontainers.image.{one}" for one in ("title", "description", "version")]
SECRET = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|(?:ACCESS|PRIVATE|API)_?KEY", re.IGNORECASE)
GOOD = """\
ARG PYTHON=3.12
FROM python:3.12-slim-bookworm AS packages
RUN python -m venv /opt/one
FROM python:3.12-slim-bookworm
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="one" \\
      org.opencontainers.image.description="one of two" \\
      org.opencontainers.image.source="https://example.org/one" \\
      org.opencontainers.image.licenses="Apache-2.0" \\
      org.opencontainers.image.version="${VERSION}"
COPY --from=packages /opt/one /opt/one
# A comment, the lines of one instruction,
RUN useradd --uid 1000 one \\
# and a comment between them.
 && mkdir /project
USER one
WORKDIR /project
CMD ["one"]
"""
BAD = [
    ("FROM python:3.12-slim-bookworm\n", "FROM python\n", "FROM python has no tag"),
    ("FROM python:3.12-slim-bookworm\n", "FROM python:latest\n", "FROM python:latest moves"),
    ("FROM python:3.12-slim-bookworm\n", "FROM python:$PYTHON\n", "FROM python:$PYTHON is not in the file"),
    ("ARG PYTHON", "# syntax=docker/dockerfile:1\nARG PYTHON", "# syntax="),
    ("USER one\n", "", "no USER"),
    ("USER one\n", "USER one\nUSER root\n", "USER root"),
    ("USER one\n", "USER 0:0\n", "USER 0:0"),
    ("ARG VERSION=0.1.0\n", "ARG VERSION=0.1.0 GITHUB_TOKEN\n", "GITHUB_TOKEN"),
    ("USER one\n", "ENV A=1 \\\n    AWS_SECRET_ACCESS_KEY=test\nUSER one\n", "AWS_SECRET_ACCESS_KEY"),
    ("USER one\n", "ENV DB_PASSWORD test\nUSER one\n", "DB_PASSWORD"),
    *((f"{label}=", "org.example.other=", f"no label {label}") for label in LABELS),
]


def dockerfiles() -> list[Path]:
    return sorted((ROOT / "docker").glob("*/Dockerfile"))


def hadolint(path: Path) -> list[str]:
    """The rules that a file breaks, as `DL3000:4 words`."""
    program = Path(sys.executable).with_name("hadolint")
    command = [str(program), "--config", str(CONFIGURATION), "--format", "json", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout, ran.stderr
    return [f"{one['code']}:{one['line']} {one['message']}" for one in json.loads(ran.stdout)]


def instructions(text: str) -> list[tuple[str, str]]:
    """A Dockerfile's instructions with what follows them, each on one line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\s*\n", " ", "\n".join(lines)).splitlines()
    found = (line.split(maxsplit=1) for line in whole if line.strip())
    return [(words[0].upper(), words[1].strip() if len(words) > 1 else "") for words in found]


def breaches(text: str) -> list[str]:
    """The rules of ours that a Dockerfile breaks."""
    found = ["# syntax= is fetched anew"] if re.search(r"^#\s*syntax\s*=", text, re.MULTILINE) else []
    stages: set[str] = set()
    last: list[tuple[str, str]] = []
    for name, rest in instructions(text):
        if name == "FROM":
            found += image_breaches(rest, stages)
            last = []
        if name in ("ENV", "ARG"):
            found += [f"{name} {one} is a secret's" for one in variables(name, rest) if SECRET.search(one)]
        last.append((name, rest))
    users = [rest for name, rest in last if name == "USER"]
    if not users or re.split("[:]", users[-1])[0] in ("root", "0"):
        found.append(f"USER {users[-1]} runs it" if users else "no USER but root")
    labels = " ".join(rest for name, rest in last if name == "LABEL")
    return found + [
        f"no label {one}" for one in LABELS if not re.search(rf"(?<!\S){re.escape(one)}=", labels)
    ]


def image_breaches(rest: str, stages: set[str]) -> list[str]:
    """What is wrong with a FROM; the stage that it names is added to the earlier ones."""
    words = [word for word in rest.split() if not word.startswith("--")]
    image, earlier = words[0], words[0] in stages
    if len(words) == 3:
        stages.add(words[2])
    tag = re.search(r":([^/:@]+)(?:@sha256:[0-9a-f]{64})?$", image)
    if earlier or image == "scratch":
        return []
    if "$" in image:
        return [f"FROM {image} is not in the file as it is"]
    if tag is None:
        return [f"FROM {image} has no tag"]
    return [f"FROM {image} moves"] if tag[1] == "latest" else []


def variables(name: str, rest: str) -> list[str]:
    """What an ENV or ARG sets: `A=1 B="2 3"`, `A`, or the old `A 1`."""
    words = shlex.split(rest)
    if name == "ENV" and "=" not in words[0]:
        return words[:1]
    return [word.partition("=")[0] for word in words]


def test_every_dockerfile_breaks_no_rule_of_hadolints_but_the_ignored_ones() -> None:
    assert dockerfiles(), "there is none under docker/"
    assert not {str(path): broken for path in dockerfiles() if (broken := hadolint(path))}


def test_every_dockerfile_is_pinned_labelled_without_secrets_and_not_roots() -> None:
    assert dockerfiles(), "there is none under docker/"
    assert not {str(path): broken for path in dockerfiles() if (broken := breaches(path.read_text()))}


def test_a_good_dockerfile_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(GOOD)

    assert hadolint(tmp_path / "Dockerfile") == []
    assert breaches(GOOD) == []


@pytest.mark.parametrize(("good", "bad", "said"), BAD)
def test_what_breaks_a_rule_of_ours_is_named(good: str, bad: str, said: str) -> None:
    assert good in GOOD

    assert [one for one in breaches(GOOD.replace(good, bad)) if said in one]


def test_hadolint_finds_what_is_bad_and_no_comment_silences_it(tmp_path: Path) -> None:
    bad = "# hadolint ignore=DL3008\nRUN apt-get update && apt-get install -y curl\nUSER one\n"
    (tmp_path / "Dockerfile").write_text(GOOD.replace("USER one\n", bad))

    assert {one.partition(":")[0] for one in hadolint(tmp_path / "Dockerfile")} >= {"DL3008", "DL3015"}


def test_every_ignored_rule_has_its_reason_in_the_line_above() -> None:
    lines = CONFIGURATION.read_text().splitlines()
    ignored = [index for index, line in enumerate(lines) if line.startswith("  - ")]

    assert ignored
    assert all(lines[index - 1].startswith("  # ") for index in ignored)
