"""Which file goes where: s3-dist-cp's rules of grouping and naming, without any file system."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from windtunnel.hadoop.s3distcp.options import CODECS, Options

Groups = Callable[[str, str], Sequence[str] | None]
"""The groups of a text that a regular expression matches as a whole, None where it does not."""
Exists = Callable[[str], int | None]
"""The size of the file of this name below dest, None where there is none."""


class CannotCopyError(Exception):
    """What was asked for can't be done; the text says why."""


@dataclass(frozen=True)
class Source:
    """A file to copy: its address, its name below src, its bytes."""

    path: str
    name: str
    size: int


@dataclass(frozen=True)
class Output:
    """A file to write: its name below dest, and of which files in which order."""

    name: str
    sources: tuple[Source, ...]
    append: bool = False


def codec_of(name: str) -> str:
    """The codec that a file's name ends in, or nothing."""
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    return suffix if suffix in CODECS else ""


def choose(sources: Iterable[Source], options: Options, groups: Groups) -> list[Source]:
    """Those that --srcPattern and --groupBy match, each by its whole address."""
    patterns = [one for one in (options.src_pattern, options.group_by) if one]
    return [one for one in sources if all(groups(pattern, one.path) is not None for pattern in patterns)]


def plan(sources: Sequence[Source], options: Options, groups: Groups, exists: Exists) -> list[Output]:
    """The files to write. Raises CannotCopyError."""
    numbers = {one.path: number for number, one in enumerate(sources, options.starting_index)}
    outputs: list[Output] = []
    for key, members in _grouped(sources, options, groups).items():
        number = str(numbers[members[0].path]) if options.number_files else ""
        outputs += _outputs(members, options, _names(key, members, options, number), exists)
    return outputs


def _names(key: str, sources: Sequence[Source], options: Options, number: str) -> Callable[[int], str]:
    """The names of a group's files: the group itself where its first source is, then with 1, 2… at its end."""
    stem = key.rpartition("/")[2]
    if codec_of(stem):
        stem = stem.rpartition(".")[0]
    codec = _output_codec(sources, options)
    folder = PurePosixPath(sources[0].name).parent
    # ~: the first file of a group has no number, the second one has 1.
    return lambda index: str(folder / f"{number}{stem}{index or ''}{f'.{codec}' if codec else ''}")


def _grouped(sources: Sequence[Source], options: Options, groups: Groups) -> dict[str, list[Source]]:
    grouped: dict[str, list[Source]] = {}
    for source in sources:
        key = source.name
        if options.group_by:
            found = "".join(text or "" for text in groups(options.group_by, source.path) or ())
            key = "/".join(part.strip() for part in re.split(r"[:/]", found) if part.strip())
            if not key:
                raise CannotCopyError(f"The groups of --groupBy are empty for {source.path}.")
        grouped.setdefault(key, []).append(source)
    return grouped


def _output_codec(sources: Sequence[Source], options: Options) -> str:
    if options.output_codec == "none":
        return ""
    if options.output_codec != "keep":
        return options.output_codec
    codecs = {codec_of(one.name) for one in sources}
    if len(codecs) > 1:
        raise CannotCopyError(
            "Cannot keep compression scheme for input files with different compression schemes."
        )
    return codecs.pop()


def _outputs(
    sources: Sequence[Source], options: Options, name: Callable[[int], str], exists: Exists
) -> list[Output]:
    if not options.group_by:
        there = options.append_to_last_file and exists(name(0)) is not None
        return [Output(name(0), tuple(sources), there)]
    index, size, append = _begin(sources[0].size, options, name, exists)
    outputs: list[Output] = []
    members: list[Source] = []
    for source in sources:
        members.append(source)
        size += source.size
        if options.target_size and size >= options.target_size:
            outputs.append(Output(name(index), tuple(members), append))
            index, size, append, members = index + 1, 0, False, []
    if members:
        outputs.append(Output(name(index), tuple(members), append))
    return outputs


def _begin(size: int, options: Options, name: Callable[[int], str], exists: Exists) -> tuple[int, int, bool]:
    """The first number that no file at dest has, or the last that one has, when there is room and it may grow."""
    index = 0
    while exists(name(index)) is not None:
        index += 1
    if options.append_to_last_file and index:
        last = exists(name(index - 1)) or 0
        if options.target_size is None or last + size < options.target_size:
            return index - 1, last, True
    return index, 0, False
