"""Write-offs by two people, or by workers that are killed."""

import company
import pytest
import workers
from killing import kill_and_resume
from workers import Worker, click, click_together, run_script
from write_off_books import WriteOffBooks

MODEL = "ar.write.off"
# The documents of Ann and Bob: of 150 debts, 20 are in both.
ANN, BOB = (0, 60), (40, company.DEBTORS)
BOTH = ANN[1] - BOB[0]


@pytest.fixture
def write_offs(books):
    return WriteOffBooks()


@pytest.fixture
def documents(write_offs):
    """Ann's and Bob's document, reviewed and not yet processed."""
    return [
        run_script(company.new_write_off, "ann", *ANN),
        run_script(company.new_write_off, "bob", *BOB),
    ]


def check_loser_knows(books, documents):
    """All is written off once, and who came second was told; returns what he was told."""
    books.check_written_off(company.DEBTORS)
    lines = {document: books.lines(document) for document in documents}
    names = {document: books.name(document) for document in documents}
    winners = {
        move: document
        for document, found in lines.items()
        for move, state, _reason in found
        if state == "done"
    }
    told = []
    for document, found in lines.items():
        for move, state, reason in found:
            if state == "done":
                assert not reason
                continue
            assert state == "failed"
            assert winners[move] != document
            winner = names[winners[move]]
            assert (
                f"was settled meanwhile. Written off by {winner}." in reason
                or "Somebody else is working on" in reason
            ), reason
            told.append(reason)
    assert len(told) == BOTH
    return told


def retry(books, documents):
    """Who came second tries again, and is told by what his debts were settled."""
    logins = dict(zip(documents, ("ann", "bob"), strict=True))
    for document, login in logins.items():
        if books.run_state(document) == "failed":
            click(books.user(login), MODEL, "action_retry", [document])


def test_two_people_process_overlapping_selections(write_offs, documents):
    outcomes = click_together(
        (write_offs.user("ann"), MODEL, "action_process", [documents[0]]),
        (write_offs.user("bob"), MODEL, "action_process", [documents[1]]),
    )
    for outcome in outcomes:
        assert outcome.crash is None and outcome.refusal is None
    told = check_loser_knows(write_offs, documents)
    print("\n".join(sorted({reason.split("/")[0] for reason in told})))

    retry(write_offs, documents)
    told = check_loser_knows(write_offs, documents)
    assert all("was settled meanwhile. Written off by" in reason for reason in told)


def test_workers_process_overlapping_selections(write_offs, documents):
    run_script(company.always_queue)
    for login, document in zip(("ann", "bob"), documents, strict=True):
        click(write_offs.user(login), MODEL, "action_process", [document])
        assert write_offs.run_state(document) == "queued"
    together = workers.barrier(3)
    crowd = [Worker(workers.serve_queue, 10, barrier=together) for _worker in range(3)]
    for worker in crowd:
        worker.value()
    assert sorted(write_offs.run_state(document) for document in documents) in (
        ["done", "failed"],
        # Each has taken what the other wanted.
        ["failed", "failed"],
    )
    check_loser_knows(write_offs, documents)
    assert not write_offs.handled_more_than_once("done")


@pytest.fixture
def queued(write_offs):
    """A document of all debts that waits for workers."""
    document = run_script(company.new_write_off, "ann")
    run_script(company.always_queue)
    click(write_offs.user("ann"), MODEL, "action_process", [document])
    assert write_offs.run_state(document) == "queued"
    return document


def test_killed_while_writing_off(write_offs, chance, queued):
    kill_and_resume(write_offs, chance, queued, "done", chunk=2)
    assert write_offs.run_state(queued) == "done"
    write_offs.check_written_off(company.DEBTORS)
    assert not write_offs.handled_more_than_once("done")


def test_killed_while_undoing(write_offs, chance, queued):
    Worker(workers.serve_queue, 100).value()
    write_offs.check_written_off(company.DEBTORS)

    click(write_offs.user("ann"), MODEL, "action_undo", [queued])
    assert write_offs.run_state(queued) == "queued"
    kill_and_resume(write_offs, chance, queued, "undone", chunk=2)
    assert write_offs.run_state(queued) == "undone"
    write_offs.check_not_written_off(company.DEBTORS)
    assert not write_offs.handled_more_than_once("undone")
