"""While the tests run, every array is held against the shape that its annotation states.

jaxtyping's import hook wraps each function of nextslice with :func:`checked`. Types that state
no shape are mypy's business. A test that passes a wrong shape on purpose, to see it refused,
is marked ``unchecked_shapes``.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import AbstractArray

__all__ = ["ShapeError", "checked"]


class ShapeError(TypeError):
    """An array has another shape or number type than its annotation states."""


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hold arguments and result of `function` against its jaxtyping annotations."""
    signature = inspect.signature(function)

    @functools.cache
    def hints() -> dict[str, Any]:
        try:
            return typing.get_type_hints(function)
        except NameError:  # names that exist only for the type checker
            return {}

    @functools.wraps(function)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        shapes = {name: hint for name, hint in hints().items() if _states_a_shape(hint)}
        if not shapes:
            return function(*arguments, **keywords)
        given = signature.bind(*arguments, **keywords).arguments
        result = function(*arguments, **keywords)
        for name, value in (given | {"return": result}).items():
            if name in shapes and not _fits(value, shapes[name]):
                raise ShapeError(
                    f"{function.__qualname__}: {name} is {_describe(value)}, not {shapes[name]}"
                )
        return result

    return wrapper


def _is_shape(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, AbstractArray)


def _members(hint: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if is_union else (hint,)


def _states_a_shape(hint: Any) -> bool:
    return any(_is_shape(member) for member in _members(hint))


def _fits(value: Any, hint: Any) -> bool:
    members = _members(hint)
    if any(_is_shape(member) and isinstance(value, member) for member in members):
        return True
    others = [member for member in members if not _is_shape(member)]
    if value is None:
        return type(None) in others
    return others not in ([], [type(None)]) and not isinstance(value, np.ndarray | torch.Tensor)


def _describe(value: Any) -> str:
    if hasattr(value, "shape"):
        return f"{value.dtype}{list(value.shape)}"
    return type(value).__name__
