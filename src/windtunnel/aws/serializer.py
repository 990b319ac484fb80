"""From Python to the wire: a response's members as a JSON 1.1 body, by the operation's output shape."""

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from windtunnel.aws.errors import ServiceError


def serialize(members: Mapping[str, Any], shape: StructureShape) -> bytes:
    """The body for these members. None leaves a member out; datetimes become seconds since 1970, to the ms.

    Raises TypeError or ValueError, naming the place, for a member, a type or an enum's value that the model
    does not have: a mistake of the operation, never the client's.
    """
    return json.dumps(_write_structure(members, shape, ""), separators=(",", ":")).encode("ascii")


def serialize_error(error: ServiceError, shape: StructureShape | None) -> bytes:
    """The body of an error: its type, its message under the name that the modelled exception has for it."""
    message = "Message" if shape is not None and "Message" in shape.members else "message"
    return json.dumps({"__type": error.code, **error.members, message: error.message}).encode("ascii")


def _write(value: Any, shape: Shape, path: str) -> object:
    return _WRITERS[shape.type_name](value, shape, path)


def _write_structure(value: Any, shape: StructureShape, path: str) -> dict[str, object]:
    _require(value, Mapping, shape, path)
    members = shape.members
    written: dict[str, object] = {}
    for name, item in value.items():
        member = members.get(name)
        if member is None:
            raise ValueError(f"{shape.name} has no member {name} (response, at '{path}')")
        if item is not None:
            written[name] = _WRITERS[member.type_name](item, member, f"{path}.{name}")
    return written


def _write_list(value: Any, shape: ListShape, path: str) -> list[object]:
    _require(value, (list, tuple), shape, path)
    member = shape.member
    return [_write(item, member, path) for item in value]


def _write_map(value: Any, shape: MapShape, path: str) -> dict[str, object]:
    _require(value, Mapping, shape, path)
    member = shape.value
    return {
        str(_write(key, shape.key, path)): _write(item, member, f"{path}.{key}")
        for key, item in value.items()
    }


def _write_string(value: Any, shape: StringShape, path: str) -> str:
    _require(value, str, shape, path)
    if shape.enum and value not in shape.enum:
        raise ValueError(f"{shape.name} has no value {value!r} (response, at '{path}')")
    return str(value)


def _write_boolean(value: Any, shape: Shape, path: str) -> bool:
    _require(value, bool, shape, path)
    return bool(value)


def _write_integer(value: Any, shape: Shape, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _mistyped(value, shape, path)
    return value


def _write_float(value: Any, shape: Shape, path: str) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise _mistyped(value, shape, path)
    return value


def _write_timestamp(value: Any, shape: Shape, path: str) -> float:
    if not isinstance(value, datetime):
        raise _mistyped(value, shape, path)
    if value.tzinfo is None:
        raise ValueError(f"A time without a time zone (response, at '{path}')")
    return round(value.timestamp(), 3)


def _write_blob(value: Any, shape: Shape, path: str) -> str:
    _require(value, bytes, shape, path)
    return base64.b64encode(value).decode("ascii")


def _require(value: Any, kind: type | tuple[type, ...], shape: Shape, path: str) -> None:
    if not isinstance(value, kind):
        raise _mistyped(value, shape, path)


def _mistyped(value: Any, shape: Shape, path: str) -> TypeError:
    return TypeError(f"{value!r} is no {shape.type_name} (response, at '{path}')")


_WRITERS: dict[str, Callable[[Any, Any, str], object]] = {
    "structure": _write_structure,
    "map": _write_map,
    "list": _write_list,
    "string": _write_string,
    "blob": _write_blob,
    "boolean": _write_boolean,
    "integer": _write_integer,
    "long": _write_integer,
    "float": _write_float,
    "double": _write_float,
    "timestamp": _write_timestamp,
}
