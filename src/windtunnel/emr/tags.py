"""Tags of a cluster: a list of Key and Value on the wire, a dict in the store."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from windtunnel.emr.errors import validation_exception

if TYPE_CHECKING:
    from mypy_boto3_emr.type_defs import TagTypeDef

MOST_TAGS = 50
LONGEST_KEY, LONGEST_VALUE = 128, 256


def as_tags(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Key -> value. Raises ValidationException where a tag breaks AWS's rules."""
    tags: dict[str, str] = {}
    for tag in given:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not 1 <= len(key) <= LONGEST_KEY or key.lower().startswith("aws:"):
            raise validation_exception(
                f"The tag key '{key}' is invalid: 1 to 128 characters, not beginning with aws:"
            )
        if len(value) > LONGEST_VALUE or value.lower().startswith("aws:"):
            raise validation_exception(
                f"The value of the tag '{key}' is invalid: up to 256 characters, not beginning with aws:"
            )
        tags[key] = value
    check_count(tags)
    return tags


def check_count(tags: Mapping[str, str]) -> None:
    """Raises ValidationException where a cluster would have too many tags."""
    if len(tags) > MOST_TAGS:
        raise validation_exception(f"A cluster takes at most {MOST_TAGS} tags, not {len(tags)}.")


def as_list(tags: Mapping[str, str]) -> "list[TagTypeDef]":
    """As the API lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
