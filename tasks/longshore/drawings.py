"""A flow's graph as Mermaid text, as Graphviz text, and as a picture when graphviz is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore.errors import ConfigurationError, MissingExtraError
from longshore.states import Cancelled, Failed, Pending, Retrying, Running, Skipped, State, Success

if TYPE_CHECKING:
    from longshore.flows import Flow
    from longshore.nodes import Node
    from longshore.runs import FlowRun

_COLOURS: Final[tuple[tuple[type[State], str, str], ...]] = (
    (Skipped, "skipped", "#d9d9d9"),
    (Success, "success", "#b7e1a1"),
    (Failed, "failed", "#f4a6a0"),
    (Cancelled, "cancelled", "#e5c7f0"),
    (Retrying, "retrying", "#fbe08d"),
    (Running, "running", "#a8d1f5"),
    (Pending, "pending", "#ffffff"),
)

_ENTITIES: Final = str.maketrans({mark: f"#{ord(mark)};" for mark in '"#&;<>`'} | {"\n": " ", "\r": " "})
"""What Mermaid takes for an entity, a tag or Markdown, also between quotes."""


class Drawing:
    """A flow's graph. `str()` gives Mermaid text; notebooks show the picture.

    Args:
        flow: What to draw.
        run: Colours the steps by their states.
    """

    def __init__(self, flow: Flow, run: FlowRun | None = None) -> None:
        self._flow = flow
        self._run = run

    def __str__(self) -> str:
        return self.mermaid

    __repr__ = __str__

    @property
    def mermaid(self) -> str:
        """The graph for Mermaid, which GitHub and many tools draw."""
        lines = ["graph TD"]
        gates = {gate for node in self._flow.steps for gate in node.gates}
        for node in self._flow.steps:
            left, right = ("[[", "]]") if node.is_mapped else ("{{", "}}") if node in gates else ("[", "]")
            lines.append(f'    s{node.order}{left}"{node.name.translate(_ENTITIES)}"{right}')
        for node in self._flow.steps:
            lines += [f"    s{other.order} --> s{node.order}" for other in node.upstream]
            lines += [f"    s{g.order} -.-> s{node.order}" for g in node.gates if g not in node.upstream]
        if self._run is not None:
            lines += [f"    class s{node.order} {self._kind(node)[0]}" for node in self._flow.steps]
            lines += [f"    classDef {word} fill:{colour},color:#000" for _, word, colour in _COLOURS]
        return "\n".join(lines)

    @property
    def dot(self) -> str:
        """The graph for Graphviz."""
        lines = [
            f"digraph {_quote(self._flow.name)} {{",
            '    node [shape=box style="rounded,filled" fillcolor=white fontname="sans-serif"]',
        ]
        for node in self._flow.steps:
            extra = " peripheries=2" if node.is_mapped else ""
            fill = f' fillcolor="{self._kind(node)[1]}"' if self._run is not None else ""
            lines.append(f"    s{node.order} [label={_quote(node.name)}{extra}{fill}]")
        for node in self._flow.steps:
            lines += [f"    s{other.order} -> s{node.order}" for other in node.upstream]
            lines += [
                f"    s{g.order} -> s{node.order} [style=dashed]"
                for g in node.gates
                if g not in node.upstream
            ]
        return "\n".join([*lines, "}"])

    def _kind(self, node: Node) -> tuple[str, str]:
        assert self._run is not None
        state = self._run.states[node.name]
        return next((word, colour) for kind, word, colour in _COLOURS if isinstance(state, kind))

    def save(self, path: str | Path) -> Path:
        """Write the graph to a file: `.mmd` and `.dot` as text; `.svg`, `.png` and `.pdf` by graphviz.

        Raises:
            MissingExtraError: Graphviz is not installed.
            ConfigurationError: The ending is none of these.
        """
        path = Path(path)
        kind = path.suffix.lstrip(".").lower()
        if kind in ("mmd", "dot"):
            path.write_text(self.mermaid if kind == "mmd" else self.dot, encoding="utf-8")
        elif kind in ("svg", "png", "pdf"):
            path.write_bytes(self._render(kind))
        else:
            raise ConfigurationError(
                f"cannot draw to {path.name!r}: end it in .mmd, .dot, .svg, .png or .pdf"
            )
        return path

    def _render(self, kind: str) -> bytes:
        import subprocess  # it and shutil cost a tenth of the core's import, and few runs draw

        program = _find_dot()
        if program is None:
            raise MissingExtraError("'dot' is not installed; run: apt-get install graphviz, or save to .mmd")
        command = [program, f"-T{kind}"]
        text = self.dot.encode()
        done = subprocess.run(command, input=text, capture_output=True, check=True)  # noqa: S603 - no shell
        return done.stdout

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        bundle = {"text/plain": self.mermaid}
        if _find_dot():
            bundle["image/svg+xml"] = self._render("svg").decode()
        return bundle


def _find_dot() -> str | None:
    import shutil

    return shutil.which("dot")


def _quote(text: str) -> str:
    """Quote a text for Graphviz, which reads entities in it too."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") + '"'
