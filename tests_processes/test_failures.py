"""Two real workers and documents that fail: whatever it is, the others go on."""

import contextlib
import time
from functools import partial

import failures
import psycopg2
import pytest
from books import Books
from devenv.cron_server import CronServer
from test_server import LANES, wait_until
from workers import DATABASE, run_script

OTHERS = 4
# The server kills a worker that takes longer; less than any of the good ones needs.
LIMIT = 8
# Why each document fails: words of its own error, or of a line's reason.
KINDS = {
    failures.archived: "Archie is archived.",
    failures.without_right: "Willy does not have the right “Invoicing”.",
    failures.elsewhere: "Ella may not work in My Company.",
    failures.unreadable: "cannot be read (EOF marker not found)",
    failures.no_end: "External ID not found in the system: account.ir_cron",
}


class Tasks(Books):
    table = "ar_invoice_task"
    never = {}

    def why(self, task):
        """What a person reads: of the document as a whole, and of its lines."""
        rows = self.rows(
            "SELECT error FROM ar_invoice_task WHERE id = %(task)s UNION ALL "
            "SELECT reason FROM ar_invoice_task_line WHERE document_id = %(task)s",
            task=task,
        )
        return " | ".join(text for (text,) in rows if text)

    def have_ended(self, tasks):
        return not {self.run_state(task) for task in tasks} & {"queued", "running"}

    def wake_workers(self):
        """As the next document would that somebody starts."""
        self.rows(
            "INSERT INTO ir_cron_trigger (cron_id, call_at) "
            "SELECT id, NOW() AT TIME ZONE 'UTC' FROM ir_cron WHERE active"
        )
        connection = psycopg2.connect(dbname="postgres")
        with contextlib.closing(connection), connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify('cron_trigger', %s)", [DATABASE])


@pytest.fixture
def tasks(books):
    run_script(failures.only_lanes)
    return Tasks()


@pytest.fixture
def serve(odoo, logs, tasks):
    """Starts a server with a process for each lane, which is ready to work."""
    servers = []

    def starter(name, *options):
        command = [*odoo.command(), *options]
        log = logs / f"{name}.log"
        server = CronServer(command, odoo.environment(), DATABASE, log, LANES, processes=True)
        servers.append(server)
        wait_until(lambda: server.is_listening(tasks.value), 60, "Server started")

    yield starter
    for server in servers:
        server.stop()


def check_alive(tasks):
    """A document that is queued now is done by the same workers."""
    task = run_script(failures.confirm, "bob", "Afterwards")
    wait_until(lambda: tasks.run_state(task) == "done", 60, "The next document done")


def test_a_document_that_fails_stops_no_other(tasks, serve):
    serve("failures")
    for make, why in KINDS.items():
        bad = run_script(make)
        good = run_script(failures.make_bob_busy, OTHERS)
        wait_until(partial(tasks.have_ended, [bad, *good]), 60, make.__name__)
        print(f"{make.__name__}: {tasks.why(bad)}")
        assert tasks.run_state(bad) == "failed"
        assert why in tasks.why(bad)
        assert [tasks.run_state(task) for task in good] == ["done"] * OTHERS
        # Printed is what can be, and sent is what was handed over; else nothing was done.
        states = {"unreadable": {"done": 1, "failed": 1}, "no_end": {"done": 2}}
        assert tasks.states(bad) == states.get(make.__name__, {"todo": 2})
    check_alive(tasks)


def test_a_chunk_that_takes_too_long_is_not_begun_for_ever(tasks, serve):
    bad = run_script(failures.deadly)
    good = run_script(failures.make_bob_busy, OTHERS)
    serve("killed", "--limit-time-real-cron", LIMIT)

    end = time.monotonic() + 12 * LIMIT
    while not tasks.have_ended([bad, *good]):
        assert time.monotonic() < end, "Not all documents ended."
        time.sleep(1)
        tasks.wake_workers()
    print(tasks.why(bad))
    assert tasks.run_state(bad) == "failed"
    assert tasks.why(bad).startswith("The server stopped the work on it 3 times")
    assert tasks.states(bad) == {"done": 2, "failed": 1}
    assert [tasks.run_state(task) for task in good] == ["done"] * OTHERS
    check_alive(tasks)
