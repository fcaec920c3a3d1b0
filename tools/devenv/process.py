"""Starting programs so that none of them outlives the command that started it."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from .report import say


def tied(command) -> list[str]:
    """The command, killed by the kernel when this process dies (even by kill -9).

    Otherwise a left-over pip or Odoo would go on writing beside the next start.
    """
    words = [str(word) for word in command]
    if shutil.which("setpriv"):
        return ["setpriv", "--pdeathsig", "KILL", *words]
    return words


def run(command, log: Path, **options):
    """Run a command with all its output in ``log``; raise when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **(options.pop("env", None) or {})}
    with log.open("ab") as output:
        done = subprocess.run(
            tied(command),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            **options,
        )
    if done.returncode:
        # Names the command itself, without what ties it to this process.
        raise subprocess.CalledProcessError(done.returncode, [str(word) for word in command])


def foreground(command, **options) -> int:
    """Run a program on the user's terminal; signals reach it. Returns its exit code.

    Ctrl-C on a terminal goes to the program as well, so it is not sent twice:
    Odoo takes a second one as "stop at once".
    """
    child = subprocess.Popen(tied(command), **options)

    def pass_on(number, _frame):
        if number == signal.SIGINT and _is_in_front():
            return
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        return child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_in_front() -> bool:
    """Whether a terminal sends its Ctrl-C to this process's group."""
    try:
        return sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def locked(file: Path, waiting: str):
    """Hold a lock that the kernel frees when this process dies, however it does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(waiting)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
