"""The prompt of a run that stands still: commands as of gdb, pdb and rr, an event being a step.

Commands come from stdin, one a line, so a script can give them; an empty line repeats the last.
"""

from __future__ import annotations

import cmd
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from dstrun.errors import BadUsage, DstrunError, did_you_mean
from dstrun.report.summary import outcome_text, thread_lines
from dstrun.stop import targets
from dstrun.stop.session import LEAVE, To

if TYPE_CHECKING:
    from dstrun.launch.stand import Stand
    from dstrun.spec import RunResult
    from dstrun.stop.view import View
    from dstrun.trace.reader import Trace

_ALIASES = {
    "s": "step", "n": "next", "f": "fault", "u": "until", "c": "continue", "b": "back",
    "p": "print", "g": "goto", "t": "tasks", "bt": "where", "w": "where", "e": "events",
    "l": "events", "list": "events", "q": "quit", "exit": "quit", "h": "help", "?": "help",
    "reverse-step": "back", "rs": "back", "reverse-next": "previous", "rn": "previous",
    "backtrace": "where", "threads": "tasks", "run": "restart",
}  # fmt: skip
_EVENTS_SHOWN = 10
_GROUPS = (
    ("go on", ("step", "next", "fault", "until", "continue")),
    ("go back (the run is made again up to there)",
     ("back", "previous", "rfault", "goto", "restart")),
    ("look", ("events", "tasks", "where", "time", "fds", "print", "gdb", "shell")),
    ("leave", ("quit",)),
)  # fmt: skip
_HELP_END = (
    "WHERE: an event's number, a time since the start (1.5s, 20ms), or what an event matches:",
    "  a call's name, /regex/ or any text of its line in dstrun show.",
    "A command may be shortened (s, n, c, b, t, bt, q); an empty line repeats it. Ctrl-C has a run",
    "stand still at its next event. gdb has the command dstrun (time, tasks, events, fds); when it",
    "is left the prompt is back. A file that a shell changes is changed for the run.",
)


class Prompt(cmd.Cmd):
    """Guides a session (session.Guide). `recorded`: what the runs follow; `first`: what is done at
    the first stand, before anything is asked."""

    prompt = "(dstrun) "

    def __init__(self, recorded: Trace, first: Sequence[Callable[[Prompt], None]] = ()) -> None:
        super().__init__()
        self._first = list(first)
        self.recorded = recorded
        self.view: View | None = None
        self.at = 0  # the event that was made last
        self.is_terminal = os.isatty(0)
        self._input = -1  # unread, like a shell: what a command reads itself is left to it
        self._move: To | None = LEAVE
        self._had_enough = False

    # ---- the session's questions ----
    def at_stand(self, stand: Stand) -> To | None:
        """Everything stands still."""
        from dstrun.stop.view import View

        self.view = View(stand, self.recorded.events)
        self.at = self.view.number
        self.say([self.view.headline()])
        try:
            return self._ask()
        finally:
            self.view = None

    def at_interrupt(self) -> None:
        """Ctrl-C while it runs. The next event may be far."""
        self.say(["", "it stands still at the next event; Ctrl-C again ends it"])

    def at_end(self, result: RunResult) -> To | None:
        """The run is over; there is only back."""
        self.at = result.events
        self.say([f"the run is over: {outcome_text(result)}", *result.notes])
        self.say(thread_lines(result.threads))
        return self._ask()

    def _ask(self) -> To | None:
        self._had_enough = False
        self._move = LEAVE
        with _completion(self._names()):
            while self._move is LEAVE and not self._had_enough:
                try:
                    if self._first and self.view:
                        self._first.pop(0)(self)
                        continue
                    line = self._read()
                    self._had_enough = line is None or bool(self.onecmd(line))
                except KeyboardInterrupt:
                    self.say(["^C"])
                except DstrunError as error:
                    self.say([str(error)])
                except OSError as error:
                    self.say([f"it cannot be looked at: {error.strerror}"])
        return self._move

    def _read(self) -> str | None:
        """A line, or None at the end."""
        if self.is_terminal:
            try:
                return input(self.prompt)
            except EOFError:
                self.say([""])
                return None
        line = bytearray()
        while byte := os.read(self._stdin(), 1):
            if byte == b"\n":
                return line.decode(errors="replace")
            line += byte
        return line.decode(errors="replace") if line else None

    def _stdin(self) -> int:
        if self._input < 0:
            self._input = _own_stdin()
        return self._input

    def say(self, lines: Sequence[str]) -> None:
        """Answers."""
        if lines:
            self.stdout.write("\n".join(lines) + "\n")
            self.stdout.flush()

    # ---- words ----
    def onecmd(self, line: str) -> bool:
        """A command; whether the user has had enough."""
        words = line.split(None, 1)
        if words and not words[0].startswith("#"):
            name = self._full_name(words[0])
            line = f"{name} {words[1]}" if len(words) > 1 else name
        elif words:
            return False
        return bool(super().onecmd(line))

    def _full_name(self, word: str) -> str:
        names = self._names()
        if word in names:
            return word
        if word in _ALIASES:
            return _ALIASES[word]
        starting = [name for name in names if name.startswith(word)]
        if len(starting) == 1:
            return starting[0]
        hint = did_you_mean(word, names) if not starting else f" (one of {', '.join(starting)}?)"
        raise BadUsage(f'"{word}": no such command{hint or " (try help)"}')

    def _names(self) -> list[str]:
        return [name.removeprefix("do_") for name in self.get_names() if name.startswith("do_")]

    def emptyline(self) -> bool:
        """Again."""
        return self.onecmd(self.lastcmd) if self.lastcmd else False

    def do_help(self, arg: str) -> None:
        """help [COMMAND]: this."""
        if arg:
            self.say([self._help(self._full_name(arg))])
            return
        for title, names in _GROUPS:
            self.say([f"{title}:", *(f"  {self._help(name)}" for name in names)])
        self.say(_HELP_END)

    def _help(self, name: str) -> str:
        text: str = getattr(self, f"do_{name}").__doc__ or ""
        usage, _, what = " ".join(text.split()).partition(": ")
        return f"{usage:18} {what.rstrip('.')}"

    # ---- going on and back ----
    def do_step(self, arg: str) -> None:
        """step [N]: to the next event, or the N-th from here."""
        self._go(self.at + _count(arg))

    def do_next(self, arg: str) -> None:
        """next [TID]: to the next event of the same thread, or of thread TID."""
        tid = self._tid(arg)
        found = targets.next_of_thread(self._map(), self.at, tid)
        self._go_if(found, f"thread {tid} has no event after this one")

    def do_fault(self, _arg: str) -> None:
        """fault: to the next injected fault."""
        found = targets.next_fault(self._map(), self.at)
        self._go_if(found, "no fault is injected after this event")

    def do_until(self, arg: str) -> None:
        """until WHERE: to that event, to that time, or to the next event that matches."""
        self._go(targets.find(self._map(), arg, self.at))

    def do_continue(self, _arg: str) -> None:
        """continue: to the end."""
        if not self.view:
            raise BadUsage("the run is over (back, goto and restart make it again)")
        self._move = To(None)

    def do_back(self, arg: str) -> None:
        """back [N]: to the event before, or the N-th from here."""
        self._go(max(0, self.at - _count(arg)))

    def do_previous(self, arg: str) -> None:
        """previous [TID]: to the event before of the same thread, or of thread TID."""
        tid = self._tid(arg)
        found = targets.previous_of_thread(self._map(), self.at, tid)
        self._go_if(found, f"thread {tid} has no event before this one")

    def do_rfault(self, _arg: str) -> None:
        """rfault: to the injected fault before."""
        found = targets.previous_fault(self._map(), self.at)
        self._go_if(found, "no fault was injected before this event")

    def do_goto(self, arg: str) -> None:
        """goto WHERE: the same in the whole run: on or back."""
        self._go(targets.find(self._map(), arg))

    def do_restart(self, _arg: str) -> None:
        """restart: to the first event."""
        self._go(0)

    def _map(self) -> Trace:
        return self.recorded

    def _go_if(self, event: int | None, otherwise: str) -> None:
        if event is None:
            raise BadUsage(otherwise)
        self._go(event)

    def _go(self, event: int) -> None:
        """Beyond the last event is the end."""
        if self.view and event == self.at:
            self.say([self.view.headline()])
        elif not self.view and event >= self.at:
            raise BadUsage("the run is over (back, goto and restart make it again)")
        else:
            self._move = To(event)

    def _tid(self, arg: str) -> int:
        if arg:
            return _number(arg, "a thread's number, as tasks has it")
        return self.view.event.tid if self.view else self._last_event_tid()

    def _last_event_tid(self) -> int:
        last = min(self.at, self.recorded.events) - 1
        return self.recorded.event(last).tid if last >= 0 else 0

    # ---- looking ----
    def _seen(self) -> View:
        if not self.view:
            raise BadUsage("the run is over: nothing is there any more (try back)")
        return self.view

    def do_events(self, arg: str) -> None:
        """events [N]: the last N events (10)."""
        count = _count(arg, _EVENTS_SHOWN)
        if self.view:
            self.say(self.view.events(count))
            return
        from dstrun.trace.render import Renderer

        stop = min(self.at, self.recorded.events)
        self.say(Renderer(self.recorded).lines(max(0, stop - count), stop))

    def do_tasks(self, _arg: str) -> None:
        """tasks: what each thread does or waits for; * has made the event."""
        self.say(self._seen().tasks())

    def do_where(self, arg: str) -> None:
        """where [TID|all]: the frames of this thread, of thread TID, or of all."""
        view = self._seen()
        lines = view.backtrace(None if arg == "all" else [self._tid(arg)])
        self.say(lines or [f"there is no thread {arg} (tasks lists them)"])

    def do_time(self, _arg: str) -> None:
        """time: the virtual time."""
        self.say(self._seen().time())

    def do_fds(self, arg: str) -> None:
        """fds [PID]: the descriptors of this process, or of process PID."""
        self.say(self._descriptors(self._seen(), arg))

    def _descriptors(self, view: View, arg: str) -> list[str]:
        pid = _number(arg, "a process's number") if arg else view.event.pid
        return view.descriptors(pid) or [f"process {pid} has no descriptors"]

    def do_print(self, arg: str) -> None:
        """print EXPR: by gdb, in the innermost frame outside the C library."""
        if not arg:
            raise BadUsage("print what? (an expression, like counter or *node)")
        self._in_gdb(f"print {arg}")

    def do_gdb(self, arg: str) -> None:
        """gdb [PID|COMMAND]: gdb on this process or on PID, or what it says to COMMAND."""
        if arg and not arg.isdecimal():
            self._in_gdb(arg)
        else:
            self.debug(int(arg) if arg else None)

    def debug(self, pid: int | None = None, args: Sequence[str] = ()) -> None:
        """gdb with the user, until it is left."""
        from dstrun.stop.gdb import attach

        view = self._seen()
        attach(view, view.event.pid if pid is None else pid, args, self._stdin(), self._answer)

    def do_shell(self, arg: str) -> None:
        """shell [COMMAND]: your shell among the run's files and processes, or one COMMAND."""
        from dstrun.stop.shell import run_shell

        status = run_shell(self._seen(), arg, self._stdin())
        if status:
            self.say([f"the shell ended with {status}"])

    def _in_gdb(self, command: str) -> None:
        from dstrun.stop.gdb import run_command

        self.say(run_command(self._seen(), command))

    def _answer(self, line: str) -> list[str]:
        """What gdb's command `dstrun` says."""
        word, _, arg = line.strip().partition(" ")
        view = self._seen()
        if word == "events":
            return view.events(_count(arg, _EVENTS_SHOWN))
        if word == "fds":
            return self._descriptors(view, arg)
        if word in ("time", "tasks"):
            return view.time() if word == "time" else view.tasks()
        raise BadUsage(f'dstrun: "{word}"? (dstrun time, tasks, events [N] or fds [PID])')

    def do_quit(self, _arg: str) -> bool:
        """quit: end the run and leave (ctrl-D too)."""
        return True


@contextmanager
def _completion(names: Sequence[str]) -> Iterator[None]:
    """Names of commands by the tabulator, and editing of lines, at a terminal."""
    if not os.isatty(0):
        yield
        return
    import readline

    def complete(text: str, state: int) -> str | None:
        return next(islice((name for name in names if name.startswith(text)), state, None), None)

    before = readline.get_completer()
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        readline.set_completer(before)


def _own_stdin() -> int:
    """Where commands come from. The program has the same descriptor, and may move a file's place:
    so a file is opened once more."""
    if not stat.S_ISREG(os.fstat(0).st_mode):
        return 0
    fd = os.open("/proc/self/fd/0", os.O_RDONLY | os.O_CLOEXEC)
    os.lseek(fd, os.lseek(0, 0, os.SEEK_CUR), os.SEEK_SET)
    return fd


def _count(arg: str, default: int = 1) -> int:
    return _number(arg, "a count") if arg else default


def _number(arg: str, what: str) -> int:
    if not arg.strip().isdecimal():
        raise BadUsage(f'"{arg}": not a number ({what} is wanted)')
    return int(arg)
