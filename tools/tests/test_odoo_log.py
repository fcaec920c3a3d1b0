"""Odoo's log is the only witness of its tests: read it rightly, or nothing is proven."""

from devenv import odoo_log

TOTALS = "odoo.tests.result: {} failed, {} error(s) of {} tests when loading database 'x'"


def line(text, level="INFO"):
    return f"2026-11-21 20:41:46,697 8574 {level} x {text}\n"


def started(name, module="test_a"):
    return line(f"odoo.addons.m.tests.{module}: Starting {name} ...")


def totals(failed=0, errors=0, tests=0):
    return line(TOTALS.format(failed, errors, tests), "ERROR" if failed + errors else "INFO")


def read(*parts, exit_code=0):
    return odoo_log.read("title", "".join(parts), exit_code)


def numbers(outcome):
    return outcome.passed, outcome.failed, outcome.skipped


def test_a_run_that_passes():
    outcome = read(started("A.test_1"), started("A.test_2"), totals(tests=2))
    assert numbers(outcome) == (2, 0, 0)
    assert not outcome.details


def test_the_same_name_in_two_files_counts_twice():
    outcome = read(started("A.test_1"), started("A.test_1", "test_b"), totals(tests=2))
    assert outcome.passed == 2


def test_a_failing_test_is_shown_with_its_traceback():
    broken = line("odoo.addons.m.tests.test_a: FAIL: A.test_1", "ERROR")
    trace = "Traceback (most recent call last):\nAssertionError: 1 != 2\n"
    sums = line("odoo.modules.loading: Module m: 1 failures, 0 errors of 2 tests", "ERROR")
    log = (started("A.test_1"), broken, trace, started("A.test_2"), sums, totals(1, 0, 2))
    outcome = read(*log, exit_code=1)
    assert numbers(outcome) == (1, 1, 0)
    assert "AssertionError: 1 != 2" in outcome.details[0]
    # Told once: the check on warnings sees neither the failure nor the sums.
    assert "ERROR" not in odoo_log.without_test_results("".join(log))


def test_two_failing_subtests_are_one_failed_test():
    broken = [
        line(f"odoo.addons.m.tests.test_a: FAIL: Subtest A.test_1 (n={n})", "ERROR") for n in (1, 2)
    ]
    outcome = read(started("A.test_1"), *broken, totals(2, 0, 1), exit_code=1)
    assert numbers(outcome) == (0, 1, 0)
    assert len(outcome.details) == 2


def test_a_class_that_cannot_be_set_up_fails():
    broken = line("odoo.addons.m.tests.test_a: ERROR: setUpClass (odoo.addons.m.A)", "ERROR")
    assert numbers(read(broken, totals(0, 1, 0), exit_code=1)) == (0, 1, 0)


def test_a_skipped_test_is_named_and_not_counted_as_passed():
    skipped = line("odoo.addons.m.tests.test_a: skipped A.test_1 : no browser")
    outcome = read(started("A.test_1"), skipped, started("A.test_2"), totals(tests=2))
    assert numbers(outcome) == (1, 0, 1)
    assert "no browser" in outcome.details[0]


def test_a_crash_is_a_failure_though_no_test_failed():
    outcome = read(started("A.test_1"), exit_code=-9)
    assert outcome.failed == 1
    assert "code -9" in outcome.details[0]


def test_totals_win_over_what_was_understood():
    assert read(started("A.test_1"), totals(1, 1, 1), exit_code=1).failed == 2
    assert read(started("A.test_1"), totals(tests=1), exit_code=1).failed == 1


def test_colours_do_not_matter():
    assert read("\x1b[1;32m" + started("A.test_1"), totals(tests=1)).passed == 1


def test_a_warning_stays_in_the_checked_log():
    warning = line("odoo.addons.m.models.a: a field is unknown", "WARNING")
    assert "a field is unknown" in odoo_log.without_test_results(warning + "more of it\n")
    assert "more of it" in odoo_log.without_test_results(warning + "more of it\n")


def test_the_files_of_which_a_test_was_started():
    skipped = line("odoo.addons.m.tests.test_c: skipped A.test_1 : no browser")
    log = started("A.test_1") + started("B.test_1", "test_b") + skipped + totals(tests=3)
    assert odoo_log.started_files(log) == {"test_a", "test_b"}


def test_whether_a_log_is_whole():
    assert odoo_log.is_whole(started("A.test_1") + totals(tests=1))
    assert not odoo_log.is_whole(started("A.test_1"))
