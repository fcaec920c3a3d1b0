"""What the commands say last, and the small checks of ./test."""

import json
import re
import socket
import sys

import pytest
from devenv import bench, cli, config, demo, lint, odoo_tests
from devenv.outcome import Outcome, summary
from devenv.report import StepFailed

TOOLS = config.PROJECT / "tools"
HOOKS = """\
text files...............................................................Passed
ruff (errors)............................................................Failed
- hook id: ruff
- exit code: 1

a.py:1: wrong

oca-checks-po.......................................(no files to check)Skipped
"""


def last_line(capsys, *outcomes):
    code = summary(list(outcomes))
    return code, capsys.readouterr().out.splitlines()[-1]


def test_the_last_line_adds_up(capsys):
    outcomes = Outcome("a", passed=3), Outcome("b", passed=4)
    assert last_line(capsys, *outcomes) == (0, "7 passed, 0 failed")


def test_a_failure_fails_the_run(capsys):
    outcomes = Outcome("a", passed=3), Outcome("b", failed=1, details=["why"])
    assert last_line(capsys, *outcomes) == (1, "3 passed, 1 failed")


def test_a_skipped_test_fails_the_run(capsys):
    assert last_line(capsys, Outcome("a", passed=1, skipped=2)) == (
        1,
        "1 passed, 0 failed, 2 skipped",
    )


def test_hooks_are_counted_and_only_failed_ones_shown():
    outcome = lint.read(HOOKS, 1)
    assert (outcome.passed, outcome.failed) == (1, 1)
    assert "a.py:1: wrong" in outcome.details[0]
    assert "oca-checks-po" not in outcome.details[0]


def test_linters_that_do_not_start_fail():
    for text, code in (("InvalidConfigError", 1), ("ruff........(no files to check)Skipped", 0)):
        outcome = lint.read(text, code)
        assert (outcome.passed, outcome.failed) == (0, 1)


def test_a_taken_port_is_said_when_it_was_asked_for():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StepFailed, match="--port"):
            demo.free_port(port)


def test_another_port_is_taken_when_none_was_asked_for(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(demo, "DEFAULT_PORT", port)
        assert demo.free_port(None) > port


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1"])
def test_a_port_is_a_port(port):
    with pytest.raises(SystemExit):
        cli.run(["--port", port])


def test_bench_without_a_name_runs_everything(monkeypatch):
    ran = []
    monkeypatch.setattr(bench, "main", lambda options: ran.append(options.what))
    assert cli.bench([]) == 0
    assert ran == list(bench.CASES)


def test_each_bench_has_its_script():
    scripts = {file.stem.removeprefix("bench_") for file in (TOOLS / "scripts").glob("bench_*.py")}
    assert bench.CASES.keys() <= scripts


def test_a_bench_is_given_its_own_options():
    [options] = bench.parse(["lanes", "--customers", "7"])
    assert (options.customers, options.invoices, options.rounds) == (7, 2200, 2)
    assert options.profile is False
    with pytest.raises(SystemExit):
        bench.parse(["list", "--customers", "7"])


def test_a_test_file_that_never_ran_fails_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(odoo_tests, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(config, "PROJECT", tmp_path)
    tests = tmp_path / config.ADDON / "tests"
    tests.mkdir(parents=True)
    for name in ("__init__", "common", "test_a", "test_b"):
        (tests / f"{name}.py").touch()
    parts = odoo_tests.OdooTests(None, None)
    parts.started = {"test_a", "test_of_another_addon"}
    outcome = parts._all_started("title")
    assert (outcome.passed, outcome.failed) == (0, 1)
    assert "test_b" in outcome.details[0]
    parts.started |= {"test_b"}
    assert parts._all_started("title").passed == 1


def test_versions_are_pinned_and_no_registry_is_named():
    for file in TOOLS.glob("requirements*.txt"):
        lines = [x for x in file.read_text().splitlines() if x and not x.startswith(("#", "--"))]
        assert all("==" in line for line in lines), file
    packages = json.loads((TOOLS / "node" / "package-lock.json").read_text())["packages"]
    assert not [name for name, values in packages.items() if "resolved" in values]
    wanted = json.loads((TOOLS / "node" / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())


def test_text_files(tmp_path):
    sys.path.insert(0, str(TOOLS / "scripts"))
    import check_text_files

    sys.path.pop(0)
    assert not check_text_files.problems("a", b"")
    assert not check_text_files.problems("a", b"a\n\nb\n")
    for text in (b"a", b"a\n\n", b"a \n", b"a\r\n", b"<<<<<<< HEAD\n"):
        assert check_text_files.problems("a", text), text
