"""Plain values (from YAML or the command line) -> settings, strictly.

Every complaint names the path of the key, what is allowed there, what came, and for a
misspelt key the one that was probably meant.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from nextslice.errors import NextsliceError, SettingsError

__all__ = ["Positive", "Whole", "plain", "validated"]

T = TypeVar("T")

Whole = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A number that counts from 0, such as a seed; numpy and torch take no larger one."""

Positive = Annotated[int, Field(ge=1, le=10**9)]
"""How many there are of something; more than a billion is a slip, or meant to do harm."""

_WANTED: Final[Mapping[tuple[str, ...], str]] = {
    ("tuple_type", "list_type", "set_type"): "a list",
    ("int_type", "int_parsing", "int_from_float"): "a whole number",
    ("float_type", "float_parsing", "finite_number"): "a number",
    ("bool_type", "bool_parsing"): "true or false",
    ("string_type",): "text",
    ("string_too_short",): "text that is not empty",
    ("dict_type", "model_type", "mapping_type", "dataclass_type"): "keys and values",
    ("greater_than",): "a number above {gt}",
    ("greater_than_equal",): "a number of {ge} or more",
    ("less_than",): "a number below {lt}",
    ("less_than_equal",): "a number of {le} or less",
    ("literal_error",): "{expected}",
    ("too_short",): "{min_length} values or more",
    ("too_long",): "{max_length} values or fewer",
}

_KINDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}

_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}


def validated(kind: type[T], values: Mapping[str, object], where: str = "") -> T:
    """`values` as a dataclass or pydantic model of this kind.

    Args:
        kind: What to build.
        values: Its fields, nested.
        where: The path of `values` itself, for the complaint.

    Raises:
        SettingsError: A key is unknown or missing, or a value has a wrong type or range.
    """
    holder: type[BaseModel] = create_model(
        "Holder",
        __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True),
        value=(kind, ...),
    )
    try:
        held: Any = holder.model_validate({"value": dict(values)})
    except ValidationError as error:
        found = _without_echoes(error.errors())
        raise _refused([_complaint(details, kind, where) for details in found]) from error
    built: T = held.value
    turned = list(_turned(values, plain(built), where))
    if turned:
        raise _refused([(problem, "") for problem in turned])
    return built


def plain(settings: object) -> dict[str, object]:
    """Settings as nested dictionaries of plain values, defaults included."""
    holder: type[BaseModel] = create_model(
        "Holder",
        __config__=ConfigDict(arbitrary_types_allowed=True),
        value=(type(settings), ...),
    )
    dumped: dict[str, object] = holder(value=settings).model_dump(mode="json")["value"]
    return dumped


def _refused(complaints: list[tuple[str, str]]) -> SettingsError:
    problems = [problem for problem, _ in complaints]
    return SettingsError(
        problems[0]
        if len(problems) == 1
        else "Several settings cannot be used:\n" + "\n".join(f"  - {p}" for p in problems),
        remedy=" ".join(dict.fromkeys(remedy for _, remedy in complaints if remedy)),
    )


def _turned(came: object, kept: object, where: str) -> Iterator[str]:
    """Complaints about values that were read as something else than they are.

    A switch is no number, 1.0 is no count of anything, and text is neither. A whole number may
    stand for any number, and so may text that is one: YAML takes 1e-3 for text.
    """
    if isinstance(came, Mapping) and isinstance(kept, Mapping):
        for key, value in came.items():
            yield from _turned(value, kept.get(key), f"{where}.{key}" if where else str(key))
    elif isinstance(came, list | tuple) and isinstance(kept, list):
        for place, (one, other) in enumerate(zip(came, kept, strict=False)):
            yield from _turned(one, other, f"{where}.{place}")
    elif (
        {type(came), type(kept)} <= set(_KINDS)
        and type(came) is not type(kept)
        and (type(kept), type(came)) not in {(float, int), (float, str)}
    ):
        yield f"{where}: Expected {_KINDS[type(kept)]}, got {came!r}."


def _without_echoes(found: list[ErrorDetails]) -> list[ErrorDetails]:
    """Errors without those that only say that a list lacks a value which was wrong itself."""
    places = [details["loc"] for details in found]
    return [
        details
        for details in found
        if details["type"] != "too_short"
        or not any(place[:-1] == details["loc"] and place != details["loc"] for place in places)
    ]


def _complaint(details: ErrorDetails, kind: type[Any], where: str) -> tuple[str, str]:
    keys = [str(key) for key in details["loc"][1:]]
    path = ".".join([where, *keys] if where else keys) or kind.__name__
    if details["type"] in _UNKNOWN:
        known = _keys_at(kind, keys[:-1])
        close = difflib.get_close_matches(keys[-1], known, n=1)
        return (
            f"Unknown setting {path}; "
            + (f"known here: {', '.join(known)}." if known else "there are none here."),
            f"Did you mean {close[0]}?" if close else "",
        )
    if details["type"] == "missing":
        return f"Expected a value for {path}, got none.", ""
    original = details.get("ctx", {}).get("error")
    if original is not None:  # a settings class checked its own ranges
        remedy = original.remedy if isinstance(original, NextsliceError) else ""
        problem = getattr(original, "problem", str(original))
        return f"{path}: {problem}", remedy
    return f"{path}: Expected {_wanted(details)}, got {details['input']!r}.", ""


def _wanted(details: ErrorDetails) -> str:
    """What is allowed, in the words of people who write settings."""
    context = details.get("ctx", {})
    for kind, words in _WANTED.items():
        if details["type"] in kind:
            return words.format(**context)
    return details["msg"].removeprefix("Input should be ")


def _keys_at(hint: Any, path: list[str]) -> list[str]:
    """Names of the fields of the settings class that lies at `path` below `hint`."""
    for key in path:
        if get_origin(hint) in {dict, Mapping}:
            hint = get_args(hint)[1]
        else:
            kind = _class_in(hint)
            hint = None if kind is None else get_type_hints(kind).get(key)
    kind = _class_in(hint)
    if kind is None:
        return []
    if issubclass(kind, BaseModel):
        return list(kind.model_fields)
    return [f.name for f in dataclasses.fields(kind)]


def _class_in(hint: Any) -> type[Any] | None:
    """The settings class that a type names, alone or in a union."""
    for kind in (hint, *get_args(hint)):
        if isinstance(kind, type) and (
            issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)
        ):
            return kind
    return None
