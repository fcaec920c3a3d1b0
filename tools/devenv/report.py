"""Progress that a person can follow, and failures that say what to do."""

import contextlib
import subprocess
import sys
import threading
import time
from pathlib import Path


class StepFailed(Exception):
    """A setup step failed; the message says which one and what to do."""


# What the terminal's last line shows while a step runs: other lines (of work
# that runs beside it) are printed above it.
_line = ""
_writing = threading.Lock()


def say(text: str = ""):
    with _writing:
        if _line:
            print(f"\r\033[K{text}\n{_line}", end="", flush=True)
        else:
            print(text, flush=True)


def _show(line: str):
    global _line
    with _writing:
        _line = line
        print(f"\r\033[K{line}", end="", flush=True)


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


@contextlib.contextmanager
def progress(title: str):
    """Show that a long piece of work is alive.

    On a terminal the elapsed time is counted on the line; elsewhere (a CI log)
    a line is printed every half minute.
    """
    started = time.monotonic()
    done = threading.Event()
    tty = sys.stdout.isatty()

    def tick():
        while not done.wait(1 if tty else 30):
            passed = duration(int(time.monotonic() - started)).replace(".0 s", " s")
            if tty:
                _show(f"- {title} … {passed} ")
            else:
                say(f"  … {title}: {passed}")

    if tty:
        _show(f"- {title} … ")
    else:
        say(f"- {title} …")
    watcher = threading.Thread(target=tick, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        if tty:
            _show("")


@contextlib.contextmanager
def step(title: str, advice: str = "", log: Path | None = None):
    """A setup step: shows that it is alive, and says what to do if it fails."""
    started = time.monotonic()
    try:
        with progress(title):
            yield
    except (subprocess.SubprocessError, OSError, StepFailed) as error:
        lines = [f"\nFailed: {title}", f"  {describe(error)}"]
        if log and log.exists():
            lines += ["  Last lines of " + str(log) + ":", *tail(log)]
        if advice:
            lines.append(f"  What to do: {advice}")
        lines.append("  Then start the same command again; finished steps are kept.")
        raise StepFailed("\n".join(lines)) from error
    say(f"- {title}: done in {duration(time.monotonic() - started)}")


def tail(log: Path, lines: int = 12) -> list[str]:
    """The last lines of a log, indented."""
    return ["    " + line for line in log.read_text(errors="replace").splitlines()[-lines:]]


def describe(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        command = " ".join(str(part) for part in error.cmd)
        return f"`{command[:300]}` ended with {error.returncode}."
    return str(error)
