"""Which program prints, and how it is started."""

import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from devenv import apt, config, printing, programs, python_env
from devenv.report import StepFailed

PATCHED = "wkhtmltopdf 0.12.3 (with patched qt)"
UNPATCHED = "wkhtmltopdf 0.12.6"
NO_ENVIRONMENT = Path("/nowhere")


def program(folder: Path, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "wkhtmltopdf"
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine for which a patched one can be had, and its folder of programs (empty)."""
    cache, own = tmp_path / "cache", tmp_path / "own"
    cache.mkdir()
    own.mkdir()
    monkeypatch.setattr(config, "CACHE", cache)
    monkeypatch.setattr(programs, "FOLDER", cache / "programs")
    monkeypatch.setattr(programs, "WRAPPERS", cache / "wrappers")
    monkeypatch.setattr(printing, "LOG", cache / "printing.log")
    monkeypatch.setattr(printing.sys, "platform", "linux")
    monkeypatch.setattr(printing.platform, "machine", lambda: "x86_64")
    fonts = tmp_path / "fonts.conf"
    fonts.touch()
    monkeypatch.setattr(programs, "FONTS_CONFIGURATION", fonts)
    # What a script needs, without what else lies beside it on this machine.
    shell = tmp_path / "shell"
    shell.mkdir()
    for name in ("bash", "env", "grep", "sh"):
        (shell / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", os.pathsep.join([str(own), str(shell)]))
    return own


@pytest.fixture
def wheel(machine, monkeypatch):
    """The package index has the wheel; its program answers as the real one does."""

    def download(command, log, **_options):
        folder = Path(command[command.index("--dest") + 1])
        inside = program(folder / "inside", PATCHED)
        with zipfile.ZipFile(folder / "x-1-py3-none-any.whl", "w") as content:
            content.write(inside, "x-1.data/data/bin/wkhtmltopdf-pack")
            content.writestr("x-1.dist-info/RECORD", "")

    monkeypatch.setattr(printing, "run", download)


@pytest.fixture
def no_wheel(machine, monkeypatch):
    def download(command, log, **_options):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(printing, "run", download)


def test_the_machines_own_is_taken_when_it_is_patched(machine, no_wheel):
    own = program(machine, PATCHED)
    assert printing.find(NO_ENVIRONMENT) == (own, "")


@pytest.mark.parametrize("own", [None, UNPATCHED])
def test_else_the_wheels_is_started_by_its_usual_name(machine, wheel, own):
    if own:
        program(machine, own)
    found, note = printing.find(NO_ENVIRONMENT)
    assert (found.name, note) == ("wkhtmltopdf", "")
    assert config.CACHE in found.parents
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == PATCHED


def test_the_wheel_is_fetched_once(wheel, monkeypatch):
    first = printing.find(NO_ENVIRONMENT)
    monkeypatch.setattr(printing, "run", lambda *_arguments, **_options: pytest.fail("again"))
    assert printing.find(NO_ENVIRONMENT) == first


def test_ours_comes_before_an_unpatched_one_of_the_machine(machine, wheel):
    program(machine, UNPATCHED)
    found, _note = printing.find(NO_ENVIRONMENT)
    path = python_env.path_with(NO_ENVIRONMENT, found.parent)["PATH"]
    assert Path(shutil.which("wkhtmltopdf", path=path)) == found


def test_without_the_wheel_the_machines_own_prints_and_a_note_says_what_is_missing(
    machine, no_wheel
):
    own = program(machine, UNPATCHED)
    found, note = printing.find(NO_ENVIRONMENT)
    assert found == own
    assert "one document at a time" in note
    assert "could not be fetched" in note


def test_without_either_debians_is_unpacked(no_wheel, monkeypatch):
    def unpack(title, target, build):
        program(target / "usr" / "bin", UNPATCHED)

    monkeypatch.setattr(apt, "ensure", unpack)
    found, note = printing.find(NO_ENVIRONMENT)
    assert "could not be fetched" in note
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == UNPATCHED


@pytest.mark.parametrize(("system", "kind"), [("linux", "aarch64"), ("darwin", "x86_64")])
def test_on_other_kinds_of_machine_nothing_is_fetched(machine, monkeypatch, system, kind):
    monkeypatch.setattr(printing.sys, "platform", system)
    monkeypatch.setattr(printing.platform, "machine", lambda: kind)
    monkeypatch.setattr(printing, "run", lambda *_arguments, **_options: pytest.fail("fetched"))
    own = program(machine, UNPATCHED)
    found, note = printing.find(NO_ENVIRONMENT)
    assert found == own
    assert "x86-64 only" in note


def test_what_the_machine_lacks_for_it_is_unpacked_beside_it(wheel, monkeypatch, tmp_path):
    """Fonts, here: without them it would print empty boxes."""
    monkeypatch.setattr(programs, "FONTS_CONFIGURATION", tmp_path / "missing.conf")

    def unpack(title, target, build):
        for name in ("etc/fonts/fonts.conf", "usr/lib/x86_64-linux-gnu/libXrender.so.1"):
            (target / name).parent.mkdir(parents=True)
            (target / name).touch()

    monkeypatch.setattr(apt, "ensure", unpack)
    found, note = printing.find(NO_ENVIRONMENT)
    assert not note
    text = found.read_text()
    root = programs.FOLDER / f"{printing.NAME}-libraries"
    assert f"LD_LIBRARY_PATH='{root}/usr/lib/x86_64-linux-gnu'" in text
    assert f"FONTCONFIG_FILE='{root}/fonts.conf'" in text


def test_a_machine_without_libraries_and_without_apt_is_told(wheel, monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "FONTS_CONFIGURATION", tmp_path / "missing.conf")

    def refuse(title, target, build):
        if "Libraries" in title:
            raise StepFailed("no apt-get")
        program(target / "usr" / "bin", UNPATCHED)

    monkeypatch.setattr(apt, "ensure", refuse)
    assert "no apt-get" in printing.find(NO_ENVIRONMENT).note


@pytest.mark.parametrize("says", ["", UNPATCHED])
def test_what_does_not_say_so_is_not_patched(tmp_path, says):
    assert not printing.is_patched(program(tmp_path, says))
    assert not printing.is_patched(tmp_path / "missing")


def test_a_wrapped_program_gets_its_words_as_they_are(machine, tmp_path):
    binary = tmp_path / "show"
    binary.write_text('#!/bin/sh\nprintf "%s\\n" "$A" "$@"\n')
    binary.chmod(0o755)
    script = programs.wrap("show", binary, A="b c")
    said = subprocess.run([script, "one two", "*"], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["b c", "one two", "*"]


def test_of_a_wrapped_program_all_but_the_unheard_is_heard(machine, tmp_path):
    binary = tmp_path / "complain"
    binary.write_text("#!/bin/sh\necho x: 1 >&2\necho y: 2 >&2\necho x: 3\nkill -SEGV $$\n")
    binary.chmod(0o755)
    script = programs.wrap("complain", binary, unheard="x: ")
    done = subprocess.run([script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("x: 3\n", "y: 2\n")
    assert done.returncode == -signal.SIGSEGV


class Pages(http.server.BaseHTTPRequestHandler):
    """A small page at any address; notes what was asked for."""

    asked: list[str]

    def do_GET(self):
        self.asked.append(self.path.partition("?")[0])
        text = f"<!DOCTYPE html><html><body>{self.path}</body></html>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def pages():
    """Address of a server, and the list of paths that it was asked for."""
    handler = type("Noting", (Pages,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.asked
        server.shutdown()


def test_two_documents_are_printed_at_once_with_header_and_footer(pages, tmp_path):
    """The real one, as Odoo calls it: what it complains of would be in Odoo's log."""
    found, note = printing.find(Path(sys.prefix))
    if note:
        assert "x86-64 only" in note, note
        return
    address, asked = pages
    words = ["--quiet", "--header-html", f"{address}/header", "--footer-html", f"{address}/footer"]
    result = tmp_path / "both.pdf"
    done = subprocess.run(
        [found, *words, f"{address}/first", f"{address}/second", result],
        env={**os.environ, "no_proxy": "127.0.0.1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert {"/first", "/second"} <= set(asked)
    assert min(asked.count("/header"), asked.count("/footer")) >= 2
    assert b"/Count 2" in result.read_bytes()


def test_the_wheel_is_held_to_its_hash():
    (line,) = (
        line for line in printing.REQUIREMENTS.read_text().splitlines() if not line.startswith("#")
    )
    assert " --hash=sha256:" in line
