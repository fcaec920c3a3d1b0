"""Workers are killed at random moments, and the next one goes on."""

import time

import company
import workers
from workers import Worker, run_script

KILLS = 22


def kill_and_resume(books, chance, run, finished, chunk):
    """Kill workers of a run at random moments, then let the last one finish.

    :param finished: state of the lines that are worked off.
    :param chunk: lines per transaction.
    """
    first_chunk = 0
    for kill in range(KILLS):
        # The first shows how long it takes until a chunk is written. Of the others,
        # some die before that and some after.
        seconds = chance.uniform(0, 2 * first_chunk) if first_chunk else workers.LONGEST
        chunks = 2 if first_chunk else 1
        worker = Worker(workers.serve_queue, chunk)
        lived = _watch(books, worker, run, finished, seconds, chunks * chunk)
        assert worker.kill(), f"Kill {kill} came too late: {worker.result()}"
        first_chunk = first_chunk or lived
        books.check()
    print(f"{KILLS} kills, then {dict(books.states(run))}; a chunk takes {first_chunk:.2f} s")
    while set(books.states(run)) != {finished}:
        # A worker leaves alone what a killed one's connection holds for a moment.
        Worker(workers.serve_queue, 100).value()
        books.check()


def _watch(books, worker, run, finished, seconds, lines) -> float:
    """Wait for a while, but no longer than until a worker has done so many lines.

    However fast the machine is, enough is left for the next one.
    """
    started = time.monotonic()
    before = books.states(run)[finished]
    while time.monotonic() - started < seconds:
        left = seconds - (time.monotonic() - started)
        if worker.wait(min(0.02, left)) or books.states(run)[finished] >= before + lines:
            break
    return time.monotonic() - started


def test_creating_invoices(books, chance):
    run = run_script(company.new_run, company.LARGE)
    run_script(company.queue, run)
    kill_and_resume(books, chance, run, "done", chunk=5)
    assert books.run_state(run) == "done"
    books.check_billed(company.LARGE)
    assert not books.handled_more_than_once("done")


def test_undoing_them(books, chance):
    run = run_script(company.new_run, company.LARGE)
    run_script(company.queue, run)
    for worker in [Worker(workers.serve_queue, 100) for _lane in range(2)]:
        worker.value()
    books.check_billed(company.LARGE)

    workers.click(books.user("ann"), "ar.billing.run", "action_undo", [run])
    assert books.run_state(run) == "queued"
    # Deleting is so much faster that small chunks are needed to be killed in.
    kill_and_resume(books, chance, run, "undone", chunk=2)
    assert books.run_state(run) == "undone"
    books.check_not_billed(company.LARGE)
    assert not books.handled_more_than_once("undone")
