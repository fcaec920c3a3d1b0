"""Odoo servers work by themselves: killed and started again, or out of time."""

import time

import company
import pytest
import workers
from devenv.cron_server import CronServer
from workers import DATABASE, Worker, click, run_script

# Odoo's servers look for due scheduled actions every minute.
POLL = 60
LANES = 2


def wait_until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.1)


@pytest.fixture
def start(odoo, logs):
    servers = []

    def starter():
        log = logs / f"server{len(servers)}.log"
        servers.append(CronServer(odoo.command(), odoo.environment(), DATABASE, log, LANES))
        return servers[-1]

    yield starter
    for server in servers:
        server.kill()


def test_a_killed_server_resumes_by_itself(books, chance, start):
    run = run_script(company.new_run, company.LARGE)
    server = start()
    wait_until(lambda: server.is_listening(books.value), 60, "Server started")
    click(books.user("ann"), "ar.billing.run", "create_invoices", [run])
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


def test_the_rest_of_long_work_is_taken_up_at_once(books):
    """Odoo gives a scheduled action some seconds, and then waits for its next minute."""
    run = run_script(company.new_run, company.LARGE)
    run_script(company.queue, run)
    books.rows("DELETE FROM ir_cron_trigger RETURNING id")
    Worker(workers.serve_queue_out_of_time).value()
    states = books.states(run)
    assert states["done"] and states["todo"], states
    lanes = books.value(
        "SELECT COUNT(DISTINCT cron_id) FROM ir_cron_trigger WHERE call_at <= NOW()"
    )
    assert lanes == LANES
