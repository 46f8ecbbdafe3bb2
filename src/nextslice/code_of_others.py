"""A hash for each module of other people's that the parts of a loop are made by.

A file is read when its module is first asked for in a process, and again only once the module
was loaded anew. So what was edited later counts from when it runs; what was edited between the
import and that first time is told as if it ran already: after an edit, restart or reload.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any, Final, TypeAlias

from nextslice.code_hashes import digest_of

__all__ = ["hashes_of_others"]

# Python, and packages whose versions a run keeps; nextslice tells of itself.
_KNOWN: Final = frozenset(sys.stdlib_module_names) | {"nextslice", "numpy", "torch"}
_SCRIPTS: Final = frozenset({"__main__", "__mp_main__"})
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_MOST_MODULES: Final = 500  # of what one part imports: no study has as many, a slip of ours may

_Code: TypeAlias = type[Any] | FunctionType

_read: dict[str, tuple[object, bytes]] = {}  # module -> how it was loaded, its source then


def hashes_of_others(*parts: object) -> dict[str, str]:
    """The hash of each module of other people's that parts of a loop are made by.

    Looked at are the modules of classes, of those they derive from, and of functions; also
    where these stand in tuples, lists, sets, mappings, fields of dataclasses, partial and
    decorated functions, bound methods, or within a network. Then whatever else of the same
    folder or package those modules import, and the ``__init__.py`` of each package around them,
    unless they are installed: of an installed package the module alone counts. Of a script that
    is run itself count the classes and functions alone, and what they name, for the script
    holds settings, too. Nothing is imported or run.

    Args:
        parts: Strategies, networks, classes, functions.

    Returns:
        Name of the module (of a script ``__main__:Class``) -> first 16 digits of the SHA-256.
        Left out are Python, NumPy, PyTorch and nextslice itself, and what has no source, such
        as a class typed at a prompt.
    """
    modules: dict[str, Path] = {}
    in_scripts: dict[str, set[bytes]] = {}
    for code in _code_of(parts):
        module = _module_of(code)
        if module in _SCRIPTS:
            source = _source_in_script(code)
            if source is not None:  # several functions may have one name, such as <lambda>
                in_scripts.setdefault(f"__main__:{code.__qualname__}", set()).add(source)
        elif not _is_known(module):
            modules |= _with_imported(module)
    found = {name: digest_of(b"".join(sorted(each))) for name, each in in_scripts.items()}
    for module, path in modules.items():
        source = _source_of(module, path)
        if source is not None:
            found[module] = digest_of(source)
    return dict(sorted(found.items()))


def _code_of(*parts: object) -> Iterator[_Code]:
    """The classes and functions that parts are made by, and what lies within them."""
    waiting: list[object] = list(parts)
    seen: dict[int, object] = {}  # keeps them alive, for a number may be given again
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        classes = part.__mro__ if isinstance(part, type) else type(part).__mro__
        yield from classes
        if isinstance(part, FunctionType):
            yield part
        waiting += _within(part)
        waiting += [
            value
            for each in classes
            if each.__module__ in _SCRIPTS
            for value in vars(each).values()
            if isinstance(value, FunctionType)
        ]


def _within(part: object) -> list[object]:
    """What a part is put together of, where that can be told without running any of it."""
    found: list[object] = []
    if isinstance(part, type):
        return found
    if isinstance(part, Mapping):
        found += [*part.keys(), *part.values()]
    elif isinstance(part, tuple | list | set | frozenset):
        found += part
    elif isinstance(part, functools.partial):
        found += [part.func, part.args, part.keywords]
    elif isinstance(part, MethodType):
        found += [part.__func__, part.__self__]
    elif isinstance(part, FunctionType):
        found += _within_function(part)
    elif _is_network(part):
        found += part.modules()  # type: ignore[attr-defined]
    if dataclasses.is_dataclass(part):
        found += [getattr(part, field.name, None) for field in dataclasses.fields(part)]
    # What a decorator was put around.
    return [*found, getattr(part, "__dict__", {}).get("__wrapped__")]


def _within_function(function: FunctionType) -> list[object]:
    found: list[object] = [function.__defaults__, function.__kwdefaults__]
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not filled yet
            continue
    if _module_of(function) in _SCRIPTS:
        names = function.__globals__
        for name in function.__code__.co_names:
            value = names.get(name)
            if inspect.ismodule(value):  # lambda: mynet.Net()
                found += [vars(value).get(each) for each in function.__code__.co_names]
            elif isinstance(value, type | FunctionType):
                found.append(value)
    return found


def _is_network(part: object) -> bool:
    """Whether it is one of PyTorch's, which is not imported for that."""
    networks = getattr(sys.modules.get("torch.nn"), "Module", None)
    return networks is not None and isinstance(part, networks)


def _module_of(code: _Code) -> str:
    """Where it was written; of a decorated function, where its decorator was."""
    if isinstance(code, FunctionType):
        return str(code.__globals__.get("__name__", code.__module__))
    return code.__module__


def _is_known(module: str) -> bool:
    return module.partition(".")[0] in _KNOWN


def _with_imported(module: str) -> dict[str, Path]:
    """A module that is loaded, and the files beside it that it imports, and those these do.

    Importing a module runs the ``__init__.py`` of each package around it first: those count.
    """
    path = getattr(sys.modules.get(module), "__file__", None)
    if not path or not path.endswith(".py"):
        return {}
    found = {module: Path(path)}
    root = _root(module, found[module])
    waiting = [module] if root is not None and not _INSTALLED & {*root.parts} else []
    while waiting and root is not None and len(found) < _MOST_MODULES:
        name = waiting.pop()
        for other in (*_around(name), *_imports(name, found[name])):
            beside = None if other in found or _is_known(other) else _file_below(root, other)
            if beside is not None:
                found[other] = beside
                waiting.append(other)
    return found


def _around(module: str) -> list[str]:
    """The packages that a module lies in, if its name is that of one."""
    *above, _ = module.split(".")
    return [".".join(above[:count]) for count in range(1, len(above) + 1)]


def _root(module: str, path: Path) -> Path | None:
    """The folder that a module's name begins in; None where it was loaded in its own way."""
    place = path.parent if path.name == "__init__.py" else path.with_suffix("")
    names = tuple(module.split("."))
    return Path(*place.parts[: -len(names)]) if place.parts[-len(names) :] == names else None


def _file_below(root: Path, module: str) -> Path | None:
    place = root.joinpath(*module.split("."))
    files = (place / "__init__.py", place.with_suffix(".py"))
    return next((path for path in files if path.is_file()), None)


def _imports(module: str, path: Path) -> list[str]:
    """The modules that one names in its imports, and perhaps names of what lies in them."""
    try:
        tree = ast.parse(_source_of(module, path) or b"")
    except (SyntaxError, ValueError):  # half edited
        return []
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = [*above, *(node.module or "").split(".")] if node.module else above
            found.append(".".join(base))
            found += [".".join([*base, alias.name]) for alias in node.names]
    return [name for name in found if name]


def _source_of(module: str, path: Path) -> bytes | None:
    loaded = getattr(sys.modules.get(module), "__spec__", None)  # another after a reload
    if loaded is not None and module in _read and _read[module][0] is loaded:
        return _read[module][1]
    try:
        source = path.read_bytes()
    except OSError:  # it was taken away since, or lies in an archive
        return None
    _read[module] = (loaded, source)
    return source


def _source_in_script(code: _Code) -> bytes | None:
    try:
        return inspect.getsource(code).encode()
    except (OSError, TypeError):  # typed at a prompt
        return None
