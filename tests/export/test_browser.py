"""The page in a real browser: what a person does with it, and a trace that means harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import Page, find_browser
from tracefile import TraceWriter, args_field, waker_field

from dstrun import abi
from dstrun.cli import run_command_line

pytestmark = pytest.mark.skipif(
    find_browser() is None,
    reason="NO BROWSER HERE: the page is not tested (apt-get install chromium-headless-shell)",
)

EVENTS = 100_000
FAULT_AT = 70_000
# Where event %d is on the screen: its end, in the middle of its lane.
PLACE = """(i => {
    const {timeline, run} = dstrun, box = timeline.canvas.getBoundingClientRect();
    const top = 22 + run.laneOf[run.thread[i]] * 22 - timeline.lanes.scrollTop;
    return {x: box.x + timeline.x(timeline.axis.end[i] - 100), y: box.y + top + 11};
})(%d)"""
HOSTILE = '</script><img src=x onerror="window.owned=1"><script>window.owned=1</script>'


def make_page(writer: TraceWriter, folder: Path) -> Path:
    trace = writer.write(folder / "run.trace")
    assert run_command_line(["export", str(trace), "--to", "html"]) == 0
    return trace.with_suffix(".html")


def busy_run() -> TraceWriter:
    """100,000 events of 20 processes; one is woken, then fails, then a fault is injected."""
    writer = TraceWriter(
        meta={"argv": ["/bin/busy", "--all"], "seed": "7"},
        end_meta={"outcome": "exited", "exit_code": 3},
    )
    for pid in range(2, 22):
        writer.start("/bin/busy", "busy", str(pid), pid=pid)
    for index in range(len(writer.records), EVENTS - 1):
        pid = 2 + index % 20
        if index == FAULT_AT:
            writer.add(kind=abi.EVENT_INJECTED, nr=1, pid=pid)
        elif index == FAULT_AT - 1:
            writer.open("/needle/in/hay", result=-2, pid=pid)
        elif index == FAULT_AT - 2:
            side = args_field(1, 2, 3) + waker_field(2 + (index - 1) % 20, index - 1)
            writer.add(nr=1, data=side, pid=pid, flags=abi.EVENT_WOKEN)
        else:
            writer.add(nr=index % 3, data=args_field(index % 977, 0x7000, index % 4096), pid=pid)
    writer.add(kind=abi.EVENT_EXIT, nr=0, result=0x300)
    return writer


def selected(page: Page) -> int:
    number = page.run("dstrun.run.number[dstrun.selected]")
    assert isinstance(number, int)
    return number


def view(page: Page) -> tuple[float, float]:
    found = page.run("dstrun.timeline.view")
    return found["from"], found["to"]


def test_page_with_100000_events(tmp_path: Path) -> None:
    path = make_page(busy_run(), tmp_path)
    with Page(tmp_path / "profile") as page:
        page.open(path, "document.documentElement?.dataset.ready")
        check_opening(page)
        check_search(page)
        check_clicks(page)
        check_keys_and_zoom(page)
        assert page.problems == []


def check_opening(page: Page) -> None:
    """It opens at the first failure."""
    assert page.run("dstrun.run.length") == EVENTS
    assert page.run("dstrun.loadMs") < 10_000
    assert selected(page) == FAULT_AT
    time_ns = FAULT_AT * 1000
    low, high = view(page)
    assert low < time_ns < high < low + 2_000_000
    assert page.run("document.querySelector('.row.selected .number').textContent") == str(FAULT_AT)
    assert page.run("document.querySelector('#outcome').textContent") == "exited 3"
    assert page.run("document.querySelectorAll('.row').length") < 200


def check_search(page: Page) -> None:
    """The list shows the hits alone; Enter goes from one to the next."""
    page.key("/")
    page.type("needle enoent")
    page.wait_for("document.querySelector('#hits').textContent == '1 event'")
    page.key("Enter")
    assert selected(page) == FAULT_AT - 1
    assert page.run("dstrun.list.length") == 1
    assert "/needle/in/hay" in page.run("document.querySelector('#details pre').textContent")
    reads = sum(index % 20 == 1 and index % 3 == 0 for index in range(20, EVENTS - 1))
    for query, found in (
        ("is:fault", "1 event"),
        ("pid:3 call:read", f"{reads} events"),
        ("is:bogus", "is:bogus is none of is:error, is:fault, is:failure, is:signal"),
    ):
        page.run(f"document.querySelector('#search').value = '{query}'; dstrun.search()")
        assert page.run("document.querySelector('#hits').textContent") == found
    page.key("Escape")
    assert page.run("dstrun.list.length") == EVENTS


def check_clicks(page: Page) -> None:
    """A click in the list or in the timeline chooses an event; an arrow leads to another one."""
    box = page.run(
        "(({x, y}) => ({x, y}))(document.querySelector('.row.selected').getBoundingClientRect())"
    )
    page.click(box["x"] + 300, box["y"] - 22 * 2 + 11)
    first = selected(page)
    assert first != FAULT_AT - 1
    page.run(f"dstrun.timeline.showEvent({FAULT_AT - 2})")
    page.settle()
    place = page.run(PLACE % (FAULT_AT - 2))
    page.click(place["x"], place["y"])
    assert selected(page) == FAULT_AT - 2
    links = "document.querySelector('#details .links li')"
    assert page.run(f"{links}.textContent").startswith(f"woken by #{FAULT_AT - 3} ")
    page.run(f"{links}.querySelector('button').click()")
    assert selected(page) == FAULT_AT - 3


def check_keys_and_zoom(page: Page) -> None:
    """Keys move and zoom; a frame is quick even with all events in view."""
    page.key("f")
    assert selected(page) == FAULT_AT
    page.key("n")
    assert selected(page) == EVENTS - 1
    page.key("ArrowLeft")
    assert page.run("dstrun.run.rows[dstrun.run.thread[dstrun.selected]].thread.tid") == 2
    page.key("f")
    low, high = view(page)
    page.key("w")
    assert view(page)[1] - view(page)[0] < (high - low) * 0.7
    page.key("d")
    assert view(page)[0] > low
    page.key("0")
    assert view(page)[1] - view(page)[0] > EVENTS * 1000 * 0.9
    page.key("t")
    assert view(page)[1] - view(page)[0] > EVENTS * 0.9
    times = []
    for _ in range(5):
        page.key("d")
        times.append(page.run("dstrun.timeline.frameMs"))
    assert sorted(times)[2] < 200


def test_hostile_trace_runs_no_script(tmp_path: Path) -> None:
    writer = TraceWriter(
        meta={"argv": [HOSTILE], "program": f"/{HOSTILE}", "seed": HOSTILE, "strategy": HOSTILE},
        end_meta={"outcome": "error", "message": HOSTILE},
    )
    writer.start(f"/bin/{HOSTILE}", HOSTILE, HOSTILE)
    for _ in range(5):
        writer.open(HOSTILE)
    path = make_page(writer, tmp_path)
    with Page(tmp_path / "profile") as page:
        page.open(path, "document.documentElement?.dataset.ready")
        page.run("dstrun.select(3)")
        page.settle()
        assert "<img" in page.run("document.querySelector('#details').textContent")
        assert "<img" in page.run("document.title")
        assert page.run("document.querySelectorAll('img').length") == 0
        assert page.run("typeof window.owned") == "undefined"
        assert page.problems == []
