"""A step's jar and arguments as a command of the master node."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from windtunnel.install.files import write_atomically

COMMAND_RUNNER = "command-runner.jar"
SCRIPT_RUNNER = "script-runner.jar"
S3_DIST_CP = re.compile(r"s3-dist-cp\.jar|s3distcp\.jar|emr-s3distcp-.*\.jar")


def runner_of(jar: str) -> str | None:
    """Which of EMR's own runners a jar is, wherever it is said to be; None for a custom JAR."""
    name = PurePosixPath(jar).name
    return name if name in (COMMAND_RUNNER, SCRIPT_RUNNER) else None


def step_argv(
    jar: str,
    main_class: str | None,
    properties: Mapping[str, str],
    args: Sequence[str],
    step_folder: Path,
) -> tuple[str, ...]:
    """The command of a HadoopJarStepConfig; its program is found on the step's PATH.

    A jar that is none of EMR's own (command-runner, script-runner, s3-dist-cp) runs as `hadoop jar` does; `properties`
    become Java system properties there, by a file in `step_folder`. Raises ValueError when the runner
    has no Args to run.
    """
    runner = runner_of(jar)
    if runner and not args:
        raise ValueError(f"{runner} needs Args: the first one says what to run.")
    if runner == COMMAND_RUNNER:
        return tuple(args)
    if runner == SCRIPT_RUNNER:
        return ("script-runner", str(step_folder), *args)
    if S3_DIST_CP.fullmatch(PurePosixPath(jar).name):
        return ("s3-dist-cp", *(f"-D{name}={value}" for name, value in properties.items()), *args)
    options = step_folder / "java-options"
    write_atomically(options, "".join(f'"{_quoted(f"-D{k}={v}")}"\n' for k, v in properties.items()))
    main = (main_class,) if main_class else ()
    return ("jar-runner", str(step_folder), jar, *main, *args)


def _quoted(option: str) -> str:
    """As in the argument files of `java`."""
    return option.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
