"""A trace for Perfetto's viewer and its trace_processor.

Each process and thread has its track, each call is a slice on its thread's track with the call as
show prints it, the number of the event and the result as annotations; signals, forks, exits and
faults are instants. Where a thread was woken, or read what another one had sent, an instant inside
of its call says so, and a flow leads there from the call that did it: the thread's own call may
have begun long before, and flows run forward in time. Two tracks of the whole run tell which thread
ran and what was injected. Time is virtual: nanoseconds since the run's start, tied to the date that
the program saw.

The encoding is Perfetto's own (its Python package, which holds the definitions of the format).
"""

from __future__ import annotations

import shlex
from typing import Any, BinaryIO, Final

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as pb

from dstrun import abi
from dstrun.export.arrows import MESSAGE, WAKE
from dstrun.export.model import Moment, Picture, Thread, category, is_error, outcome_text
from dstrun.trace.render import about

_SEQUENCE: Final = 1
_PACKETS_AT_ONCE: Final = 4096
_CALLS_KEPT: Final = 20_000
_BEGIN: Final = pb.TrackEvent.TYPE_SLICE_BEGIN
_END: Final = pb.TrackEvent.TYPE_SLICE_END
_INSTANT: Final = pb.TrackEvent.TYPE_INSTANT
_COUNTER: Final = pb.TrackEvent.TYPE_COUNTER

# Tracks of the whole run; those of processes and threads are numbered from their ids.
_RUNNING: Final = 1
_FAULTS: Final = 2
_THREADS: Final = 3
_RUN: Final = 4
_ID_MAX: Final = 0x7FFFFFFF  # more has only a damaged trace
_PROCESS_BASE: Final = 1 << 32
_THREAD_BASE: Final = 2 << 32

_ARROW_NAMES: Final = {WAKE: "woken", MESSAGE: "received"}


class _Writer:
    """Packets on their way to a file, some thousands at a time; names are stored once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._batch = pb.Trace()
        self._count = 0
        self._names: dict[str, int] = {}
        self._categories: dict[str, int] = {}
        self._annotations: dict[str, int] = {}

    def packet(self) -> Any:
        """A new packet of the sequence."""
        if self._count == _PACKETS_AT_ONCE:
            self.flush()
        self._count += 1
        packet = self._batch.packet.add()
        packet.trusted_packet_sequence_id = _SEQUENCE
        return packet

    def flush(self) -> None:
        """Writes what is there."""
        self._file.write(self._batch.SerializeToString())
        self._batch = pb.Trace()
        self._count = 0

    def event(self, kind: int, time_ns: int, track: int, name: str = "", group: str = "") -> Any:
        """A packet's event; its timestamp and track are set."""
        packet = self.packet()
        packet.timestamp = time_ns
        packet.sequence_flags = pb.TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        event = packet.track_event
        event.type = kind
        event.track_uuid = track
        if name:
            event.name_iid = self._interned(packet, self._names, "event_names", name)
        if group:
            event.category_iids.append(
                self._interned(packet, self._categories, "event_categories", group)
            )
        if kind in (_BEGIN, _INSTANT):
            self._last = packet
        return event

    def copy(self, time_ns: int, model: Any) -> Any:
        """A packet's event like one that was made before."""
        self._last = packet = self.packet()
        packet.timestamp = time_ns
        packet.sequence_flags = pb.TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        packet.track_event.CopyFrom(model)
        return packet.track_event

    def annotate(self, event: Any, name: str) -> Any:
        """A new annotation of the event that was made last."""
        annotation = event.debug_annotations.add()
        annotation.name_iid = self._interned(
            self._last, self._annotations, "debug_annotation_names", name
        )
        return annotation

    @staticmethod
    def _interned(packet: Any, known: dict[str, int], kind: str, name: str) -> int:
        iid = known.get(name)
        if iid is None:
            iid = known[name] = len(known) + 1
            entry = getattr(packet.interned_data, kind).add()
            entry.iid = iid
            entry.name = name
        return iid


def write_perfetto(picture: Picture, file: BinaryIO) -> None:
    """Writes the whole file."""
    _Export(picture, file).write()


class _Export:
    def __init__(self, picture: Picture, file: BinaryIO) -> None:
        self.picture = picture
        self.out = _Writer(file)
        self.calls: dict[tuple[int, int, str], Any] = {}
        self.alive: dict[int, int] = {}  # thread: process
        self.running: int | None = None
        self.now_ns = self.last_ns = 0
        # Arrows by their ends: the next ones of each order. An arrow's flow has its place plus 1.
        self.arrivals = 0
        self.left_ns: dict[int, int] = {}  # by arrow: when its source ended
        self.leaving = sorted(
            range(len(picture.arrows)), key=lambda k: picture.arrows[k].source, reverse=True
        )

    def write(self) -> None:
        self._head()
        self._tracks()
        follows_runs = not self.picture.selection.processes
        for place, moment in enumerate(self.picture.moments()):
            if follows_runs:
                self._run(moment)
            self._count_threads(moment)
            self._moment(place, moment)
            self.last_ns = max(self.last_ns, moment.end_ns)
        if self.running is not None:
            self.out.event(_END, self.now_ns, _RUNNING)
        self._outcome()
        self.out.flush()

    def _outcome(self) -> None:
        """The run's end, with what `dstrun show --info` says that is short."""
        run = about(self.picture.trace)
        shown = self.out.event(_INSTANT, self.last_ns, _RUN, outcome_text(run))
        for name in ("argv", "seed", "strategy", "trace_hash", "message", "dstrun", "kernel"):
            if value := run.get(name):
                text = shlex.join(map(str, value)) if isinstance(value, list) else str(value)
                self.out.annotate(shown, name).string_value = text

    def _head(self) -> None:
        packet = self.out.packet()
        packet.sequence_flags = pb.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        packet.previous_packet_dropped = 1
        packet.first_packet_on_sequence = True
        packet.trace_packet_defaults.timestamp_clock_id = pb.BUILTIN_CLOCK_BOOTTIME
        epoch_ns = self.picture.trace.meta.get("epoch_ns")
        if isinstance(epoch_ns, int) and epoch_ns >= 0:
            snapshot = self.out.packet().clock_snapshot
            for clock, value in (
                (pb.BUILTIN_CLOCK_BOOTTIME, 0),
                (pb.BUILTIN_CLOCK_REALTIME, epoch_ns),
            ):
                entry = snapshot.clocks.add()
                entry.clock_id = clock
                entry.timestamp = value

    def _tracks(self) -> None:
        for rank, (uuid, name) in enumerate(
            (
                (_RUN, "run"),
                (_RUNNING, "the thread that runs"),
                (_FAULTS, "faults"),
                (_THREADS, "threads"),
            )
        ):
            track = self.out.packet().track_descriptor
            track.uuid = uuid
            track.name = name
            track.sibling_order_rank = rank
            if uuid == _THREADS:
                track.counter.unit_name = "threads"
        for process in self.picture.processes.values():
            track = self.out.packet().track_descriptor
            track.uuid = _PROCESS_BASE + process.pid
            track.process.pid = process.pid & _ID_MAX
            track.process.process_name = process.label
            track.process.cmdline.extend(process.command)
            for thread in process.threads.values():
                track = self.out.packet().track_descriptor
                track.uuid = _THREAD_BASE + thread.tid
                track.parent_uuid = _PROCESS_BASE + process.pid
                track.thread.pid = process.pid & _ID_MAX
                track.thread.tid = thread.tid & _ID_MAX
                track.thread.thread_name = _thread_name(thread)

    def _run(self, moment: Moment) -> None:
        """Which thread ran: events are recorded by the one that does."""
        tid = moment.event.tid
        if tid != self.running:
            if self.running is not None:
                self.out.event(_END, self.now_ns, _RUNNING)
            thread = self.picture.threads[tid]
            name = f"{thread.process.label} {thread.label}" if thread else str(tid)
            begin_ns = self.now_ns if self.running is not None else moment.start_ns
            self.out.event(_BEGIN, begin_ns, _RUNNING, name)
            self.running = tid
        self.now_ns = max(self.now_ns, moment.end_ns)

    def _count_threads(self, moment: Moment) -> None:
        event = moment.event
        before = len(self.alive)
        if event.kind in (abi.EVENT_EXIT, abi.EVENT_DEATH):
            self.alive = {tid: pid for tid, pid in self.alive.items() if pid != event.pid}
        elif moment.name == "exit" and event.kind == abi.EVENT_SYSCALL:
            self.alive.pop(event.tid, None)
        else:
            self.alive[event.tid] = event.pid
        if len(self.alive) != before:
            counter = self.out.event(_COUNTER, moment.end_ns, _THREADS)
            counter.counter_value = len(self.alive)

    def _moment(self, place: int, moment: Moment) -> None:
        event = moment.event
        text = self.picture.text(event)
        if event.kind == abi.EVENT_SYSCALL and not event.flags & abi.EVENT_NO_RETURN:
            self._leave(place, moment.end_ns, self._call(moment, text))
            self._arrive(place, moment)
            self.out.event(_END, moment.end_ns, _THREAD_BASE + event.tid)
            return
        self._arrive(place, moment)
        name = moment.name if event.kind == abi.EVENT_SYSCALL else text
        track = _THREAD_BASE + event.tid
        shown = self.out.event(_INSTANT, moment.end_ns, track, name, category(moment.name))
        self._annotate(shown, moment, text)
        self._leave(place, moment.end_ns, shown)
        if event.kind == abi.EVENT_INJECTED:
            shown = self.out.event(_INSTANT, moment.end_ns, _FAULTS, text, "fault")
            self._annotate(shown, moment, text)

    def _call(self, moment: Moment, text: str) -> Any:
        """A slice's begin. The same call of the same thread is copied, which is quicker."""
        event = moment.event
        key = (event.tid, event.result, text)
        known = self.calls.get(key)
        if known is not None:
            shown = self.out.copy(moment.start_ns, known)
        else:
            track = _THREAD_BASE + event.tid
            shown = self.out.event(
                _BEGIN, moment.start_ns, track, moment.name, category(moment.name)
            )
            self.out.annotate(shown, "call").string_value = text
            self.out.annotate(shown, "result").int_value = event.result
            if is_error(event):
                self.out.annotate(shown, "errno").int_value = -event.result
            if len(self.calls) == _CALLS_KEPT:
                self.calls.clear()
            self.calls[key] = known = pb.TrackEvent()
            known.CopyFrom(shown)
        self.out.annotate(shown, "event").uint_value = moment.number
        return shown

    def _leave(self, place: int, end_ns: int, shown: Any) -> None:
        """The flows that begin at this event."""
        arrows = self.picture.arrows
        while self.leaving and arrows[self.leaving[-1]].source == place:
            arrow = self.leaving.pop()
            shown.flow_ids.append(arrow + 1)
            self.left_ns[arrow] = end_ns

    def _arrive(self, place: int, moment: Moment) -> None:
        """The flows that end within this event."""
        arrows = self.picture.arrows
        while self.arrivals < len(arrows) and arrows[self.arrivals].target == place:
            arrow = arrows[self.arrivals]
            # A source that ends later is still to come.
            at_ns = self.left_ns.pop(self.arrivals, moment.end_ns)
            if arrow.kind == MESSAGE:
                at_ns = moment.end_ns
            at_ns = min(max(at_ns, moment.start_ns), moment.end_ns)
            name = _ARROW_NAMES[arrow.kind]
            track = _THREAD_BASE + moment.event.tid
            shown = self.out.event(_INSTANT, at_ns, track, name, "flow")
            shown.terminating_flow_ids.append(self.arrivals + 1)
            self.arrivals += 1

    def _annotate(self, shown: Any, moment: Moment, text: str) -> None:
        self.out.annotate(shown, "call").string_value = text
        self.out.annotate(shown, "event").uint_value = moment.number


def _thread_name(thread: Thread) -> str:
    return thread.process.label if thread.label == "main" else thread.label
