"""A comparison of two traces as one page, side by side; it needs no other file and no network.

What is folded opens with a click (HTML's own `details`, no script). A page is bounded: of a fold's
events at most `_FOLD_MAX` are in it, of a task's `_TASK_MAX`.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

from dstrun.errors import BadUsage
from dstrun.trace.align import EQUAL, INSERT, Block
from dstrun.trace.compare import Comparison, Part, TaskDiff
from dstrun.trace.diff_text import Bounds, heading, pair_name, same_text, summary_lines, verdict
from dstrun.trace.render import Renderer

_FOLD_MAX: Final = 400
_TASK_MAX: Final = 4000
_CONTEXT: Final = 2
_STYLE: Final = """
:root { color-scheme: light dark; --cut: #f7d4d4; --new: #d3f0d6; --far: #8884; }
@media (prefers-color-scheme: dark) { :root { --cut: #5a2626; --new: #1f4a28; } }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5em; }
h1 { font-size: 1.3em; } h2 { font-size: 1em; display: inline; }
.row { display: grid; grid-template-columns: 1fr 1fr; gap: 0 8px; }
.row > div { font: 12px/1.4 ui-monospace, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; padding: 0 4px; min-height: 1.4em; }
.cut { background: var(--cut); } .new { background: var(--new); }
details.fold > summary { color: #888; background: var(--far); cursor: pointer; padding: 0 4px; }
details.task { margin: .6em 0; border: 1px solid var(--far); padding: .3em .6em; }
ul { margin: .4em 0; } .verdict { font-weight: 600; }
"""


def write_page(path: Path, found: Comparison) -> None:
    """Writes the page. BadUsage: it cannot be written."""
    try:
        with path.open("w", encoding="utf-8") as file:
            for piece in _page(found):
                file.write(piece)
    except OSError as error:
        raise BadUsage(f"--html {path}: cannot be written: {error.strerror}") from None


def _page(found: Comparison) -> Iterator[str]:
    title = escape(f"{found.a.path.name} and {found.b.path.name}")
    yield (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n<h1>dstrun diff: {title}</h1>\n"
    )
    yield from _summary(found)
    yield _cells(
        f"<b>{escape(str(found.a.path))}</b> ({found.a.events:,} events)",
        f"<b>{escape(str(found.b.path))}</b> ({found.b.events:,} events)",
    )
    if found.first is not None:
        yield '<details class="task" open><summary><h2>Where they part</h2></summary>\n'
        yield from _first(found)
        yield "</details>\n"
    order = sorted(found.tasks, key=lambda task: (task.same, task.first or (0, 0)))
    for task in order if found.first is not None else ():
        yield from _task(found, task)
    yield "</body></html>\n"


def _summary(found: Comparison) -> Iterator[str]:
    if found.first is None:
        yield f'<p class="verdict">{escape(same_text(found))}</p>\n'
        return
    yield f'<p class="verdict">{escape(verdict(found))}</p>\n<ul>\n'
    lines = [*found.start]
    if found.cause:
        lines.append(f"what parted them: {found.cause.kind}: {found.cause.text}")
    if found.other_task:
        lines.append(f"another task first at event {found.other_task.a}: {found.other_task.text}")
    lines += [line.strip() for line in summary_lines(found, Bounds().names)]
    yield "".join(f"<li>{escape(line)}</li>\n" for line in lines)
    yield "</ul>\n"


def _cells(left: str, right: str, left_class: str = "", right_class: str = "") -> str:
    return (
        f'<div class="row"><div class="{left_class}">{left}</div>'
        f'<div class="{right_class}">{right}</div></div>\n'
    )


def _first(found: Comparison) -> Iterator[str]:
    """The events around the first difference, in the order of the traces."""
    assert found.first is not None
    left, right = Renderer(found.a), Renderer(found.b)
    for shift in range(-3, 6):
        at_a, at_b = found.first[0] + shift, found.first[1] + shift
        one = left.lines(at_a, at_a + 1) if at_a >= 0 else []
        other = right.lines(at_b, at_b + 1) if at_b >= 0 else []
        mark = ("cut", "new") if shift == 0 else ("", "")
        yield _cells(escape("".join(one)), escape("".join(other)), *mark)


def _task(found: Comparison, task: TaskDiff) -> Iterator[str]:
    if task.a is None or task.b is None:
        which = "first" if task.a else "second"
        name = escape(pair_name(task.a, task.b))
        yield f'<details class="task"><summary><h2>only in the {which}: {name}</h2></summary>\n'
    else:
        state = "" if task.same else " open"
        yield (
            f'<details class="task"{state}><summary><h2>{escape(heading(task))}</h2></summary>\n'
        )
    rows = _Rows(found, task)
    for at, block in enumerate(task.blocks):
        if rows.written >= _TASK_MAX:
            yield f"<p>... {len(task.blocks) - at:,} more blocks are not in this page</p>\n"
            break
        yield from rows.of(block, is_last=at == len(task.blocks) - 1)
    yield "</details>\n"


class _Rows:
    """Renders one task's blocks as rows of two cells."""

    def __init__(self, found: Comparison, task: TaskDiff) -> None:
        self._a, self._b = Renderer(found.a), Renderer(found.b)
        self._task = task
        self.written = 0

    def of(self, block: Block, is_last: bool) -> Iterator[str]:
        """One block; of equal events those next to what differs are in view."""
        size = max(block.a1 - block.a0, block.b1 - block.b0)
        if block.kind != EQUAL or size <= 2 * _CONTEXT + 1:
            yield from self._plain(block, 0, size)
            return
        head = 0 if block.a0 == 0 else _CONTEXT
        tail = 0 if is_last else _CONTEXT
        yield from self._plain(block, 0, head)
        count = size - head - tail
        yield f'<details class="fold"><summary>{count:,} equal events</summary>\n'
        shown = min(count, _FOLD_MAX)
        yield from self._plain(block, head, head + shown)
        if shown < count:
            yield f"<p>... {count - shown:,} more are not in this page</p>\n"
        yield "</details>\n"
        yield from self._plain(block, size - tail, size)

    def _plain(self, block: Block, start: int, stop: int) -> Iterator[str]:
        marks = ("", "") if block.kind == EQUAL else ("cut", "new")
        for at in range(start, min(stop, start + _TASK_MAX)):
            self.written += 1
            left = right = ""
            if block.kind != INSERT:
                left = self._line(self._a, self._task.part_a, block.a0 + at)
            if block.b1 > block.b0:
                right = self._line(self._b, self._task.part_b, block.b0 + at)
            yield _cells(left, right, marks[0] if left else "", marks[1] if right else "")

    def _line(self, renderer: Renderer, part: Part, at: int) -> str:
        index = part.events[at]
        return escape("".join(renderer.lines(index, index + 1)))
