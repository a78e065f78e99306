"""Run one page of the documentation as a reader would: `python docs_page.py PAGE`, in an empty folder.

What is run, and how a page shows what is expected, stands in docs/contributing.md.
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
import traceback
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+)(?P<language>\w*) *(?P<options>.*)$")
_COMMENT = re.compile(r"^<!-- *(?P<word>no-run|setup)(?P<rest>.*)$")
_TITLE = re.compile(r'title="([^"]+)"')
_RUNNABLE = {"longshore", "python"}


@dataclass
class Block:
    """One fenced block, or a hidden `setup` comment."""

    language: str
    line: int
    lines: list[str] = field(default_factory=list)
    title: str = ""
    skipped: bool = False
    expected: str | None = None

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def blocks(page: str) -> list[Block]:
    """Read the blocks of a page, each with the output that the page shows for it."""
    found: list[Block] = []
    lines = page.splitlines()
    number, skip, last_end = 0, False, -2
    while number < len(lines):
        line = lines[number]
        number += 1
        if comment := _COMMENT.match(line):
            if comment["word"] == "no-run":
                skip = True
                continue
            hidden = Block("python", number)
            while not lines[number].startswith("-->"):
                hidden.lines.append(lines[number])
                number += 1
            found.append(hidden)
        elif fence := _FENCE.match(line):
            title = _TITLE.search(fence["options"])
            block = Block(fence["language"], number, title=title[1] if title else "", skipped=skip)
            start, indent = number, len(fence["indent"])
            while lines[number].strip() != fence["ticks"]:
                block.lines.append(lines[number][indent:])
                number += 1
            number += 1
            if block.language == "text" and found and not "".join(lines[last_end : start - 1]).strip():
                found[-1].expected = block.text
            found.append(block)
            last_end, skip = number, False
        elif line.strip():
            skip = False
    return found


class Tee(io.TextIOBase):
    """Write to several buffers at once."""

    def __init__(self, *targets: TextIO) -> None:
        self._targets = targets

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for target in self._targets:
            target.write(text)
        return len(text)


class Page:
    """Runs a page's blocks in order, in one namespace."""

    def __init__(self) -> None:
        self.module = types.ModuleType("__main__")
        sys.modules["__main__"] = self.module
        self.printed, self.everything = io.StringIO(), io.StringIO()
        sys.stdout, sys.stderr = Tee(self.printed, self.everything), Tee(self.everything)  # type: ignore[assignment]

    def run(self, block: Block, place: str) -> str | None:
        """Run one block and return what is wrong with it, if anything."""
        for buffer in (self.printed, self.everything):
            buffer.seek(0)
            buffer.truncate()
        if block.title:
            Path(block.title).parent.mkdir(parents=True, exist_ok=True)
            Path(block.title).write_text(block.text)
            return None
        if block.language == "console":
            return console(block)
        try:
            exec(compile("\n" * block.line + block.text, place, "exec", dont_inherit=True), vars(self.module))
        except BaseException:
            return f"raised\n{traceback.format_exc()}\nafter printing\n{self.everything.getvalue()}"
        outputs = [self.printed.getvalue(), self.everything.getvalue()]
        if block.expected is None or any(matches(block.expected, output) for output in outputs):
            return None
        return f"expected\n{block.expected}\nsaw\n{outputs[1]}"


def console(block: Block) -> str | None:
    """Run the `$ ` lines of a block and compare what each prints with the lines below it."""
    transcript = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    for entry in transcript:
        command, _, expected = entry.partition("\n")
        if shlex.split(command)[0] not in _RUNNABLE:
            return f"does not run {command!r}; mark the block with <!-- no-run: reason -->"
        answer = subprocess.run(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        output = answer.stdout.decode()
        if expected.strip() and not matches(expected, output):
            return f"expected from {command!r}\n{expected}\nsaw\n{output}"
        if not expected.strip() and answer.returncode:
            return f"{command!r} exited with {answer.returncode}\n{output}"
    return None


def matches(expected: str, output: str) -> bool:
    """Compare line by line; `...` stands for any text, and alone on a line for any lines."""
    pattern = ""
    for line in expected.rstrip().splitlines():
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += (
                ".*".join(re.escape(part.rstrip()) for part in line.rstrip().split("...")) + r"[ \t]*\n"
            )
    return re.fullmatch(pattern, output.rstrip() + "\n") is not None


def main(path: Path) -> int:
    """Run a page; return 0 when everything on it is true."""
    sys.path[0] = ""  # as for a script in the reader's folder, not in this one
    terminal = sys.__stderr__ or sys.stderr
    page = Page()
    for block in blocks(path.read_text()):
        runs = block.title or block.language in {"python", "console"}
        if runs and not block.skipped:
            problem = page.run(block, str(path))
            if problem:
                terminal.write(f"{path.name}, line {block.line}: the block {problem}\n")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
