"""Workers of a document are killed at random moments, and the next one goes on."""

import time

import workers
from workers import Worker

KILLS = 22
# Of three kills, two come after the worker has committed a chunk.
EARLY = 3


def kill_and_resume(books, chance, document, finished, chunk):
    """Kill workers of a document at random moments, then let the last one finish.

    :param finished: state of the lines that are worked off.
    :param chunk: lines per transaction.
    """
    seconds = 0  # that a chunk takes
    between = 0
    for kill in range(KILLS):
        early = seconds and kill % EARLY == 0
        before = books.states(document)[finished]
        worker = Worker(workers.serve_queue, chunk)
        if early:
            _watch(books, worker, document, finished, chance.uniform(0, seconds), before + chunk)
        else:
            lived = _watch(books, worker, document, finished, workers.LONGEST, before + chunk)
            seconds = seconds or lived
            # In the next chunk, or after it.
            more = chance.uniform(0, seconds / 2)
            _watch(books, worker, document, finished, more, before + 3 * chunk)
        assert worker.kill(), f"Kill {kill} came too late: {worker.result()}"
        between += books.states(document)[finished] >= before + chunk
        books.check()
    print(f"{KILLS} kills, then {dict(books.states(document))}; a chunk takes {seconds:.2f} s")
    print(f"{between} kills came after a committed chunk of their worker")
    assert between >= KILLS / 2
    _finish(books, document, finished)


def _finish(books, document, finished):
    while set(books.states(document)) != {finished}:
        # A worker leaves alone what a killed one's connection holds for a moment, and for
        # some seconds what it has begun.
        Worker(workers.serve_queue, 100).value()
        books.check()
        time.sleep(0.2)


def _watch(books, worker, document, finished, seconds, enough) -> float:
    """Wait for a while, but no longer than until so many lines are worked off.

    However fast the machine is, enough is left for the next one.
    """
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        left = seconds - (time.monotonic() - started)
        if worker.wait(min(0.02, left)) or books.states(document)[finished] >= enough:
            break
    return time.monotonic() - started
