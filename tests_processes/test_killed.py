"""Workers are killed at random moments, and the next one goes on."""

import time

import company
import workers
from workers import Worker, click, run_script

KILLS = 25
CHUNK = 10


def serve():
    return Worker(workers.serve_queue, CHUNK)


def kill_and_resume(books, chance, run, finished):
    """Kill workers of a run at random moments, then let the last one finish.

    :param finished: state of the lines that are worked off.
    """
    first_chunk = _kill_after_first_chunk(books, run, finished)
    kills = 1
    while kills < KILLS:
        worker = serve()
        # Some die before their first chunk is written, some in a later one.
        ended = worker.wait(chance.uniform(0, 2 * first_chunk))
        assert not ended, f"All was done after {kills} kills: {worker.result()}"
        kills += worker.kill()
        books.check()
    print(f"{kills} kills, then {dict(books.states(run))}; a chunk takes {first_chunk:.2f} s")
    while set(books.states(run)) != {finished}:
        # A worker leaves alone what a killed one's connection holds for a moment.
        serve().value()
        books.check()


def _kill_after_first_chunk(books, run, finished) -> float:
    """Seconds from a worker's start to its first chunk."""
    started = time.monotonic()
    worker = serve()
    while not books.states(run)[finished]:
        assert not worker.wait(0.01), worker.result()
    seconds = time.monotonic() - started
    assert worker.kill()
    books.check()
    return seconds


def test_creating_invoices(books, chance):
    run = run_script(company.new_run, company.LARGE)
    click(books.user("ann"), "ar.billing.run", "action_create_invoices", [run])
    kill_and_resume(books, chance, run, "done")
    assert books.run_state(run) == "done"
    books.check_billed(company.LARGE)
    assert not books.handled_more_than_once("done")


def test_undoing_them(books, chance):
    ann = books.user("ann")
    run = run_script(company.new_run, company.LARGE)
    click(ann, "ar.billing.run", "action_create_invoices", [run])
    for worker in [Worker(workers.serve_queue, 100) for _lane in range(2)]:
        worker.value()
    books.check_billed(company.LARGE)

    click(ann, "ar.billing.run", "action_undo", [run])
    assert books.run_state(run) == "queued"
    kill_and_resume(books, chance, run, "undone")
    assert books.run_state(run) == "undone"
    books.check_not_billed(company.LARGE)
    assert not books.handled_more_than_once("undone")
