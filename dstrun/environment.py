"""What the program gets from whoever started us, and which file its name stands for.

The environment is sorted: its order and its length move the stack, and both must be the same in
every run. dstrun's own variables never reach the program.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

from dstrun.errors import BadUsage, CommandNotExecutable, CommandNotFound

# OpenSSL draws from RDRAND and RDSEED, which nothing can intercept, unless told that they are
# absent: bit 62 of the first capability word, bit 18 of the second.
OPENSSL_WITHOUT_RDRAND = "~0x4000000000000000:~0x40000"

CLEAN_ENV = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "LOGNAME": "dstrun",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "SHELL": "/bin/sh",
    "TERM": "dumb",
    "TZ": "UTC0",
    "USER": "dstrun",
}


def program_environment(
    outer: Mapping[str, str], settings: Iterable[str], clean: bool
) -> dict[str, str]:
    """The program's environment. A setting is K=V, or K alone for the user's own value."""
    if clean:
        env = dict(CLEAN_ENV)
    else:
        env = {k: v for k, v in outer.items() if not k.startswith("DSTRUN_") and k != "_"}
    env.setdefault("OPENSSL_ia32cap", OPENSSL_WITHOUT_RDRAND)
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name or "\0" in setting:
            raise BadUsage(f'--env "{setting}": not a setting (like NAME=VALUE, or NAME)')
        if equals:
            env[name] = value
        elif name in outer:
            env[name] = outer[name]
    return dict(sorted(env.items()))


def ignored_signals() -> tuple[int, ...]:
    """What was ignored when we started (nohup, a shell's background job).

    Not what Python itself ignores, whatever it was started with: there it is the default.
    """
    own = (signal.SIGPIPE, signal.SIGXFSZ)
    ignored = (n for n in signal.valid_signals() if signal.getsignal(n) == signal.SIG_IGN)
    return tuple(sorted(int(n) for n in ignored if n not in own))


def blocked_signals() -> tuple[int, ...]:
    """What is blocked: it stays so in a program that is started."""
    return tuple(sorted(int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, ())))


def resolve_program(name: str, search_path: str | None) -> str:
    """The file to execute, found as execvp would."""
    if not name:
        raise CommandNotFound('"": command not found (the name is empty)')
    if "/" in name:
        return _check(name)
    denied: CommandNotExecutable | None = None
    for folder in (search_path if search_path is not None else os.defpath).split(":"):
        candidate = f"{folder or '.'}/{name}"
        try:
            return _check(candidate)
        except CommandNotExecutable as error:
            # Path.is_dir raises where it may not look
            if not os.path.isdir(candidate):  # noqa: PTH112
                denied = denied or error
        except CommandNotFound:
            pass
    raise denied or CommandNotFound(f"{name}: command not found (is it on PATH?)")


def _check(path: str) -> str:
    try:
        Path(path).stat()
    except PermissionError:
        raise CommandNotExecutable(f"{path}: permission denied") from None
    except (FileNotFoundError, NotADirectoryError):
        raise CommandNotFound(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise CommandNotFound(f"{path!r}: {error}") from None
    if Path(path).is_dir():
        raise CommandNotExecutable(f"{path}: is a directory (give the program in it)")
    if not Path(path).is_file():
        raise CommandNotExecutable(f"{path}: not a regular file")
    if not os.access(path, os.X_OK):
        raise CommandNotExecutable(f"{path}: not executable (chmod +x?)")
    return path
