"""A private PostgreSQL cluster: own data folder, own socket, no network port."""

import contextlib
import fcntl
import os
import shutil
import subprocess

from . import config, programs
from .report import StepFailed, step

USER = "odoo"
ADVICE = (
    "another program may hold the cluster; `./run` and `./test` use one each below "
    f"{config.CACHE}. Deleting that cluster's folder starts it afresh."
)
# Odoo on two cores: enough memory to sort in, no more connections than needed.
SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "80",
    "shared_buffers": "'512MB'",
    "work_mem": "'32MB'",
    "maintenance_work_mem": "'256MB'",
    "max_wal_size": "'2GB'",
    "log_min_messages": "warning",
    "timezone": "'UTC'",
}
# Only for databases that a test may lose: never for the demo, never for figures.
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # A test's data is never committed, so an autovacuum in the middle of it counts
    # empty tables, and the planner then joins thousands of rows as if there were one:
    # the same test took 30 seconds or 10 minutes.
    "autovacuum": "off",
}


def _is_last(users) -> bool:
    """Whether no other process holds the lock that all users share."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Cluster:
    """One PostgreSQL server with its data, used by any number of commands at once.

    Each command holds a shared lock while it uses the server; the last one to
    leave stops it.
    """

    def __init__(self, name: str, throw_away: bool = False):
        self.name = name
        self.folder = config.CACHE / "postgresql" / name
        self.data = self.folder / "data"
        # One folder per cluster holds the socket; only its owner and root get in.
        self.socket = self.folder / "socket"
        self.log = config.CACHE / "logs" / f"postgresql-{name}.log"
        self.settings = SETTINGS | (THROW_AWAY if throw_away else {})
        self.owner = config.database_owner()

    # --- environment -------------------------------------------------------

    def environment(self) -> dict[str, str]:
        return {"PGHOST": str(self.socket), "PGUSER": USER, "PGPORT": "5432"}

    def _server(self, program: str, *arguments, check=True, **options):
        """Run a server program as the owner of the cluster."""
        if os.geteuid() == 0:
            options |= {
                "user": self.owner.pw_uid,
                "group": self.owner.pw_gid,
                "extra_groups": [],
            }
        return subprocess.run(
            [str(self.binaries / program), *map(str, arguments)],
            env={
                **os.environ,
                **programs.postgresql_environment(self.binaries),
                "LC_ALL": "C.UTF-8",
            },
            cwd="/",
            check=check,
            stdin=subprocess.DEVNULL,
            **options,
        )

    # --- life --------------------------------------------------------------

    @contextlib.contextmanager
    def running(self):
        """Start the server if it does not run; stop it when nobody uses it."""
        self.binaries = programs.postgresql()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with (self.folder / "users.lock").open("w") as users:
            with (self.folder / "start.lock").open("w") as starting:
                fcntl.flock(starting, fcntl.LOCK_EX)
                fcntl.flock(users, fcntl.LOCK_SH)
                self._create()
                self._start()
            try:
                yield self
            finally:
                with (self.folder / "start.lock").open("w") as starting:
                    fcntl.flock(starting, fcntl.LOCK_EX)
                    if _is_last(users):
                        self._stop()
                    # Still under the first lock: else two that leave together
                    # would each see the other and neither stop the server.
                    fcntl.flock(users, fcntl.LOCK_UN)

    def _create(self):
        if (self.folder / "created").exists():
            return
        with step(f"PostgreSQL cluster '{self.name}'", ADVICE, self.log):
            if len(str(self.socket)) > 90:
                raise StepFailed(
                    f"The path {self.socket} is too long for a socket. Name a shorter "
                    f"cache folder in ${config.CACHE_VARIABLE}."
                )
            shutil.rmtree(self.data, ignore_errors=True)
            for folder in (self.data, self.socket):
                folder.mkdir(parents=True, exist_ok=True)
                if os.geteuid() == 0:
                    os.chown(folder, self.owner.pw_uid, self.owner.pw_gid)
                folder.chmod(0o700)
            for folder in (self.folder, *self.folder.parents):
                if folder == config.CACHE.parent:
                    break
                folder.chmod(0o755)
            with self.log.open("ab") as output:
                self._server(
                    "initdb",
                    f"--pgdata={self.data}",
                    f"--username={USER}",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    stdout=output,
                    stderr=output,
                )
            (self.folder / "created").touch()

    def _start(self):
        status = self._server("pg_ctl", "status", "-D", self.data, check=False, capture_output=True)
        if status.returncode == 0:
            return
        options = " ".join(f"-c {key}={value}" for key, value in self.settings.items())
        # The server opens its log itself, as its own user.
        logfile = self.data / "server.log"
        started = self._server(
            "pg_ctl",
            "start",
            "-w",
            "-t",
            "120",
            "-D",
            self.data,
            "-l",
            logfile,
            "-o",
            f"{options} -c unix_socket_directories='{self.socket}'",
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if started.returncode:
            text = logfile.read_text(errors="replace") if logfile.exists() else ""
            last = "\n    ".join(text.splitlines()[-8:])
            raise StepFailed(
                f"PostgreSQL's cluster '{self.name}' did not start.\n    {last}\n"
                f"  What to do: {ADVICE}"
            )

    def _stop(self):
        self._server(
            "pg_ctl",
            "stop",
            "-w",
            "-m",
            "fast",
            "-D",
            self.data,
            check=False,
            capture_output=True,
        )

    # --- databases ---------------------------------------------------------

    def sql(self, statement: str, database: str = "postgres") -> list[list[str]]:
        """Rows of a statement, as text (psql, so that no driver is needed)."""
        done = subprocess.run(
            [self.binaries / "psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", database],
            input=statement,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                **programs.postgresql_environment(self.binaries),
                **self.environment(),
            },
        )
        if done.returncode:
            raise StepFailed(done.stderr.strip())
        return [line.split("\t") for line in done.stdout.splitlines()]

    def exists(self, database: str) -> bool:
        return bool(self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"))

    def drop(self, database: str):
        self.sql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def clone(self, template: str, database: str):
        """Copy a database; the copy replaces one of the same name."""
        self.drop(database)
        self.sql(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def rename(self, database: str, name: str):
        self.drop(name)
        self.sql(f'ALTER DATABASE "{database}" RENAME TO "{name}"')

    def databases(self, prefix: str = "") -> list[str]:
        rows = self.sql("SELECT datname FROM pg_database WHERE NOT datistemplate")
        return [name for (name,) in rows if name.startswith(prefix)]
