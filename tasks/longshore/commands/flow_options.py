# Public names on a parameter select from its value, so its own begin with an underscore.
# pyright: reportPrivateUsage=false
"""A flow on the command line: which one, and its parameters as options."""

from __future__ import annotations

import ast
import enum
import io
import json
import re
import typing
from contextlib import redirect_stderr, suppress
from datetime import date
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from longshore.catalogue import Docstring, docstring
from longshore.errors import ParameterError
from longshore.flowfiles import load_flow
from longshore.flowfunctions import FlowFunction
from longshore.nodes import MISSING, Parameter
from longshore.parameters import read_text, show_type

if typing.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longshore.flows import Flow

_FLOW: Final = "longshore.flow"
_OPTIONS: Final = "longshore.options"
_VALUES: Final = "longshore.values"


def complete_flow(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete a file, and after the colon the names of its flows, which are read and not run."""
    place, colon, name = incomplete.rpartition(":")
    if colon:
        return [f"{place}:{found}" for found in _flow_names(Path(place)) if found.startswith(name)]
    folder, prefix = Path(incomplete).parent, Path(incomplete).name if not incomplete.endswith("/") else ""
    found: list[str] = []
    for path in sorted(folder.glob(f"{prefix}*")):
        if path.suffix == ".py" and (names := _flow_names(path)):
            found += [f"{path}:{name}" for name in names]
        elif path.is_dir() and not path.name.startswith((".", "_")):
            found.append(f"{path}/")
    return found


def _flow_names(path: Path) -> list[str]:
    """Return the names of the functions under `@flow` or `@flow(...)` in a file."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [f.name for f in functions if any(_is_flow(decorator) for decorator in f.decorator_list)]


def _is_flow(decorator: ast.expr) -> bool:
    return re.match(r"(\w+\.)?flow\b", ast.unparse(decorator)) is not None


def _convert(ctx: click.Context, parameter: click.Parameter, value: str) -> Flow | str:
    if ctx.resilient_parsing:
        return value
    loaded: Flow = ctx.meta.get(_FLOW) or load_flow(value)
    return loaded


def flow_argument(function: Any) -> Any:
    """Give a command the argument FLOW, whose value is the loaded flow."""
    return click.argument("flow", callback=_convert, shell_complete=complete_flow)(function)


def parameter_option(function: Any) -> Any:
    """Give a command the option --parameter."""
    return click.option(
        "-p",
        "--parameter",
        "assignments",
        metavar="NAME=VALUE",
        multiple=True,
        help="A parameter by its exact name, for one that is called like an option of this command.",
    )(function)


def alert_option(function: Any) -> Any:
    """Give a command the option --alert."""
    return click.option(
        "--alert",
        "addresses",
        metavar="ADDRESS",
        multiple=True,
        help="Have this channel told when the flow or a step of it fails: slack:#data. May be given again.",
    )(function)


def words_of(flow: Flow) -> Docstring:
    """Return what the function that builds a flow says of it."""
    return docstring(flow) if isinstance(flow, FlowFunction) else Docstring()


def given_parameters(ctx: click.Context) -> dict[str, Any]:
    """Return the values that were given for the flow's parameters."""
    values: dict[str, Any] = ctx.meta.get(_VALUES, {})
    return values


class FlowCommand(click.Command):
    """A command whose first argument is a flow and whose options are its own and the flow's parameters."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        parser = self.make_parser(ctx)
        parser.ignore_unknown_options = True
        target = parser.parse_args(list(args))[0].get("flow")
        if isinstance(target, str) and ctx.resilient_parsing:
            with suppress(Exception), redirect_stderr(io.StringIO()):  # the shell only wants the options
                self._load(ctx, target)
        elif isinstance(target, str):
            self._load(ctx, target)
        return super().parse_args(ctx, args)

    def _load(self, ctx: click.Context, target: str) -> None:
        if target.startswith("-"):
            ctx.fail(
                f"write the flow before its parameters: longshore {self.name} flows.py:name {target} ..."
            )
        ctx.meta[_FLOW] = load_flow(target)
        ctx.meta[_OPTIONS] = list(self._options(ctx, ctx.meta[_FLOW]))

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *ctx.meta.get(_OPTIONS, ())]

    def _options(self, ctx: click.Context, flow: Flow) -> Iterator[click.Option]:
        taken = {name for own in super().get_params(ctx) for name in own.opts}
        texts = words_of(flow).arguments()
        for name, parameter in flow.parameters.items():
            option = f"--{name.replace('_', '-')}"
            if option not in taken:  # `--parameter NAME=VALUE` sets the others
                yield _option(flow, name, option, parameter, texts.get(name, ""))

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        pieces = super().collect_usage_pieces(ctx)
        return pieces if _FLOW in ctx.meta else [*pieces, "[PARAMETERS]"]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        flow: Flow | None = ctx.meta.get(_FLOW)
        if flow is None:
            super().format_help_text(ctx, formatter)
            return
        words = words_of(flow)
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(
                "\n\n".join(filter(None, [words.summary, words.text])) or f"Run {flow.name}."
            )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        parameters = ctx.meta.pop(_OPTIONS, [])
        if parameters:
            with formatter.section("Parameters"):
                formatter.write_dl([record for p in parameters if (record := p.get_help_record(ctx))])
        super().format_options(ctx, formatter)
        ctx.meta[_OPTIONS] = parameters


def _option(flow: Flow, name: str, option: str, parameter: Parameter, text: str) -> click.Option:
    annotation, default = parameter._type, parameter._default
    shown = text if default is MISSING else f"{text}  [default: {_shown(default)}]".strip()

    is_flag = annotation is bool
    optional: dict[str, Any] = {} if default is MISSING else {"default": None}

    def keep(ctx: click.Context, given: click.Parameter, value: Any) -> None:
        if ctx.get_parameter_source(given.name or "") is ParameterSource.DEFAULT:
            return
        try:
            read = value if is_flag else read_text(flow.name, name, annotation, value)
        except ParameterError as error:
            raise click.BadParameter(str(error), ctx, given) from error
        ctx.meta.setdefault(_VALUES, {})[name] = read

    def complete(ctx: click.Context, given: click.Parameter, incomplete: str) -> list[str]:
        return [choice for choice in _choices(annotation) if choice.startswith(incomplete)]

    return click.Option(
        [f"given_{name}", f"{option}/--no-{option[2:]}" if is_flag else option],
        type=click.BOOL if is_flag else click.STRING,
        is_flag=is_flag,
        metavar=None if is_flag else _metavar(annotation),
        required=default is MISSING,
        help=shown,
        expose_value=False,
        callback=keep,
        shell_complete=complete,
        **optional,
    )


def read_assignments(flow: Flow, given: Sequence[str]) -> dict[str, Any]:
    """Read the values of `--parameter NAME=VALUE`.

    Raises:
        ParameterError: There is no such parameter, or the text is not of its type.
    """
    values: dict[str, Any] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or name not in flow.parameters:
            takes = ", ".join(flow.parameters) or "none"
            raise ParameterError(
                f"cannot read --parameter {item!r}: write NAME=VALUE; flow {flow.name!r} takes {takes}"
            )
        values[name] = read_text(flow.name, name, flow.parameters[name]._type, text)
    return values


def _shown(value: Any) -> str:
    """Return a default as it would be typed."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    return value.isoformat() if isinstance(value, date) else str(value)


def _choices(annotation: Any) -> list[str]:
    if typing.get_origin(annotation) is typing.Literal:
        return [str(choice) for choice in typing.get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return list(annotation.__members__)
    return []


def _metavar(annotation: Any) -> str:
    if choices := _choices(annotation):
        return "|".join(choices)
    kind = typing.get_origin(annotation) or annotation
    if kind in (list, dict, tuple, set, frozenset):
        return "JSON"
    if annotation in (None, Any, str):
        return "TEXT"
    return show_type(annotation).upper()
