"""Processes that do in a database what users' requests and scheduled actions do.

A process is forked from this one, which has loaded Odoo's registry and holds no
connection: so it starts in a moment, and its connections and transactions are its own.
"""

import contextlib
import multiprocessing
import os
import signal
import traceback
from dataclasses import dataclass

from odoo import SUPERUSER_ID, api, sql_db
from odoo.exceptions import UserError
from odoo.modules.registry import Registry
from odoo.service.model import execute_cr

DATABASE = "t_processes"
# Nothing here takes a minute; a process that does waits for a lock that nobody frees.
LONGEST = 120

_fork = multiprocessing.get_context("fork")


def load_registry():
    """Load the registry that all processes share, and leave no connection open."""
    Registry(DATABASE).check_signaling()
    sql_db.close_all()


@dataclass
class Outcome:
    """What a process ended with: a value, a sentence for the user, or a traceback."""

    value: object = None
    refusal: str | None = None
    crash: str | None = None


class Worker:
    """A process at work; ``task`` is called in it with a cursor and ``arguments``."""

    def __init__(self, task, *arguments, barrier=None):
        self._receiver, sender = _fork.Pipe(duplex=False)
        self._process = _fork.Process(
            target=_work, args=(sender, task, arguments, barrier), daemon=True
        )
        self._process.start()
        sender.close()

    def result(self) -> Outcome:
        """Wait for the end."""
        outcome = Outcome(crash="The process ended without a word.")
        with contextlib.suppress(EOFError):
            if not self._receiver.poll(LONGEST):
                outcome.crash = f"The process did not end within {LONGEST} s."
                self._process.kill()
            else:
                outcome = self._receiver.recv()
        self._process.join()
        return outcome

    def value(self):
        """Wait for the end, which must be a good one."""
        outcome = self.result()
        assert outcome.crash is None, outcome.crash
        assert outcome.refusal is None, outcome.refusal
        return outcome.value

    def wait(self, seconds: float) -> bool:
        """Whether it ends within so many seconds."""
        self._process.join(seconds)
        return not self._process.is_alive()

    def kill(self) -> bool:
        """Kill it at once, as a power cut would; False if it had ended before."""
        self._process.kill()
        self._process.join()
        return self._process.exitcode == -signal.SIGKILL


def _work(sender, task, arguments, barrier):
    outcome = Outcome()
    try:
        with Registry(DATABASE).check_signaling().cursor() as cr:
            if barrier:
                barrier.wait()
            outcome.value = task(cr, *arguments)
    except UserError as error:
        outcome.refusal = str(error.args[0])
    except BaseException:
        outcome.crash = f"Process {os.getpid()}:\n{traceback.format_exc()}"
    sender.send(outcome)


def barrier(processes: int):
    """Lets processes go on when so many have come to it."""
    return _fork.Barrier(processes)


# --- tasks ------------------------------------------------------------------


def script(cr, function, *arguments):
    """Run a function with Odoo's environment; its changes are kept."""
    return function(api.Environment(cr, SUPERUSER_ID, {}), *arguments)


def request(cr, user_id, model, method, *arguments):
    """What a click in the browser does, repeated on a conflict as the server does it."""
    return execute_cr(cr, user_id, model, method, arguments, {})


def serve_queue(cr, chunk_size):
    """What the scheduled action does, in chunks of so many lines.

    Returns what the database knows the process by.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    # Small chunks, so that many of them are begun and ended in a short test.
    for name in env["ar.bulk.lanes"]._get_document_models():
        env.registry[name]._chunk_size = chunk_size
    env["ar.bulk.lanes"]._cron_work()
    return cr._cnx.get_backend_pid()


def serve_queue_out_of_time(cr):
    """A scheduled action whose time is up after its first chunk."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    cron, _progress = env.ref("ar_balance_invoicing.ir_cron_bulk_document_lane_1")._add_progress()
    context = {**cron.env.context, "cron_id": cron.id, "cron_end_time": 0}
    env["ar.bulk.lanes"].with_context(context)._cron_work()


# --- shorthands -------------------------------------------------------------


def run_script(function, *arguments):
    return Worker(script, function, *arguments).value()


def click(user_id, model, method, *arguments):
    return Worker(request, user_id, model, method, *arguments).value()


def click_together(*clicks) -> list[Outcome]:
    """Several clicks ``(user_id, model, method, *arguments)`` at the same moment."""
    together = barrier(len(clicks))
    workers = [Worker(request, *arguments, barrier=together) for arguments in clicks]
    return [worker.result() for worker in workers]
