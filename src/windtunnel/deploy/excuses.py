"""Excuses: a comment `# windtunnel: allow endpoint` on a finding's line, or alone on the line above it."""

import difflib
import io
import re
import tokenize
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from windtunnel.deploy.findings import Finding, place_in

_COMMENT = re.compile(r"(?:#|--|//)\s*windtunnel:\s*allow\b(?P<rules>[^#]*)")
RULE = "excuse"


@dataclass(frozen=True)
class Excuse:
    """A comment that lets findings of a rule pass, at `line` of a file and, when it stands alone, at the next."""

    file: str
    line: int
    rule: str
    alone: bool

    def covers(self, finding: Finding) -> bool:
        lines = (self.line, self.line + 1) if self.alone else (self.line,)
        return (finding.file, finding.rule) == (self.file, self.rule) and finding.line in lines


def excused(
    findings: Iterable[Finding], excuses: Collection[Excuse], rules: Collection[str]
) -> list[Finding]:
    """The findings that nothing excuses, and a warning for each excuse that excuses none."""
    found = list(findings)
    used = {excuse for excuse in excuses for finding in found if excuse.covers(finding)}
    left = [finding for finding in found if not any(excuse.covers(finding) for excuse in used)]
    return left + [_unused(excuse, rules) for excuse in excuses if excuse not in used]


def excuses_in(project: Path, file: Path) -> list[Excuse]:
    """Those that a file has."""
    text = file.read_text(errors="replace")
    if "windtunnel:" not in text:
        return []
    comments = _python_comments(text) if file.suffix == ".py" else dict(enumerate(text.splitlines(), 1))
    lines = text.splitlines()
    name = place_in(project, file)
    return [
        Excuse(name, number, rule, alone=lines[number - 1].lstrip().startswith(("#", "--", "//")))
        for number, comment in comments.items()
        if (said := _COMMENT.search(comment))
        for rule in re.split(r"[\s,]+", said["rules"].strip())
    ]


def _python_comments(text: str) -> dict[int, str]:
    comments = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                comments[token.start[0]] = token.string
    except (tokenize.TokenError, SyntaxError):
        pass  # what could be read counts; the file's error is another rule's finding
    return comments


def _unused(excuse: Excuse, rules: Collection[str]) -> Finding:
    if excuse.rule in rules:
        why = f"This excuse of `{excuse.rule}` excuses nothing: the line has no such finding."
        mend = "Remove the comment."
    else:
        near = difflib.get_close_matches(excuse.rule, rules, n=1) or sorted(rules)
        why = f"There is no rule `{excuse.rule}` to excuse."
        mend = (
            f"Write `# windtunnel: allow {near[0]}`."
            if len(near) == 1
            else f"The rules are {', '.join(near)}."
        )
    return Finding(excuse.file, excuse.line, RULE, why, mend, "warning")
