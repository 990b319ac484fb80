"""What a text names that exists only on a laptop, or that must not stand in code."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from windtunnel.deploy.findings import Level

ENDPOINT, LOCAL_NAME, CREDENTIALS = "endpoint", "local-name", "credentials"
_HOST = (
    r"(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?|host\.docker\.internal|localstack|(?:[\w-]+\.)*localhost"
    r"(?:\.localstack\.cloud)?)"
)
_URL = re.compile(rf"\b[a-z][\w+:.-]*://(?:[^/@\s]*@)?(?P<host>{_HOST})(?=[:/?#\s\"']|$)", re.IGNORECASE)
_HOST_AND_PORT = re.compile(rf"(?<![\w./-])(?P<host>{_HOST}):(?:\d{{2,5}}|\{{\}})(?!\w)", re.IGNORECASE)
# "localstack" alone may be the name of anything.
_HOST_ALONE = re.compile(rf"(?!localstack$)(?P<host>{_HOST})", re.IGNORECASE)
_PLAIN_S3 = re.compile(r"\bhttp://(?:[\w.-]+\.)?s3[.-][\w.-]*amazonaws\.com", re.IGNORECASE)
_HADOOPS = re.compile(r"\bfs\.s3[an]?\.(?:bucket\.[\w.-]+\.)?endpoint(?!\.region)\b")
_PATH_STYLE = re.compile(r"\bfs\.s3[an]?\.(?:bucket\.[\w.-]+\.)?path\.style\.access\b")
_HADOOPS_KEYS = re.compile(
    r"\bfs\.s3[an]?\.(?:bucket\.[\w.-]+\.)?(?:access|secret|awsAccessKeyId|awsSecretAccessKey)\b"
)
# Those of AWS's own documentation end in EXAMPLE.
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)(?![0-9A-Z]{9}EXAMPLE)[0-9A-Z]{16}\b")
_PLACE = re.compile(
    r"(?:(?<![\w./~:-])|(?<=file://))(?P<place>/home/(?!hadoop/|ec2-user/|airflow/)[\w.-]+|/Users/[\w.-]+|/root)/"
)
_STACKS = re.compile(r"(?<![\w.])/tmp/windtunnel\b")
ENDPOINT_VARIABLE = re.compile(r"AWS_ENDPOINT_URL(?:_[A-Z0-9_]+)?")
KEY_VARIABLE = re.compile(r"AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)")
OWN_VARIABLE = re.compile(r"WINDTUNNEL_[A-Z0-9_]+")

SDKS_FIND_IT = "Leave it out: AWS's SDKs find the service by the region, and here by variables of the stack."


@dataclass(frozen=True)
class Said:
    """What is wrong with a text."""

    rule: str
    why: str
    mend: str
    level: Level = "error"


@dataclass(frozen=True)
class Patterns:
    """What to look for in texts: the general, and the stack's `ports` and `names` (name -> the option it is of)."""

    ports: tuple[int, ...]
    names: dict[str, str]
    folder: str

    def in_text(self, text: str, *, whole: bool = True) -> Iterator[Said]:
        """What is wrong with a text; `whole`: it is a value by itself, and so may be a host alone."""
        yield from self._endpoints(text, whole=whole)
        if found := _HADOOPS_KEYS.search(text):
            yield Said(
                CREDENTIALS,
                f"{found.group()} brings keys of its own: on EMR the nodes' role has them.",
                _NO_KEYS,
            )
        if _ACCESS_KEY.search(text):
            yield Said(
                CREDENTIALS, "An AWS access key stands here, for everyone who can read the file.", _NO_KEYS
            )
        yield from self._names(text)

    def _endpoints(self, text: str, *, whole: bool) -> Iterator[Said]:
        found = (
            _URL.search(text)
            or _HOST_AND_PORT.search(text)
            or (_HOST_ALONE.fullmatch(text) if whole else None)
        )
        if found:
            why = (
                f"{found['host']} is the machine itself: on MWAA and EMR nothing of the stack answers there."
            )
            yield Said(ENDPOINT, why, SDKS_FIND_IT)
        elif port := next((p for p in self.ports if re.search(rf"://[^/\s]*:{p}(?!\d)", text)), None):
            yield Said(
                ENDPOINT, f"Port {port} is one of the stack's: on AWS nothing answers there.", SDKS_FIND_IT
            )
        if found := _PLAIN_S3.search(text):
            yield Said(
                ENDPOINT,
                f"{found.group()} is S3 without TLS, which a bucket's policy may deny.",
                "Use s3:// or https.",
            )
        if found := _HADOOPS.search(text):
            yield Said(
                ENDPOINT,
                f"{found.group()} leads Hadoop away from the S3 of the cluster's region.",
                SDKS_FIND_IT,
            )
        if found := _PATH_STYLE.search(text):
            why = f"{found.group()} is for emulators of S3: on AWS names of buckets are part of the host."
            yield Said(ENDPOINT, why, "Leave it out: here the cluster has it anyway.", "warning")

    def _names(self, text: str) -> Iterator[Said]:
        if (found := _PLACE.search(text)) or (
            self.folder and re.search(rf"{re.escape(self.folder)}(?![\w-])", text)
        ):
            place = found["place"] if found else self.folder
            yield Said(
                LOCAL_NAME,
                f"{place} is a folder of this machine, which neither MWAA nor EMR has.",
                "Take a path at s3://, or one beside the file itself (pathlib.Path(__file__).parent).",
            )
        if _STACKS.search(text):
            why = "/tmp/windtunnel… is the stack's own folder."  # noqa: S108
            yield Said(LOCAL_NAME, why, "Take a path at s3://.")
        for name, option in self.names.items():
            if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
                yield Said(
                    LOCAL_NAME,
                    f"{name} is what {option} is on this machine; on AWS it is another.",
                    f"Read the option {option}, as an argument of the job where it is Spark's.",
                )


_NO_KEYS = (
    "Leave it out: the environment's execution role and the cluster's instance profile are what code acts as."
)


def distinctive(here: str, there: Iterable[str]) -> bool:
    """Whether an option's value is a name that nothing but this project's stack would have."""
    is_name = re.fullmatch(r"[A-Za-z0-9][\w.-]{7,}", here) and re.search(r"[A-Za-z].*[-_.].*[A-Za-z]", here)
    of_everyone = re.match(r"(emr-|EMR_|ON_DEMAND)|[a-z]\w*\.\d*x?(large|metal)", here)
    return bool(is_name) and not of_everyone and here not in there
