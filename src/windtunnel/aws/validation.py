"""What the model demands of a request's members beyond their types, told in AWS's wording, all at once."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from windtunnel.aws.errors import validation_exception

_LONGEST_VALUE = 200
"""Characters of a refused value that the message repeats."""

_MOST_PROBLEMS = 20
"""Problems that one message tells; the count is always of all."""


def validate(params: Mapping[str, Any], shape: Shape) -> None:
    """Holds parsed parameters against the constraints of their shape.

    Required members, enums, lengths, ranges, patterns, unions; and no member that the shape does not have:
    what is not known can't be honoured, and nothing is ignored.
    Raises ServiceError (ValidationException) that tells every problem.
    """
    problems = list(_problems(params, shape, ""))
    if problems:
        errors = "1 validation error" if len(problems) == 1 else f"{len(problems)} validation errors"
        raise validation_exception(f"{errors} detected: {'; '.join(problems[:_MOST_PROBLEMS])}")


def _problems(value: Any, shape: Shape, path: str) -> Iterator[str]:
    match shape:
        case StructureShape():
            yield from _structure_problems(value, shape, path)
        case ListShape():
            yield from _size_problems(value, shape, path, "length")
            for index, item in enumerate(value, start=1):
                yield from _problems(item, shape.member, f"{path}.{index}.member")
        case MapShape():
            yield from _size_problems(value, shape, path, "length")
            for key, item in value.items():
                yield from _problems(key, shape.key, f"{path}.{key}.key")
                yield from _problems(item, shape.value, f"{path}.{key}.member")
        case StringShape():
            yield from _string_problems(value, shape, path)
        case _ if shape.type_name in {"integer", "long", "float", "double"}:
            yield from _size_problems(value, shape, path, "value")


def _structure_problems(value: Mapping[str, Any], shape: StructureShape, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    if shape.is_tagged_union and len(value) != 1:
        yield _failed(value, shape, path, f"Exactly one member must be set of [{', '.join(shape.members)}]")
    for name, item in value.items():
        member = shape.members.get(name)
        if member is None:
            place = f"{path}.{name}" if path else name
            yield (
                f"Value at '{place}' failed to satisfy constraint:"
                f" Member must be known; {shape.name} has no member '{name}', and none is ignored here"
            )
        else:
            yield from _problems(item, member, _join(path, name))


def _join(path: str, name: str) -> str:
    """AWS writes members in lower camel case, whatever the model calls them."""
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _string_problems(value: str, shape: StringShape, path: str) -> Iterator[str]:
    wrong_size = list(_size_problems(value, shape, path, "length"))
    yield from wrong_size
    if shape.enum and value not in shape.enum:
        yield _failed(value, shape, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not wrong_size and not compiled(pattern).fullmatch(value):
        yield _failed(value, shape, path, f"Member must satisfy regular expression pattern: {pattern}")


def _size_problems(value: Any, shape: Shape, path: str, what: str) -> Iterator[str]:
    size = len(value) if what == "length" else value
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _failed(value, shape, path, f"Member must have {what} greater than or equal to {least}")
    if most is not None and size > most:
        yield _failed(value, shape, path, f"Member must have {what} less than or equal to {most}")


def _failed(value: Any, shape: Shape, path: str, constraint: str) -> str:
    shown = "" if shape.metadata.get("sensitive") else f" '{_shown(value)}'"
    return f"Value{shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the model, which is Java's, for Python: a surrogate pair there is one character here."""
    return re.compile(_SURROGATE_PAIR.sub(_character, pattern), re.ASCII)


_SURROGATE_PAIR = re.compile(r"\\u(D[89AB][0-9A-F]{2})\\u(D[C-F][0-9A-F]{2})")


def _character(pair: re.Match[str]) -> str:
    high, low = int(pair[1], 16), int(pair[2], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"
