"""A real Odoo server that does nothing but its scheduled actions."""

import contextlib
import subprocess
from pathlib import Path

from .process import tied

# Servers wait for work on a connection to this database.
LISTENING = (
    "SELECT COUNT(*) FROM pg_stat_activity "
    "WHERE datname = 'postgres' AND state = 'idle' AND application_name = ANY(%(names)s)"
)
LONGEST_STOP = 30


class CronServer:
    """A server with so many lanes: threads of one process, or a process each."""

    def __init__(self, odoo, environment, database, log: Path, lanes: int, processes=False):
        """
        :param odoo: the words that start Odoo's command line.
        :param database: the one that it serves.
        :param lanes: how many scheduled actions it works on at once.
        """
        self.log = log
        self.lanes = lanes
        log.unlink(missing_ok=True)
        arguments = ["-d", database, "--no-http", "--max-cron-threads", lanes, "--logfile", log]
        # Any number above zero makes processes, and without HTTP none but those of the lanes.
        arguments += ["--workers", 1 if processes else 0]
        self.process = subprocess.Popen(tied([*odoo, *arguments]), env=environment)

    def is_listening(self, ask) -> bool:
        """Whether its registry is loaded and all of its lanes wait for work.

        :param ask: called with a query and its parameters; returns the value it finds.
        """
        if self.process.poll() is not None:
            raise RuntimeError(f"The server has ended with {self.process.returncode}: {self.log}")
        if not self.log.exists() or "Registry loaded" not in self.log.read_text():
            return False
        names = [f"odoo-{number}" for number in self._get_processes()]
        return ask(LISTENING, names=names) == self.lanes

    def _get_processes(self) -> list[int]:
        """Numbers of the server's own process and of those that it started."""
        own = self.process.pid
        children = ""
        with contextlib.suppress(FileNotFoundError):  # ended
            children = Path(f"/proc/{own}/task/{own}/children").read_text()
        return [own, *map(int, children.split())]

    def kill(self):
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """End it after the work in hand."""
        self.process.terminate()
        try:
            self.process.wait(LONGEST_STOP)
        except subprocess.TimeoutExpired:
            self.kill()
