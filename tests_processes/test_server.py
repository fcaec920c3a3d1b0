"""A whole Odoo server is killed and started again; nobody presses anything."""

import subprocess
import time

import company
import pytest
from devenv.process import tied
from workers import DATABASE, click, run_script

# Odoo's servers look for due scheduled actions every minute.
POLL = 60
LANES = 2


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)


class Server:
    """An Odoo server with nothing but its scheduled actions."""

    def __init__(self, odoo, log):
        self.log = log
        command = odoo.command(
            *("-d", DATABASE, "--no-http", "--max-cron-threads", LANES, "--logfile", log)
        )
        self.process = subprocess.Popen(tied(command), env=odoo.environment())

    def is_listening(self, books):
        """Whether its threads wait for work."""
        lanes = books.value(
            "SELECT COUNT(*) FROM pg_stat_activity "
            "WHERE datname = 'postgres' AND application_name = %(name)s",
            name=f"odoo-{self.process.pid}",
        )
        return lanes == LANES and "Registry loaded" in self.log.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(odoo, logs):
    servers = []

    def starter():
        servers.append(Server(odoo, logs / f"server{len(servers)}.log"))
        return servers[-1]

    yield starter
    for server in servers:
        server.kill()


def test_a_killed_server_resumes_by_itself(books, chance, start):
    run = run_script(company.new_run, company.LARGE)
    server = start()
    wait_until(lambda: server.log.exists() and server.is_listening(books), 60, "Server started")
    click(books.user("ann"), "ar.billing.run", "action_create_invoices", [run])
    wait_until(lambda: books.states(run)["done"], 60, "First invoices")
    # A third chunk is left for either lane.
    time.sleep(chance.uniform(0, 0.2))
    server.kill()
    books.check()
    states = books.states(run)
    print(f"Killed with {dict(states)}")
    assert states["todo"], "The server was killed too late to show anything."

    restarted = time.monotonic()
    start()
    wait_until(lambda: books.run_state(run) == "done", POLL + 60, "Run done")
    print(f"Done {time.monotonic() - restarted:.0f} s after the restart")
    books.check_billed(company.LARGE)
    assert not books.handled_more_than_once("done")
