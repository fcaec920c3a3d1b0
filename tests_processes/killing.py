"""Workers of a document are killed at random moments, and the next one goes on."""

import time

import workers
from workers import Worker

KILLS = 22


def kill_and_resume(books, chance, document, finished, chunk):
    """Kill workers of a document at random moments, then let the last one finish.

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
        lived = _watch(books, worker, document, finished, seconds, chunks * chunk)
        assert worker.kill(), f"Kill {kill} came too late: {worker.result()}"
        first_chunk = first_chunk or lived
        books.check()
    print(f"{KILLS} kills, then {dict(books.states(document))}; a chunk takes {first_chunk:.2f} s")
    while set(books.states(document)) != {finished}:
        # A worker leaves alone what a killed one's connection holds for a moment.
        Worker(workers.serve_queue, 100).value()
        books.check()


def _watch(books, worker, document, finished, seconds, lines) -> float:
    """Wait for a while, but no longer than until a worker has done so many lines.

    However fast the machine is, enough is left for the next one.
    """
    started = time.monotonic()
    before = books.states(document)[finished]
    while time.monotonic() - started < seconds:
        left = seconds - (time.monotonic() - started)
        if worker.wait(min(0.02, left)) or books.states(document)[finished] >= before + lines:
            break
    return time.monotonic() - started
