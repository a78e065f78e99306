"""Flows by what people type: `flows.py:nightly`, `flows.py`, `package.module:nightly`."""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
import traceback
from contextlib import redirect_stdout
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.errors import FlowError, LongshoreError
from longshore.flowfunctions import FlowFunction
from longshore.flows import Flow

if TYPE_CHECKING:
    from types import ModuleType


def load_flow(target: str) -> Flow:
    """Import the file or module that a target names, and return its flow, built and checked.

    Args:
        target: `file.py:name`, or `package.module:name`; the name may be left out where there is one flow.

    Raises:
        FlowError: There is no such file or flow, or it cannot be imported or built: file, line and why.
    """
    place, name = split_target(target)
    module = load_module(place)
    flow = _named(place, module, name) if name else _only(place, module)
    flow.target = flow.target or _target(place, module, flow)
    try:
        with redirect_stdout(sys.stderr):
            flow.check()
    except LongshoreError as error:
        _add_place(error)
        raise
    except Exception as error:
        raise FlowError(f"cannot build flow {flow.name!r} of {place}: {_seen(error)}") from error
    return flow


def load_flows(target: str) -> list[Flow]:
    """Import the file or module that a target names, and return its flow, or all that it defines.

    Raises:
        FlowError: It is not there, or cannot be imported.
    """
    place, name = split_target(target)
    module = load_module(place)
    return [_named(place, module, name)] if name else list(_flows_of(module).values())


def _target(place: str, module: ModuleType, flow: Flow) -> str:
    name = next((name for name, found in _flows_of(module).items() if found is flow), "")
    return f"{Path(place).resolve() if place.endswith('.py') else place}:{name}"


def split_target(target: str) -> tuple[str, str]:
    """Return the file or module of a target, and the name after the colon or nothing."""
    place, colon, name = target.rpartition(":")
    return (place, name) if colon else (target, "")


def load_module(place: str) -> ModuleType:
    """Import a file by its path, or a module by its name; the current folder comes first.

    A file is imported under its own name, with its folder on `sys.path`, so that other processes can
    import it too. What it prints goes to standard error.

    Raises:
        FlowError: It is not there, or its own code failed.
    """
    is_file = place.endswith(".py") or "/" in place
    folder, name = _of_file(Path(place)) if is_file else (Path.cwd(), place)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        with redirect_stdout(sys.stderr):
            module = importlib.import_module(name)
    except SyntaxError as error:
        raise FlowError(f"cannot load {place!r}: {_syntax(error)}") from error
    except LongshoreError as error:
        _add_place(error)
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and name.startswith(error.name):
            raise FlowError(f"cannot load {place!r}: no module {error.name!r} here or installed") from error
        raise FlowError(f"cannot load {place!r}: {_seen(error)}") from error
    if is_file and Path(module.__file__ or "").resolve() != Path(place).resolve():
        raise FlowError(
            f"cannot load {place!r}: there is a module {name!r} already, {module.__file__}; rename yours"
        )
    return module


def _of_file(path: Path) -> tuple[Path, str]:
    """Return the folder to import a file from, and the name to import it by."""
    if not path.is_file():
        what = "it is a folder" if path.is_dir() else "no such file"
        raise FlowError(f"cannot load {str(path)!r}: {what}")
    path = path.resolve()
    folder, names = path.parent, [path.stem]
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names)


def _syntax(error: SyntaxError) -> str:
    lines = [f"{_shown_path(error.filename or '?')}, line {error.lineno}: {error.msg}"]
    if error.text:
        lines.append(f"    {error.text.strip()}")
    return "\n".join(lines)


def _seen(error: BaseException) -> str:
    """Say what was raised, and in which line of the user's own files."""
    message = " ".join(str(error).split())
    what = f"{type(error).__name__}: {message}" if message else type(error).__name__
    place, code = _place(error)
    return f"{place}: {what}{code}" if place else what


def _add_place(error: BaseException) -> None:
    place, code = _place(error)
    if place:
        error.add_note(f"  in {place}{code}")


def _place(error: BaseException) -> tuple[str, str]:
    """Return the innermost line of the user's own files that an error came through, and its code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _is_machinery(frame.filename)] or frames
    if not own:
        return "", ""
    code = f"\n    {own[-1].line}" if own[-1].line else ""
    return f"{_shown_path(own[-1].filename)}, line {own[-1].lineno}", code


def _is_machinery(filename: str) -> bool:
    """Whether a file is Python's, an installed library's or our own: nobody looks for a mistake there."""
    libraries = (Path(__file__).parent, Path(os.__file__).parent, Path(sysconfig.get_path("purelib")))
    return filename.startswith("<") or any(Path(filename).is_relative_to(folder) for folder in libraries)


def _shown_path(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else filename


def _flows_of(module: ModuleType) -> dict[str, Flow]:
    """Return the flows that a module defines, by variable; those that it only imports do not count."""
    found: dict[str, Flow] = {}
    for name, value in vars(module).items():
        imported = isinstance(value, FlowFunction) and value.__module__ != module.__name__
        if isinstance(value, Flow) and not imported and value not in found.values():
            found[name] = value
    return found


def _only(place: str, module: ModuleType) -> Flow:
    flows = _flows_of(module)
    if len(flows) == 1:
        return next(iter(flows.values()))
    if not flows:
        raise FlowError(f"{place!r} has no flow; decorate a function with @flow, or name one: {place}:name")
    names = ", ".join(flows)
    raise FlowError(f"{place!r} has {len(flows)} flows: {names}; name one: {place}:{next(iter(flows))}")


def _named(place: str, module: ModuleType, name: str) -> Flow:
    value: Any = vars(module).get(name)
    if isinstance(value, Flow):
        return value
    flows = _flows_of(module)
    for flow in flows.values():
        if flow.name == name:
            return flow
    if value is not None:
        kind = type(value).__name__
        raise FlowError(f"{place}:{name} is a {kind}, not a flow; decorate the function with @flow")
    close = get_close_matches(name, flows, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(flows) or 'none'}"
    raise FlowError(f"{place!r} has no flow {name!r} ({hint})")
