"""The container: what the program sees of the machine, and how all of it ends together.

A small program, dstrun-init (shims/init/init.c), clones itself into new namespaces (as root, or in
a user namespace with the same uid), mounts /proc and stays as pid 1, which reaps orphans and dies
with us: by PDEATHSIG, and by the end of a pipe as a second string. With pid 1 dies everything in
there. Its child is the process that becomes the program.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import select
import signal
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from dstrun import abi
from dstrun.errors import CommandNotExecutable, DstrunError
from dstrun.launch import kernel
from dstrun.launch.overlay import Layer, mount_overlays
from dstrun.launch.views import Views
from dstrun.launch.world import DEFAULT_EPOCH_NS, NOFILE_LIMIT, STACK_LIMIT_BYTES, World
from dstrun.layout import Member
from dstrun.native import INIT, REMEDY
from dstrun.spec import RunSpec

_SHM = "/dev/shm"
_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC
_WALL = 0x40000000
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_NO_LIMIT = (1 << 64) - 1
_MESSAGE_BYTES = 1 << 16


@dataclass
class Container:
    """A container. `program_pid` is in our namespace; when it is known, it waits for `start`."""

    pid_namespace: bool
    user_namespace: bool
    _control: socket.socket
    _life: int
    init_pid: int = 0
    program_pid: int = 0
    notes: list[str] = field(default_factory=list)
    proc_dev: int = 0
    sys_dev: int = 0
    layers: list[Layer] = field(default_factory=list)  # of --fs overlay, for --keep
    _exit_status: int | None = None
    _killed: bool = False

    def start(self) -> None:
        """Lets the waiting process exec the program."""
        self._control.send(b"go")

    def exec_error(self) -> int:
        """The errno with which the program's exec failed."""
        return _Report(self._control).number(abi.InitReport.error)

    def exit_status(self, timeout_s: float) -> int | None:
        """The program's wait status, or None when it is not known within the time."""
        if self._exit_status is None and select.select([self._control], [], [], timeout_s)[0]:
            report = _Report(self._control)
            if report.kind == abi.INIT_ENDED:
                self._exit_status = report.number(abi.InitReport.status)
        return self._exit_status

    def kill(self) -> None:
        """Ends everything inside, and returns when it is gone."""
        if self._killed:
            return
        self._killed = True
        os.close(self._life)  # without a pid namespace init kills what is below it
        if self.init_pid and self.pid_namespace:
            os.kill(self.init_pid, signal.SIGKILL)
        # Init's death waits until all inside are reaped, and what we trace is ours to reap.
        while self.init_pid and os.waitpid(-1, _WALL)[0] != self.init_pid:
            pass
        self._control.close()
        for layer in self.layers:
            layer.close()


class _Refused(DstrunError):
    """This machine does not allow these namespaces, or what has to be done in them."""


class _Report:
    """What init or the program's process tells. `pid`: of who tells it, as we see it."""

    def __init__(self, control: socket.socket) -> None:
        self._data, ancillary, _, _ = control.recvmsg(abi.InitReport.SIZE, socket.CMSG_SPACE(12))
        self.kind = self.number(abi.InitReport.kind) if self._data else 0
        self.pid: int = struct.unpack_from("i", ancillary[0][2])[0] if self._data else 0

    def number(self, member: Member) -> int:
        return member.get(self._data)

    def must_be(self, kind: int) -> None:
        """DstrunError when it tells something else, _Refused where other namespaces may help."""
        if self.kind == kind:
            return
        if not self._data:
            raise DstrunError("init died before the program was started")
        if self.kind == abi.INIT_ENDED:
            raise DstrunError("the program was killed before its first instruction")
        what = abi.InitReport.what.get_text(self._data)
        text = f"{what}: {os.strerror(self.number(abi.InitReport.error))}"
        if self.kind == abi.INIT_REFUSED:
            raise _Refused(text)
        raise DstrunError(f"the simulation cannot be set up: {text}")


def launch(
    spec: RunSpec, cpu: int, stdio: Mapping[int, int], meanwhile: Callable[[], None],
    world: World,
) -> Container:  # fmt: skip
    """Makes the container. `stdio`: descriptors of ours by the numbers that they have inside;
    `meanwhile`: what we can do while it sets itself up, before the run's views of files are made,
    which the world is told of.

    Raises DstrunError when the machine does not allow what is needed.
    """
    refused = ""
    for flags in _namespace_choices(spec):
        try:
            container = _launch(spec, flags, cpu, stdio, meanwhile, world)
        except _Refused as error:
            refused = refused or str(error)
            continue
        if not flags:
            container.notes.insert(
                0, f"no namespaces ({refused}): pids, mounts and the network are the machine's own"
            )
        return container
    what = "replay" if spec.start else "--fs overlay"
    raise DstrunError(f"{what}: this machine allows no mount namespace: {refused} (run as root)")


def _namespace_choices(spec: RunSpec) -> list[int]:
    """Clone flags, the best first; without any the files cannot be the run's own."""
    flags = _NAMESPACES
    if spec.net == "isolated":
        flags |= kernel.CLONE_NEWNET
    choices = [flags | kernel.CLONE_NEWUSER]
    if os.geteuid() == 0 and not (spec.start and spec.start.all_ours):
        choices.insert(0, flags)
    return choices if spec.fs == "overlay" else [*choices, 0]


def _launch(
    spec: RunSpec, flags: int, cpu: int, stdio: Mapping[int, int],
    meanwhile: Callable[[], None], world: World,
) -> Container:  # fmt: skip
    """Raises _Refused when other flags may do better."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    life_read, life = os.pipe()
    if stdio:
        life_read = kernel.out_of_the_way(life_read)
        theirs = socket.socket(fileno=kernel.out_of_the_way(theirs.detach()))
    container = Container(
        bool(flags & kernel.CLONE_NEWPID), bool(flags & kernel.CLONE_NEWUSER), control, life
    )
    try:
        try:
            control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            control.send(_request(spec, flags, cpu, life_read))
            helper = _spawn(spec, theirs.fileno(), life_read, stdio)
        finally:
            theirs.close()
            os.close(life_read)
        try:
            meanwhile()
        finally:
            report = _Report(control)
            container.init_pid = report.pid if report.pid != helper else 0
            os.waitpid(helper, 0)
        report.must_be(abi.INIT_UP)
        if spec.fs == "overlay":
            _mount_overlays(spec, flags, container, world)
            control.send(b"go")
        _take_program(container, _Report(control))
    except BaseException:
        container.kill()
        raise
    return container


def _take_program(container: Container, ready: _Report) -> None:
    ready.must_be(abi.INIT_READY)
    container.program_pid = ready.pid
    container.proc_dev = ready.number(abi.InitReport.proc_dev)
    container.sys_dev = ready.number(abi.InitReport.sys_dev)
    if ready.number(abi.InitReport.proc_refused):
        container.notes.append("/proc cannot be mounted here: it shows the machine's processes")
    error = ready.number(abi.InitReport.shm_error)
    if error:
        container.notes.append(f"{_SHM} is the machine's own: {os.strerror(error)}")


def _spawn(spec: RunSpec, control: int, life: int, stdio: Mapping[int, int]) -> int:
    """The pid of dstrun-init, which is gone as soon as it has cloned itself."""
    actions: list[tuple[int, ...]] = [
        (os.POSIX_SPAWN_DUP2, fd, fd)
        for fd in (control, life)  # to be inherited
    ]
    actions += [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in stdio.items()]
    if spec.start:  # what we have inherited is none of its business
        ours = [fd for fd in map(int, os.listdir("/proc/self/fd")) if _is_inherited(fd)]
        actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in ours if fd not in stdio]
    try:
        return os.posix_spawn(
            INIT, ["dstrun-init", str(control), *spec.argv], spec.env, file_actions=actions,
            # What ends us must leave it the time to end by itself.
            setsigmask=signal.pthread_sigmask(signal.SIG_BLOCK, ()) | {*_ENDING_SIGNALS},
        )  # fmt: skip
    except OSError as error:
        if error.errno == errno.E2BIG:  # it is given what the program will be
            raise CommandNotExecutable(f"{spec.program}: {error.strerror}") from None
        raise DstrunError(f"{INIT}: {error.strerror} ({REMEDY})") from None


def _is_inherited(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:
        return False


def _request(spec: RunSpec, flags: int, cpu: int, life: int) -> bytearray:
    q = abi.InitRequest
    user = spec.start.user if spec.start else None  # of a replay, whom it belonged to
    data = bytearray(q.SIZE)
    for member, value in {
        q.namespaces: flags,
        q.ignored: _signal_bits(spec.ignored_signals),
        q.sigmask: _signal_bits(spec.blocked_signals),
        q.uid: os.geteuid(),
        q.gid: os.getegid(),
        q.shown_uid: user.uid if user else os.geteuid(),
        q.shown_gid: user.gid if user else os.getegid(),
        q.life: life,
        q.overlays: spec.fs == "overlay",
        q.own_ipc: bool(flags & kernel.CLONE_NEWNS) and spec.net == "isolated",
        q.own_shm: not works_in_shm(spec),
        q.epoch_ns: DEFAULT_EPOCH_NS if spec.epoch_ns is None else spec.epoch_ns,
        q.cpu: cpu,
    }.items():
        member.set(data, value)
    for number, (what, soft, hard) in enumerate(_limits()):
        base = q.limits.at(number)
        abi.InitLimit.resource.set(data, what, base)
        abi.InitLimit.soft.set(data, soft & _NO_LIMIT, base)
        abi.InitLimit.hard.set(data, hard & _NO_LIMIT, base)
    for path_member, path in ((q.cwd, spec.cwd), (q.program, spec.program)):
        try:
            path_member.set_text(data, os.fsencode(path).decode(errors="surrogateescape"))
        except ValueError:
            raise DstrunError(f"{path}: {os.strerror(errno.ENAMETOOLONG)}") from None
    return data


def works_in_shm(spec: RunSpec) -> bool:
    """Whether the run works right in /dev/shm, and not in a directory of it: it stays as it is."""
    places = [spec.cwd, *spec.overlay_dirs, os.path.dirname(spec.program)]
    return _SHM in map(os.path.realpath, places)


def _signal_bits(numbers: Iterable[int]) -> int:
    return sum(1 << (number - 1) for number in numbers)


def _limits() -> list[tuple[int, int, int]]:
    """Limits that move mappings or decide what fits are the same for every run."""
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    stack = STACK_LIMIT_BYTES if hard == resource.RLIM_INFINITY else min(STACK_LIMIT_BYTES, hard)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, wanted = NOFILE_LIMIT
    most = min(most, wanted)
    return [
        (resource.RLIMIT_STACK, stack, hard),
        (resource.RLIMIT_NOFILE, min(soft, most), most),
        (resource.RLIMIT_CORE, 0, resource.getrlimit(resource.RLIMIT_CORE)[1]),
    ]


# ---- --fs overlay ----
def _mount_overlays(spec: RunSpec, flags: int, container: Container, world: World) -> None:
    """By a child that joins init's namespaces: nobody comes back from there."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ourselves = os.getpid()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _mount_and_tell(spec, flags, container.init_pid, theirs, ourselves, world)
    theirs.close()
    try:
        while "notes" not in (message := _receive(ours, container.layers)):
            if "error" in message:
                raise DstrunError(message["error"])
        container.notes += message["notes"]
    finally:
        ours.close()
        os.waitpid(pid, 0)


def _receive(control: socket.socket, layers: list[Layer]) -> dict[str, Any]:
    """What the child tells; a layer comes with its descriptors."""
    data, fds, _, _ = socket.recv_fds(control, _MESSAGE_BYTES, 2)
    message = json.loads(data or '{"error": "--fs overlay: killed while the views were made"}')
    if "path" in message:
        given = iter(fds)
        lower, upper = (next(given) if message[name] else None for name in ("lower", "upper"))
        layers.append(Layer(message["path"], lower, upper, tuple(message["hidden"])))
    return message  # type: ignore[no-any-return]


def _mount_and_tell(
    spec: RunSpec, flags: int, init_pid: int, control: socket.socket, parent: int, world: World
) -> NoReturn:
    """Runs in the child, and never returns into what our parent has on its stack."""
    try:
        user_namespace = bool(flags & kernel.CLONE_NEWUSER)
        join(init_pid, flags & (kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS))
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:
            notes, layers = mount_overlays(spec, user_namespace, Views(world))
            for layer in layers:
                fds = [fd for fd in (layer.lower, layer.upper) if fd is not None]
                socket.send_fds(control, [json.dumps(asdict(layer)).encode()], fds)
            control.send(json.dumps({"notes": notes}).encode())
    except DstrunError as error:
        control.send(json.dumps({"error": str(error)}).encode())
    except BaseException as error:
        text = f"the simulation cannot be set up: {error}"
        control.send(json.dumps({"error": text}).encode())
    finally:
        os._exit(0)


def join(init_pid: int, namespaces: int) -> None:
    """We take init's namespaces, and its root: dstrun may itself run in a chroot."""
    pidfd = os.pidfd_open(init_pid)
    root = os.open(f"/proc/{init_pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    kernel.setns(pidfd, namespaces)
    os.fchdir(root)
    os.chroot(".")
