"""Many invoices are printed by a real server with Odoo's own limits."""

import socket
import subprocess

import failures
import pytest
from devenv.process import tied
from test_failures import Tasks
from test_server import wait_until
from workers import DATABASE, run_script

INVOICES = 240
# Seconds for all of them: a program that prints one invoice a time takes over one for each.
LONGEST = 1200
# Odoo's defaults, whatever the configuration file says.
LIMITS = ("--limit-time-cpu", "60", "--limit-time-real", "120", "--limit-time-real-cron", "-1")


@pytest.fixture
def url(odoo, logs, books):
    """Address of a server with two workers for requests and two for the lanes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Its neighbour is for the long polling.
    log = logs / "printing.log"
    log.unlink(missing_ok=True)
    run_script(failures.only_lanes)
    arguments = ["-d", DATABASE, "--http-port", port, "--gevent-port", port + 1]
    arguments += ["--workers", 2, "--max-cron-threads", 2, "--logfile", log, *LIMITS]
    command = odoo.script("odoo_command.py", *arguments)
    server = subprocess.Popen(tied(command), env=odoo.environment())
    wait_until(lambda: log.exists() and "HTTP service" in log.read_text(), 60, "Server started")
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(60)
    text = log.read_text()
    assert "time limit" not in text and "timeout" not in text, "A worker was killed."


@pytest.mark.long
def test_240_invoices_as_one_pdf(url):
    tasks = Tasks()
    task = run_script(failures.print_all, INVOICES, url)

    wait_until(lambda: tasks.have_ended([task]), LONGEST, "Printed")
    assert tasks.why(task) == ""
    assert tasks.run_state(task) == "done"
    assert tasks.states(task) == {"done": INVOICES}
    seconds, pace, size = tasks.rows(
        "SELECT EXTRACT(EPOCH FROM ended_at - started_at), line_seconds, file_size "
        "FROM ar_invoice_task task JOIN ir_attachment file ON file.id = task.pdf_id "
        "WHERE task.id = %(task)s",
        task=task,
    )[0]
    print(f"{INVOICES} printed in {seconds:.0f} s, {pace:.2f} s each in a lane; {size} bytes")
