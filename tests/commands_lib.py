"""Command lines of real programs, and the files that they start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_GIT = "git -c user.name=n -c user.email=e@x -c gc.auto=0 -c core.fsmonitor=false -c pack.threads=1"
_NEW = f"{_GIT} init -q -b main r && cd r && cp ../*.c . && {_GIT} add ."


@dataclass(frozen=True)
class Command:
    """A shell line. `same`: its output does not depend on clocks, chance or addresses."""

    name: str
    line: str
    same: bool = True


COMMANDS = [
    Command("coreutils", "ls -R; wc *; sort -r numbers | uniq -c | head -5; md5sum *; seq 3 | tac"),
    Command("coreutils-links", "ln -s a.c l; readlink -f l; stat -c '%s %F %h' *; test -L l"),
    Command("coreutils-status", "cat nothing; ls nothing; false"),
    Command(
        "cp-mv-rm",
        "cp -r . /tmp/$$.copy; ls /tmp/$$.copy; mv /tmp/$$.copy/a.c b.c; rm -r "
        "/tmp/$$.copy",
    ),
    Command(
        "bash",
        "bash -c 'for i in {1..20}; do (echo $i); done | tail -3; trap \"echo bye\" EXIT; "
        "exit 7'",
    ),
    Command(
        "bash-jobs",
        "bash -c 'sleep 5 & p=$!; kill $p; wait $p; echo $?; cat <(echo a) <(echo "
        "b)'",
    ),
    Command(
        "bash-coproc",
        "bash -c 'coproc cat; echo hi >&${COPROC[1]}; read x <&${COPROC[0]}; echo "
        "$x'",
    ),
    Command("perl", "perl -ne '$n += $_; END { print \"$n\\n\" }' numbers; perl -e 'die \"x\\n\"'"),
    Command(
        "perl-fork",
        "perl -e '$p = fork // die; if (!$p) { exit 3 } waitpid $p, 0; print $? >> 8, "
        "\"\\n\"'",
    ),
    Command(
        "python",
        "python3 -c 'import json, sys; print(json.dumps({\"a\": [1, 2]}, indent=1)); "
        "sys.exit(4)'",
    ),
    Command(
        "python-subprocess",
        "python3 -c 'import subprocess as s; print(s.run([\"ls\"], "
        "capture_output=True))'",
    ),
    Command(
        "sqlite3",
        "sqlite3 x.db 'create table t(a); insert into t values(1),(2); select sum(a) from "
        "t'",
    ),
    Command(
        "git-init-commit",
        f"{_NEW} && {_GIT} commit -qm one && git status --short && git "
        "ls-files",
    ),
    Command("git-log", f"{_NEW} && {_GIT} commit -qm one && git log --stat", same=False),
    Command(
        "git-repack",
        f"{_NEW} && for i in 1 2 3; do echo $i >> a.c; {_GIT} commit -qam $i; done; "
        f"{_GIT} repack -adq && git count-objects && git fsck && {_GIT} log --format=%s",
    ),
    Command("gcc", "gcc -O2 -Wall a.c -o a && ./a"),
    Command("gcc-error", "gcc -c bad.c"),
    Command("make", "make -s && make; ./a; make clean"),
    Command("make-parallel", "make -s -j4 many && cat many.*"),
    Command(
        "tar-gzip",
        "tar czf x.tgz *.c && tar tzf x.tgz && mkdir y && tar xzf x.tgz -C y && cmp a.c "
        "y/a.c",
    ),
    Command("gzip", "gzip -9 -n < numbers | md5sum; gzip -k numbers && zcat numbers.gz | tail -1"),
    Command(
        "find",
        "find . -type f -name '*.c' -exec wc -c {} + | sort; find . -newer a.c -name "
        "nope",
    ),
    Command("xargs", "seq 20 | xargs -n 3 -P 1 echo"),
    Command(
        "awk",
        "awk '{ s += $1 * NR } END { print s, NR }' numbers; awk 'BEGIN "
        "{ system(\"exit 3\") }'",
    ),
    Command("sed-grep-diff", "sed s/1/x/ numbers | diff numbers - | grep -c '^<'"),
    Command("curl", "curl --version"),
    Command("openssl", "openssl rand -hex 16", same=False),
    Command("openssl-digest", "openssl dgst -sha256 numbers; openssl enc -base64 -in a.c"),
    Command("static", "gcc -static -O1 a.c -o a && ./a one two"),
    Command("env", "env -i /bin/sh -c 'echo $PATH; set' | grep -v PPID", same=False),
    Command("timeout", "timeout 1 sleep 100; echo $?; timeout -s KILL 1 sleep 100; echo $?"),
    Command("pipes", "yes | head -100000 | wc -c; seq 100000 | sort -rn | head -1"),
    Command("date", "date -u -d @1000000000; TZ=Asia/Tokyo date -d @0"),
    Command(
        "shell-signals",
        "sh -c 'kill -TERM $$'; echo $?; sh -c 'trap \"echo t\" TERM; kill $$; exit "
        "9'",
    ),
]  # fmt: skip


def make_source(source: Path) -> None:
    """What they work on."""
    (source / "a.c").write_text('#include <stdio.h>\nint main(int n) { printf("%d\\n", n); }\n')
    (source / "bad.c").write_text("int main(void) { return x; }\n")
    (source / "numbers").write_text("".join(f"{i * 7919 % 1000}\n" for i in range(1000)))
    (source / "Makefile").write_text(
        "a: a.c\n\tgcc -o $@ $<\nclean:\n\trm -f a\nmany: $(patsubst %,many.%,1 2 3 4 5 6)\n"
        "many.%:\n\tsleep 0.1; echo $@ > $@\n"
    )
