"""The container: what the program sees of the machine, and how all of it ends together.

A child is cloned into new namespaces (as root, or in a user namespace with the same uid); it mounts
/proc and the overlays and stays as init, pid 1, which reaps orphans and dies with us: by
PDEATHSIG, and by the end of a pipe as a second string. With pid 1 dies everything in there. Its
child is the process that becomes the program.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from dstrun.errors import DstrunError
from dstrun.launch import kernel
from dstrun.launch.ipc import mount_own
from dstrun.launch.overlay import Layer, layers_to_plain, mount_overlays
from dstrun.launch.world import NOFILE_LIMIT, STACK_LIMIT_BYTES
from dstrun.spec import RunSpec

_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC
_WALL = 0x40000000
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41


@dataclass
class Container:
    """A container that has started. `program_pid` is in our namespace; it waits for `start`."""

    init_pid: int
    program_pid: int
    pid_namespace: bool
    notes: list[str]
    proc_dev: int
    sys_dev: int
    layers: list[Layer]  # of --fs overlay, for --keep
    _control: socket.socket
    _life: int
    _exit_status: int | None = None
    _killed: bool = False

    def start(self) -> None:
        """Lets the waiting process exec the program."""
        self._control.send(b"go")

    def exec_error(self) -> int:
        """The errno with which the program's exec failed."""
        return int(json.loads(self._control.recv(4096)).get("exec_errno", 0))

    def fileno(self) -> int:
        """Readable when init has something to tell."""
        return self._control.fileno()

    def exit_status(self, timeout_s: float) -> int | None:
        """The program's wait status, or None when it is not known within the time."""
        if self._exit_status is None and select.select([self._control], [], [], timeout_s)[0]:
            message = self._control.recv(4096)
            self._exit_status = json.loads(message).get("status") if message else None
        return self._exit_status

    def kill(self) -> None:
        """Ends everything inside, and returns when it is gone."""
        if self._killed:
            return
        self._killed = True
        if not self.pid_namespace:
            _kill_descendants(self.init_pid)
        os.kill(self.init_pid, signal.SIGKILL)
        # Init's death waits until all inside are reaped, and what we trace is ours to reap.
        while os.waitpid(-1, _WALL)[0] != self.init_pid:
            pass
        self._control.close()
        os.close(self._life)


def launch(
    spec: RunSpec, cpu: int, stdio: tuple[int, int] | None, meanwhile: Callable[[], None]
) -> Container:
    """Makes the container. `stdio`: descriptors that stand for stdout and stderr inside;
    `meanwhile`: what we can do while the container sets itself up.

    Raises DstrunError when the machine does not allow what is needed.
    """
    refused = ""
    for flags in _namespace_choices(spec):
        try:
            container = _launch(spec, flags, cpu, stdio, meanwhile)
        except _Refused as error:
            refused = refused or str(error)
            continue
        if not flags:
            container.notes.insert(
                0, f"no namespaces ({refused}): pids, mounts and the network are the machine's own"
            )
        return container
    raise DstrunError(
        f"--fs overlay: this machine allows no mount namespace: {refused} (run as root)"
    )


def _namespace_choices(spec: RunSpec) -> list[int]:
    """Clone flags, the best first; without any the files cannot be the run's own."""
    flags = _NAMESPACES
    if spec.net == "isolated":
        flags |= kernel.CLONE_NEWNET
    choices = [flags | kernel.CLONE_NEWUSER]
    if os.geteuid() == 0:
        choices.insert(0, flags)
    return choices if spec.fs == "overlay" else [*choices, 0]


def _launch(
    spec: RunSpec, flags: int, cpu: int, stdio: tuple[int, int] | None,
    meanwhile: Callable[[], None],
) -> Container:  # fmt: skip
    """Raises _Refused when other flags may do better."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    life_read, life_write = os.pipe()
    ids = os.geteuid(), os.getegid()
    # A Ctrl-C between the clone and init's own handling must not unwind our stack in the child.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
    try:
        pid = kernel.syscall(kernel.SYS_CLONE, flags | kernel.SIGCHLD, 0, 0, 0, 0)
        if pid == 0:
            ours.close()
            os.close(life_write)
            _Init(spec, flags, theirs, life_read, cpu, stdio, ids, mask).run()
    except OSError as error:
        ours.close()
        os.close(life_write)
        raise _Refused(f"clone: {error.strerror}") from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
        os.close(life_read)
    try:
        meanwhile()
        report, program_pid = _first_report(ours)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        ours.close()
        os.close(life_write)
        raise
    return Container(
        pid, program_pid, bool(flags & kernel.CLONE_NEWPID), report["notes"],
        report["proc_dev"], report["sys_dev"],
        [Layer(**layer) for layer in report["layers"]], ours, life_write,
    )  # fmt: skip


def _first_report(control: socket.socket) -> tuple[dict[str, Any], int]:
    """What the waiting process says of itself, and its pid as we see it (SCM_CREDENTIALS)."""
    message, ancillary, _, _ = control.recvmsg(65536, socket.CMSG_SPACE(12))
    if not message:
        raise DstrunError("init died before the program was started")
    report = json.loads(message)
    if "refused" in report:
        raise _Refused(report["refused"])
    if "error" in report:
        raise DstrunError(report["error"])
    if "proc_dev" not in report:  # init tells of its end instead
        raise DstrunError("the program was killed before its first instruction")
    pid, _, _ = struct.unpack("iII", ancillary[0][2][:12])
    return report, pid


def _kill_descendants(pid: int) -> None:
    """Without a pid namespace: all that init, a subreaper, has below it.

    The program's processes do nothing while they are killed, so none is forked meanwhile for ever.
    """
    import psutil

    while True:
        children = psutil.Process(pid).children(recursive=True)
        live = [c for c in children if c.status() != psutil.STATUS_ZOMBIE]
        if not live:
            return
        for child in live:
            child.kill()
        psutil.wait_procs(live, timeout=1)


class _Refused(DstrunError):
    """This machine does not allow these namespaces, or what has to be done in them."""


class _Init:
    """Runs in the child: pid 1 of the simulation."""

    def __init__(
        self, spec: RunSpec, flags: int, control: socket.socket, life: int, cpu: int,
        stdio: tuple[int, int] | None, ids: tuple[int, int],
        mask: set[int | signal.Signals],
    ) -> None:  # fmt: skip
        self.spec = spec
        self.ids = ids
        self.mask = mask
        self.flags = flags
        self.control = control
        self.life = life
        self.cpu = cpu
        self.stdio = stdio
        self.notes: list[str] = []
        self.layers: list[Layer] = []

    def run(self) -> NoReturn:
        """Never returns; whatever goes wrong is told to the supervisor in one line."""
        try:
            for number in _ENDING_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)
            if self.flags & kernel.CLONE_NEWPID:  # otherwise the others would outlive it
                kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
            kernel.prctl(kernel.PR_SET_NAME, b"dstrun-init\0")
            os.setsid()
            self._set_up()
            wakeup_read, wakeup_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            program = os.fork()
            if program == 0:
                self._become_program()
            signal.signal(signal.SIGCHLD, lambda *_: None)
            signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
            self._reap(program, wakeup_read)
        except _Refused as error:
            self._tell({"refused": str(error)})
        except DstrunError as error:
            self._tell({"error": str(error)})
        except BaseException as error:
            self._tell({"error": f"the simulation cannot be set up: {error}"})
        os._exit(125)

    def _tell(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):
            self.control.send(json.dumps(message).encode())

    def _set_up(self) -> None:
        try:
            if self.flags & kernel.CLONE_NEWUSER:
                _map_ids(*self.ids)
            if self.flags & kernel.CLONE_NEWNS:
                kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
            if self.flags & kernel.CLONE_NEWNET:
                _bring_up_loopback()
        except OSError as error:
            raise _Refused(str(error)) from None
        if self.flags & kernel.CLONE_NEWNS:
            notes, self.layers = mount_overlays(
                self.spec, user_namespace=bool(self.flags & kernel.CLONE_NEWUSER)
            )
            self.notes += notes + mount_own(self.spec)
        if self.flags & kernel.CLONE_NEWPID:
            self._mount_proc()
        else:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        assert self.ids == (os.geteuid(), os.getegid())

    def _mount_proc(self) -> None:
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        try:
            kernel.mount("proc", "/proc", "proc", flags)
        except OSError:
            self.notes.append("/proc cannot be mounted here: it shows the machine's processes")

    def _reap(self, program: int, wakeup: int) -> NoReturn:
        while True:
            ready, _, _ = select.select([self.life, wakeup], [], [])
            if self.life in ready:  # dstrun is gone
                if not self.flags & kernel.CLONE_NEWPID:
                    _kill_descendants(os.getpid())
                os._exit(0)
            os.read(wakeup, 4096)
            self._reap_all(program)

    def _reap_all(self, program: int) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == program:
                self._tell({"status": status})

    def _become_program(self) -> NoReturn:
        """Everything that execve keeps and the program could notice is set here."""
        spec = self.spec
        try:
            os.setpgid(0, 0)
            for number in range(1, 32):
                if number not in (signal.SIGKILL, signal.SIGSTOP) and not _was_ignored(number):
                    signal.signal(number, signal.SIG_DFL)
            os.chdir(spec.cwd)
            if self.stdio:
                os.dup2(self.stdio[0], 1)
                os.dup2(self.stdio[1], 2)
            _set_limits()
            os.sched_setaffinity(0, {self.cpu})
            kernel.personality(kernel.ADDR_NO_RANDOMIZE)
            report = {
                "notes": self.notes,
                "layers": layers_to_plain(self.layers),
                "proc_dev": os.stat("/proc").st_dev,
                "sys_dev": os.stat("/sys").st_dev,
            }
            self.control.send(json.dumps(report).encode())
            if self.control.recv(16) != b"go":
                os._exit(125)
            os.execve(spec.program, spec.argv, dict(spec.env))
        except OSError as error:
            self._tell({"exec_errno": error.errno, "error": str(error)})
        except BaseException as error:
            self._tell({"error": f"the program cannot be started: {error}"})
        os._exit(127)


def _map_ids(uid: int, gid: int) -> None:
    """Our own uid and gid, as they were before the namespace had us as nobody."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _was_ignored(number: int) -> bool:
    """Whether the user's shell had it ignored (nohup). Python itself ignores SIGPIPE and SIGXFSZ,
    and init the terminal's signals: those come back to the default."""
    terminal = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    return (
        number not in (signal.SIGPIPE, signal.SIGXFSZ, *terminal)
        and signal.getsignal(number) == signal.SIG_IGN
    )


def _set_limits() -> None:
    """Limits that move mappings or decide what fits are the same for every run."""
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    stack = STACK_LIMIT_BYTES if hard == resource.RLIM_INFINITY else min(STACK_LIMIT_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (stack, hard))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, most = NOFILE_LIMIT
    most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, most), most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sH14x", b"lo", _IFF_UP_RUNNING)
        fcntl.ioctl(s, _SIOCSIFFLAGS, request)
