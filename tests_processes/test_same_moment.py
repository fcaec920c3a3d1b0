"""Two people, or several workers, at the same moment."""

import company
import pytest
import workers
from workers import Worker, click, click_together, run_script

CONFIRM = "ar.create.invoices.confirm"


def open_confirm(user, run):
    """The pop-up of a run, as the browser saves it before its button is pressed."""
    (popup,) = click(user, CONFIRM, "create", [{"run_ids": [(6, 0, [run])]}])
    return popup


def confirm_together(books, runs):
    """Ann and Bob press Confirm at the same moment, each on a pop-up of their own."""
    users = [books.user("ann"), books.user("bob")]
    popups = [open_confirm(user, run) for user, run in zip(users, runs, strict=True)]
    return click_together(
        *(
            (user, CONFIRM, "action_confirm", [popup])
            for user, popup in zip(users, popups, strict=True)
        )
    )


def test_two_runs_of_the_same_period(books):
    runs = [run_script(company.new_run, company.SMALL) for _user in range(2)]
    for outcome in confirm_together(books, runs):
        assert outcome.crash is None and outcome.refusal is None
    books.check_billed(company.SMALL)

    done = _lines(books, runs, {"done"})
    lost = _lines(books, runs, {"failed", "skipped"})
    assert len(done) == len(lost) == len(books.lines(runs[0]))
    assert {reason[:22] for reason in lost} <= {"Somebody else has bill", "Already billed for thi"}

    # Who came second retries, and is shown the invoices of the first.
    for run in runs:
        if books.run_state(run) == "failed":
            click(books.user("bob"), "ar.billing.run", "action_retry", [run])
    assert [books.run_state(run) for run in runs] == ["done", "done"]
    lost = _lines(books, runs, {"skipped"})
    assert len(lost) == len(done)
    assert {reason[:22] for reason in lost} == {"Already billed for thi"}
    books.check_billed(company.SMALL)


def _lines(books, runs, states):
    """The reasons (or None) of all lines in certain states."""
    lines = [line for run in runs for line in books.lines(run)]
    return [reason for _customer, _currency, state, reason in lines if state in states]


@pytest.mark.parametrize("size", [company.SMALL, company.LARGE])
def test_two_users_confirm_the_same_run(books, size):
    run = run_script(company.new_run, size)
    outcomes = confirm_together(books, [run, run])
    assert [outcome.crash for outcome in outcomes] == [None, None]
    (refusal,) = [outcome.refusal for outcome in outcomes if outcome.refusal]
    assert "is being worked on by somebody else" in refusal or "open it again" in refusal
    if size == company.LARGE:
        assert books.run_state(run) == "queued"
        books.check_not_billed(size)
    else:
        assert books.run_state(run) == "done"
        books.check_billed(size)
    assert not books.handled_more_than_once("done")


@pytest.mark.parametrize(
    ("count", "size", "chunk"),
    [
        (2, company.LARGE, 20),
        (3, company.LARGE, 20),
        # All want to end the run at the same moment.
        (5, company.SMALL, 1),
    ],
)
def test_workers_share_a_run(books, count, size, chunk):
    run = run_script(company.new_run, size)
    run_script(company.queue, run)
    together = workers.barrier(count)
    crowd = [Worker(workers.serve_queue, chunk, barrier=together) for _worker in range(count)]
    seen = set()
    while not all([worker.wait(0.05) for worker in crowd]):
        seen.add(books.run_state(run))
    connections = {worker.value() for worker in crowd}
    # People see that the work has begun, however busy the workers are.
    assert "running" in seen
    assert books.run_state(run) == "done"
    books.check_billed(size)
    assert not books.handled_more_than_once("done")
    shares = books.workers("done")
    print(f"Lines done by each worker: {sorted(shares.values())}")
    assert set(shares) == connections
