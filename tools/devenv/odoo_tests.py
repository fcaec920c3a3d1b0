"""The part of ./test that runs in Odoo: tests, installing, uninstalling."""

import re
import shutil
import socket
import subprocess
import time

from . import config, odoo_log, python_env, templates
from .odoo import Odoo
from .outcome import Outcome, failure
from .process import run
from .report import StepFailed, describe, progress, say, tail

LOGS = config.CACHE / "logs" / "test"
CHECKLOG = config.PROJECT / "checklog-odoo.cfg"
# Tests on Odoo's demo data: their classes are tagged `-standard`, `ar_demo`.
DEMO_TAG = "ar_demo"
# Everything a module can leave behind in a database.
SCHEMA = """
SELECT 'table ' || table_name FROM information_schema.tables WHERE table_schema = 'public'
UNION SELECT 'column ' || table_name || '.' || column_name
    FROM information_schema.columns WHERE table_schema = 'public'
UNION SELECT 'index ' || indexname FROM pg_indexes WHERE schemaname = 'public'
UNION SELECT 'constraint ' || conrelid::regclass || ' ' || conname
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
UNION SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION SELECT 'model ' || model FROM ir_model
UNION SELECT 'field ' || model || '.' || name FROM ir_model_fields
UNION SELECT 'parameter ' || key FROM ir_config_parameter
UNION SELECT 'cron ' || cron_name FROM ir_cron
UNION SELECT 'external id ' || module || '.' || name FROM ir_model_data
    -- Odoo itself forgets these: other modules' marks on a model with a chatter, or with
    -- activities.
    WHERE NOT (
        module != '{ADDON}'
        AND (name LIKE 'model\\_inherit\\_\\_%' OR name LIKE 'selection\\_\\_%\\_\\_activity\\_%')
    )
    -- Documents keep their customers and products, whoever made these.
    AND model NOT IN ('res.partner', 'product.product', 'product.template')
""".replace("{ADDON}", config.ADDON)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class OdooTests:
    """Runs the parts one after the other: each needs both cores for itself."""

    def __init__(self, odoo: Odoo, done):
        self.odoo = odoo
        self.done = done  # called with every finished Outcome
        self.started: set[str] = set()  # test files
        shutil.rmtree(LOGS, ignore_errors=True)
        LOGS.mkdir(parents=True)

    def everything(self):
        self.tests("Odoo tests", "plain", "t_tests", f"/{config.ADDON}")
        self.tests("Odoo tests on demo data", "demo", "t_demo", DEMO_TAG, may_be_empty=True)
        self._report("No test file was left out", self._all_started)
        self._report("Uninstall with demo data", self._uninstall, "demo", "t_demo")
        self._report("Install without a chart, uninstall", self._install_and_uninstall)

    def tagged(self, tags: str):
        kind, database = ("demo", "t_demo") if DEMO_TAG in tags else ("plain", "t_tests")
        self.tests(f"Odoo tests {tags}", kind, database, tags)

    # --- parts -------------------------------------------------------------

    def tests(self, title: str, kind: str, database: str, tags: str, may_be_empty=False):
        self._report(title, self._tests, kind, database, tags, may_be_empty)

    def _report(self, title: str, part, *arguments):
        started = time.monotonic()
        with progress(title):
            try:
                outcome = part(title, *arguments)
            except (subprocess.CalledProcessError, OSError, StepFailed) as error:
                outcome = failure(title, describe(error))
        outcome.seconds = time.monotonic() - started
        self.done(outcome)

    def _tests(self, title, kind, database, tags, may_be_empty) -> Outcome:
        log = LOGS / f"{database}.log"
        self.odoo.clone(templates.name(self.odoo, kind), database)
        exit_code = self._odoo(
            log,
            *("-d", database, "-i", config.ADDON, "--test-tags", tags),
            *("--http-port", free_port(), "--stop-after-init"),
            *(("--with-demo",) if kind == "demo" else ()),
        )
        text = log.read_text(errors="replace")
        outcome = odoo_log.read(title, text, exit_code)
        self.started |= odoo_log.started_files(text)
        if not (outcome.passed or outcome.failed or outcome.skipped or may_be_empty):
            outcome.failed = 1
            outcome.details.append(f"No test has the tags {tags}.")
        # After a crash the end of the log is shown already.
        return self._with_log_check(outcome, log) if odoo_log.is_whole(text) else outcome

    def _all_started(self, title) -> Outcome:
        """Each test file of the addon took part, those that need hypothesis as well.

        Where that is missing they are not even imported, and nothing is reported as skipped.
        """
        files = {file.stem for file in (config.PROJECT / config.ADDON / "tests").rglob("test_*.py")}
        missing = sorted(files - self.started)
        if missing:
            return failure(title, f"No test was started of {', '.join(missing)}.")
        return Outcome(title, passed=1)

    def _install_and_uninstall(self, title) -> Outcome:
        """Into a company without a chart of accounts, and out again."""
        log, database = LOGS / "t_install.log", "t_install"
        self.odoo.clone(templates.name(self.odoo, "nochart"), database)
        arguments = ["-d", database, "-i", config.ADDON, "--stop-after-init", "--no-http"]
        if self._odoo(log, *arguments):
            return failure(title, "Installing failed:\n" + "\n".join(tail(log, 40)))
        outcome = self._uninstall(title, "nochart", database, log)
        outcome.passed += 1
        return self._with_log_check(outcome, log)

    def _uninstall(self, title, kind, database, log=None) -> Outcome:
        """Uninstalling takes away all that the template does not have.

        The log is not checked here: for each demo customer with an invoice Odoo
        writes an error before it decides to leave that customer alone.
        """
        log = log or LOGS / f"{database}_uninstall.log"
        sql = self.odoo.cluster.sql
        try:
            command = self.odoo.script("uninstall.py", database, config.ADDON)
            run(command, log, env=self.odoo.environment())
        except subprocess.CalledProcessError:
            return failure(title, "Uninstalling failed:\n" + "\n".join(tail(log, 40)))
        before = {row[0] for row in sql(SCHEMA, templates.name(self.odoo, kind))}
        left = sorted({row[0] for row in sql(SCHEMA, database)} - before)
        outcome = Outcome(title, passed=1)
        if left:
            outcome = failure(title, "Uninstalling leaves these behind:\n  " + "\n  ".join(left))
        return outcome

    # --- help --------------------------------------------------------------

    def _odoo(self, log, *arguments) -> int:
        try:
            self.odoo.run(log, *arguments)
        except subprocess.CalledProcessError as error:
            return error.returncode
        return 0

    def _with_log_check(self, outcome: Outcome, log) -> Outcome:
        """One more check: the log holds no warning or error of its own."""
        kept = log.with_suffix(".checked.log")
        kept.write_text(odoo_log.without_test_results(log.read_text(errors="replace")))
        program = python_env.ensure("lint") / "bin" / "checklog-odoo"
        done = subprocess.run(
            [program, "-c", CHECKLOG, kept], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            outcome.passed += 1
        else:
            outcome.failed += 1
            text = re.sub(r"(?s)^.*?errors that caused failure", "", done.stdout + done.stderr)
            outcome.details.append(f"Warnings or errors in {log}{text}")
        return outcome


def run_part(odoo: Odoo, tags: str | None, done):
    if not (config.PROJECT / config.ADDON / "__manifest__.py").exists():
        done(failure("Odoo tests", f"There is no addon in {config.PROJECT / config.ADDON}."))
        return
    kinds = ["plain", "demo", "nochart"]
    if tags:
        kinds = ["demo" if DEMO_TAG in tags else "plain"]
    names = [templates.ensure(odoo, kind) for kind in kinds]
    if not tags:
        templates.drop_others(odoo, names)
    parts = OdooTests(odoo, done)
    if tags:
        parts.tagged(tags)
    else:
        parts.everything()
    say(f"  logs: {LOGS}")
