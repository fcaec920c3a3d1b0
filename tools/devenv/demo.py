"""./run: the demo database, the table of its balances, the web client."""

import socket
import subprocess
import threading
import urllib.request
from pathlib import Path

from . import config
from .odoo import Odoo, version
from .postgres import Cluster
from .process import foreground, locked
from .report import StepFailed, say, step, tail

DATABASE = config.DEMO_DATABASE
LOG = config.CACHE / "logs" / "demo.log"
SERVER_LOG = config.CACHE / "logs" / "demo-server.log"
DEFAULT_PORT = 8069
# What changes without the database noticing.
NOT_LOADED = {"tests", "readme", "__pycache__"}


def addon_version(source: Path) -> str:
    """Text that changes when the addon's files, or Odoo, do."""
    addon = config.PROJECT / config.ADDON
    parts = [version(source)]
    for file in sorted(addon.rglob("*")):
        relative = file.relative_to(addon)
        if file.is_file() and not NOT_LOADED & set(relative.parts):
            parts += [str(relative), file.read_bytes().hex()]
    return config.fingerprint(*parts)


class Demo:
    def __init__(self, cluster: Cluster, odoo: Odoo):
        self.cluster = cluster
        self.odoo = odoo

    def ensure(self, fresh: bool):
        """Install or update, so that the database fits the addon's files."""
        wanted = addon_version(self.odoo.source)
        if fresh:
            self.odoo.drop(DATABASE)
        if not self.cluster.exists(DATABASE):
            LOG.unlink(missing_ok=True)
            with step("Demo database with Odoo's demo data (a few minutes, once)", log=LOG):
                self.odoo.install(DATABASE, [config.ADDON], demo=True, log=LOG)
        elif self._installed_version() == wanted:
            return
        else:
            advice = "`./run --fresh` makes the demo database anew."
            with step("Demo database: update to the addon's files", advice, LOG):
                arguments = ["-u", config.ADDON, "--stop-after-init", "--no-http"]
                self.odoo.run(LOG, "-d", DATABASE, *arguments)
        self.cluster.sql(f"COMMENT ON DATABASE {DATABASE} IS '{wanted}'")

    def _installed_version(self) -> str:
        """Kept as a comment on the database: it goes where the database goes."""
        rows = self.cluster.sql(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database "
            f"WHERE datname = '{DATABASE}'"
        )
        return rows[0][0]

    def report(self):
        done = subprocess.run(
            self.odoo.script("demo_report.py", DATABASE),
            env=self.odoo.environment(),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise StepFailed(
                f"The table of balances failed:\n{done.stderr[-3000:]}\n"
                "  What to do: `./run --fresh` makes the demo database anew."
            )
        say(f"\n{done.stdout.rstrip()}")

    def say_note(self):
        """What is not as it should be; last, where it is seen."""
        if self.odoo.printer.note:
            say(f"\n{self.odoo.printer.note}")

    def serve(self, port: int) -> int:
        address = f"http://127.0.0.1:{port}/odoo"
        SERVER_LOG.unlink(missing_ok=True)
        over = threading.Event()
        threading.Thread(target=self._announce, args=(address, over), daemon=True).start()
        arguments = ["-d", DATABASE, "--http-port", port, "--logfile", SERVER_LOG]
        code = foreground(self.odoo.command(*arguments), env=self.odoo.environment())
        over.set()
        if code > 0:
            last = "\n".join(tail(SERVER_LOG)) if SERVER_LOG.exists() else ""
            raise StepFailed(f"Odoo stopped with {code}. Its log, {SERVER_LOG}, ends with:\n{last}")
        return 0

    def _announce(self, address: str, over: threading.Event):
        """Say where to look, once the first page is there."""
        say("\nStarting the web client …")
        # No proxy: this is the machine itself.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while not over.wait(0.5):
            try:
                opener.open(address, timeout=120).close()
            except OSError:
                continue
            say(
                f"\n  Open      {address}\n  Login     admin\n  Password  admin\n\n"
                f"Ctrl-C stops. Log: {SERVER_LOG}"
            )
            self.say_note()
            return


def free_port(wanted: int | None) -> int:
    """The wanted port, or the first free one from Odoo's usual one on."""
    for port in [wanted] if wanted else range(DEFAULT_PORT, DEFAULT_PORT + 100):
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError as error:
                if wanted:
                    raise StepFailed(
                        f"Port {port} cannot be used: {error.strerror}. Name another one "
                        "with --port, or none: the next free one is taken then."
                    ) from error
                continue
            return port
    raise StepFailed("No free port found. Name one with --port.")


def main(serve: bool, port: int | None, fresh: bool) -> int:
    if serve:
        port = free_port(port)
    cluster = Cluster("main")
    with cluster.running():
        demo = Demo(cluster, Odoo(cluster))
        waiting = "- another ./run is making the demo database: waiting for it …"
        with locked(config.CACHE / "demo.lock", waiting):
            demo.ensure(fresh)
        demo.report()
        if serve:
            return demo.serve(port)
        demo.say_note()
        return 0
