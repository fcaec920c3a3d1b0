"""One company is prepared and copied for each test, which takes a second."""

import os
import random
import shutil

import company
import pytest
import workers
from books import Books
from devenv import config, templates
from devenv.odoo import Odoo
from devenv.postgres import Cluster

LONG = "long"
PREPARED = "t_processes_prepared"
LOGS = config.CACHE / "logs" / "processes"


def pytest_addoption(parser):
    parser.addoption(f"--{LONG}", action="store_true", help="also tests that take minutes")


def pytest_configure(config):
    config.addinivalue_line("markers", f"{LONG}: takes minutes, and runs with --{LONG} only")


def pytest_collection_modifyitems(config, items):
    if not config.getoption(f"--{LONG}"):
        items[:] = [item for item in items if not item.get_closest_marker(LONG)]


@pytest.fixture(scope="session")
def odoo():
    cluster = Cluster("test", throw_away=True)
    with cluster.running():
        yield Odoo(cluster, test_tools=True)


@pytest.fixture(scope="session")
def logs():
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir(parents=True)
    return LOGS


@pytest.fixture(scope="session")
def _prepared(odoo, logs):
    database = workers.DATABASE
    odoo.clone(templates.ensure(odoo, "plain"), database)
    odoo.run(
        logs / "install.log", "-d", database, "-i", config.ADDON, "--stop-after-init", "--no-http"
    )
    workers.load_registry()
    workers.run_script(company.make)
    Books().keep_history()
    odoo.clone(database, PREPARED)
    # What the script changed in the registry is not read again by every process.
    workers.load_registry()


@pytest.fixture
def books(odoo, _prepared):
    odoo.clone(PREPARED, workers.DATABASE)
    return Books()


@pytest.fixture
def chance():
    """Random numbers, the same again with ``AR_SEED``."""
    seed = int(os.environ.get("AR_SEED") or random.SystemRandom().randrange(10**6))
    print(f"To see the same random moments again: AR_SEED={seed}")
    return random.Random(seed)
