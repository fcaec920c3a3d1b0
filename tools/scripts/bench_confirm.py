"""Drafts of an invoice group, confirmed by its task; started by ./bench confirm.

The task is worked off by the scheduled action, which commits each chunk. Beside: Odoo's
own action_post of as many like drafts, in one batch and one commit. The drafts of both
sides are made by billing runs of two profiles whose customers are alike; afterwards both
must be the same, and the numbers of all without a gap.
"""

import argparse

from bench_company import Company, measure, profile, work_all
from bench_ledger import Figures

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config

OURS, PLAIN = "task of a group", "action_post"
TARGET = 1.0
# Billing periods of a profile that are not over yet.
MOST_ROUNDS, PROFILED = 11, 11
# What is read once per process is read before.
WARM_UP, WARM_UP_SIZE = "warm-up", 20
# What both sides must have made of their invoices: all but names and numbers.
RESULT = """
    SELECT (SELECT json_agg(kind) FROM (
                SELECT state, payment_state, posted_before, is_move_sent, date, COUNT(*),
                       SUM(amount_total), SUM(amount_residual),
                       COUNT(*) FILTER (WHERE payment_reference = name) AS referred
                  FROM account_move WHERE id IN %(ids)s GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2
           ) kind)::text,
           (SELECT json_agg(kind) FROM (
                SELECT display_type, parent_state, account_id, COUNT(*), SUM(balance),
                       SUM(amount_residual)
                  FROM account_move_line WHERE move_id IN %(ids)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
           ) kind)::text,
           (SELECT COUNT(*) FROM mail_message
             WHERE model = 'account.move' AND res_id IN %(ids)s),
           (SELECT COUNT(*) FROM mail_followers
             WHERE res_model = 'account.move' AND res_id IN %(ids)s)
"""
GAPS = """
    SELECT sequence_prefix, MIN(sequence_number), MAX(sequence_number), COUNT(*)
      FROM account_move
     WHERE state = 'posted' AND move_type = 'out_invoice'
  GROUP BY sequence_prefix
    HAVING COUNT(DISTINCT sequence_number) <> COUNT(*)
        OR MAX(sequence_number) - MIN(sequence_number) + 1 <> COUNT(*)
        OR MIN(sequence_number) <> 1
"""


class Bench:
    def __init__(self, env, options):
        self.env = env
        self.rounds = options.rounds
        if self.rounds > MOST_ROUNDS:
            raise SystemExit(f"There are billing periods for {MOST_ROUNDS} rounds at most.")
        self.size = options.invoices
        self.figures = Figures(env, options.rounds)

    def populate(self):
        self.company = Company(self.env)
        self.profiles = {
            name: self.company.make_customers(name.capitalize(), count)[0]
            for name, count in ((OURS, self.size), (PLAIN, self.size), (WARM_UP, WARM_UP_SIZE))
        }
        self.company.analyze()

    def warm_up(self):
        drafts = self._make_drafts(WARM_UP, 0)
        half = len(drafts) // 2
        self.post(drafts[:half])
        self.work(self.queue(drafts[half:]))

    def compare(self):
        figures = {OURS: [], PLAIN: []}
        queued = []
        for number in range(self.rounds):
            drafts = {name: self._make_drafts(name, number) for name in figures}
            turns = [(OURS, self.work, drafts[OURS]), (PLAIN, self.post, drafts[PLAIN])]
            # Nobody is always the first.
            for name, function, moves in turns[:: -1 if number % 2 else 1]:
                argument = moves
                if name == OURS:
                    pressed, argument = measure(self.env, self.size, self.queue, moves)
                    queued.append(pressed)
                figure, _value = measure(self.env, self.size, function, argument)
                figures[name].append(figure)
                print(f"  round {number + 1}, {name}: {figure['ms']:.1f} ms per invoice")
            self._check(drafts)
        what = f"confirm {self.size} drafts, beside {PLAIN}"
        self.figures.add(what, figures[OURS], figures[PLAIN], TARGET)
        self.figures.add(f"make the task of {self.size}", queued)

    def print_profiles(self):
        drafts = {name: self._make_drafts(name, PROFILED) for name in (OURS, PLAIN)}
        profile(self.env, OURS, self.work, self.queue(drafts[OURS]))
        profile(self.env, PLAIN, self.post, drafts[PLAIN])

    def _make_drafts(self, name, number):
        """Drafts of a period, in a group of their own."""
        run = self.company.new_run(self.profiles[name], number)
        work_all(run)
        group = self.env["ar.invoice.group"].create({"name": f"{name} {number}"})
        group.add_invoices(run.invoice_ids)
        self.env.cr.commit()
        drafts = run.invoice_ids.filtered(lambda move: move.state == "draft")
        if len(drafts) != run.line_count:
            raise RuntimeError(f"{len(drafts)} drafts, not {run.line_count}.")
        return drafts

    # --- what is measured -------------------------------------------------------

    def queue(self, drafts):
        """The group's button, which leaves the task to the workers."""
        group = drafts.invoice_group_id
        task = self.env["ar.invoice.task"]._create_for_group(group, "confirm")
        task._launch_in_background()
        self.env.cr.commit()
        return task

    def work(self, task):
        work_all(task)

    def post(self, drafts):
        drafts.action_post()
        self.env.cr.commit()

    def _check(self, drafts):
        """Both have the same result, and no number is missing or there twice."""
        results = {}
        for name, moves in drafts.items():
            self.env.cr.execute(RESULT, {"ids": tuple(moves.ids)})
            results[name] = self.env.cr.fetchone()
        if results[OURS] != results[PLAIN] or '"draft"' in results[OURS][0]:
            raise RuntimeError(f"They do not make the same: {results}")
        self.env.cr.execute(GAPS)
        gaps = self.env.cr.fetchall()
        if gaps:
            raise RuntimeError(f"Numbers with gaps, or there twice: {gaps}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("--invoices", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--json")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    config.parse_config(["-d", options.database, "--no-http"], setup_logging=True)
    with Registry(options.database).cursor() as cr:
        bench = Bench(api.Environment(cr, SUPERUSER_ID, {}), options)
        print(f"- twice {bench.size} customers …")
        bench.populate()
        bench.warm_up()
        print("- rounds, of which each bills them first …")
        bench.compare()
        bench.figures.print_table("Per invoice")
        if options.profile:
            bench.print_profiles()
        bench.figures.write(options.json, {"invoices": bench.size})


if __name__ == "__main__":
    main()
