"""Signals, locks and failures of the programs that the commands start."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from devenv import process

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_failing_command_is_named_and_its_output_kept(tmp_path):
    log = tmp_path / "logs" / "a.log"
    with pytest.raises(subprocess.CalledProcessError) as caught:
        process.run([sys.executable, "-c", "print('why'); raise SystemExit(3)"], log)
    assert (caught.value.returncode, caught.value.cmd[0]) == (3, sys.executable)
    assert log.read_text() == "why\n"


def test_a_signal_to_us_reaches_the_program():
    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    started = time.monotonic()
    code = process.foreground(SLEEPER, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    assert code == -signal.SIGTERM
    assert time.monotonic() - started < 30
    assert signal.getsignal(signal.SIGTERM) == before


def test_no_program_outlives_a_killed_command(tmp_path):
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom devenv import process\n"
        f"process.run({SLEEPER!r}, Path({str(tmp_path / 'log')!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = subprocess.Popen([sys.executable, "-c", script], env=environment)
    children = f"/proc/{command.pid}/task/{command.pid}/children"
    log = tmp_path / "log"
    while not log.exists() or "up" not in log.read_text():
        time.sleep(0.05)
    with open(children) as file:
        child = int(file.read().split()[0])
    command.kill()
    command.wait()
    deadline = time.monotonic() + 10
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)


def test_a_lock_makes_the_second_wait_and_says_so(tmp_path, capsys):
    file, order = tmp_path / "lock", []

    def second():
        with process.locked(file, "waiting"):
            order.append("second")

    with process.locked(file, "never said"):
        other = threading.Thread(target=second)
        other.start()
        time.sleep(0.3)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    assert capsys.readouterr().out == "waiting\n"
