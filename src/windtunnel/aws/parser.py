"""From the wire to Python: a JSON 1.1 body read by the operation's input shape."""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Never, TypeVar

from botocore.model import ListShape, MapShape, Shape, StructureShape

from windtunnel.aws.errors import ServiceError, serialization_exception

MAX_DEPTH = 64
"""Levels of nesting. EMR's only recursive shape, Configurations, is used two deep (six levels) in life."""

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BITS = {"integer": 32, "long": 64}
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(body: bytes, shape: StructureShape) -> dict[str, Any]:
    """The members of the input in this body: timestamps as datetimes in UTC, blobs as bytes.

    A member whose value is null is left out, as AWS does. A member that the shape does not have is kept as it
    is, for the validation to name. Raises ServiceError (SerializationException) for anything that is not JSON
    or has not the shape's types.
    """
    return _read_structure(_decode(body), shape, "", 0)


def _decode(body: bytes) -> object:
    if not body.strip():
        return {}
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # also UnicodeDecodeError, and numbers of more digits than Python converts
        raise serialization_exception(f"The request's body is not JSON in UTF-8: {error}") from None


def _refuse_constant(constant: str) -> Never:
    raise ValueError(f"{constant} is not a number of JSON")


def _too_deep() -> ServiceError:
    return serialization_exception(f"The request's body is nested more than {MAX_DEPTH} levels deep.")


def _read(value: object, shape: Shape, path: str, depth: int) -> object:
    return _READERS[shape.type_name](value, shape, path, depth)


def _read_structure(value: object, shape: StructureShape, path: str, depth: int) -> dict[str, Any]:
    given = _expect(value, dict, shape, path)
    if depth > MAX_DEPTH:
        raise _too_deep()
    members = shape.members
    read: dict[str, object] = {}
    for name, item in given.items():
        member = members.get(name)
        if member is None:
            read[name] = item
        elif item is not None:
            read[name] = _read(item, member, f"{path}.{name}" if path else name, depth + 1)
    return read


def _read_list(value: object, shape: ListShape, path: str, depth: int) -> list[object]:
    items = _expect(value, list, shape, path)
    if depth > MAX_DEPTH:
        raise _too_deep()
    return [_read(item, shape.member, f"{path}[{index}]", depth + 1) for index, item in enumerate(items)]


def _read_map(value: object, shape: MapShape, path: str, depth: int) -> dict[str, Any]:
    given = _expect(value, dict, shape, path)
    if depth > MAX_DEPTH:
        raise _too_deep()
    return {
        _text(key, path): _read(item, shape.value, f"{path}.{key}", depth + 1) for key, item in given.items()
    }


def _read_string(value: object, shape: Shape, path: str, _: int) -> str:
    return _text(_expect(value, str, shape, path), path)


def _text(value: str, path: str) -> str:
    if not value.isascii() and _SURROGATE.search(value):
        raise serialization_exception(
            f"The text at '{path}' holds half a surrogate pair, which is no character."
        )
    return value


def _read_boolean(value: object, shape: Shape, path: str, _: int) -> bool:
    return _expect(value, bool, shape, path)


def _read_integer(value: object, shape: Shape, path: str, _: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unexpected(value, shape, path)
    limit = 1 << (_BITS[shape.type_name] - 1)
    if not -limit <= value < limit:
        raise serialization_exception(f"The number at '{path}' is out of the range of {_kind(shape)}.")
    return value


def _read_float(value: object, shape: Shape, path: str, _: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unexpected(value, shape, path)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise serialization_exception(f"The number at '{path}' is out of the range of {_kind(shape)}.")
    return number


def _read_timestamp(value: object, shape: Shape, path: str, depth: int) -> datetime:
    seconds = _read_float(value, shape, path, depth)
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise serialization_exception(
            f"The number at '{path}' is no point in time between the years 1 and 9999."
        ) from None


def _read_blob(value: object, shape: Shape, path: str, _: int) -> bytes:
    try:
        return base64.b64decode(_expect(value, str, shape, path), validate=True)
    except (binascii.Error, ValueError):
        raise serialization_exception(f"The text at '{path}' is not Base64.") from None


def _expect(value: object, kind: type[_T], shape: Shape, path: str) -> _T:
    if not isinstance(value, kind):
        raise _unexpected(value, shape, path)
    return value


_KINDS = {
    "structure": "an object",
    "map": "an object",
    "list": "a list",
    "string": "a string",
    "blob": "a Base64 string",
    "boolean": "true or false",
    "integer": "an integer of 32 bits",
    "long": "an integer of 64 bits",
    "float": "a number",
    "double": "a number",
    "timestamp": "a number of seconds since 1970",
}


def _kind(shape: Shape) -> str:
    return _KINDS[shape.type_name]


def _unexpected(value: object, shape: Shape, path: str) -> ServiceError:
    where = f"the value at '{path}'" if path else "the request's body"
    found = "null" if value is None else json.dumps(value)[:80]
    return serialization_exception(f"Expected {where} to be {_kind(shape)}, found {found}.")


_READERS: dict[str, Callable[[object, Any, str, int], object]] = {
    "structure": _read_structure,
    "map": _read_map,
    "list": _read_list,
    "string": _read_string,
    "blob": _read_blob,
    "boolean": _read_boolean,
    "integer": _read_integer,
    "long": _read_integer,
    "float": _read_float,
    "double": _read_float,
    "timestamp": _read_timestamp,
}
