"""Workers are killed at random moments, and the next one goes on."""

import company
import workers
from killing import kill_and_resume
from workers import Worker, run_script


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
