"""Drafts of an invoice group, confirmed by its task.

The task is worked off by the scheduled action, which commits each chunk. Beside: Odoo's
own action_post of as many like drafts, in one batch and one commit. The drafts of both
sides are made by billing runs of two profiles whose customers are alike; afterwards both
must be the same, and the numbers of all without a gap.
"""

import bench_case
from bench_case import work_all
from bench_company import Company

OURS, PLAIN, PRESS = "task of a group", "action_post", "button"
TARGET = 1.0
# Billing periods of a profile that are not over yet; each round takes one.
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


class Case(bench_case.Case):
    title = "Per invoice"
    most_rounds = MOST_ROUNDS

    def populate(self):
        self.size = self.about["invoices"] = self.options.invoices
        print(f"- twice {self.size} customers, who are billed before each round …")
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
        work_all(self.queue(drafts[half:]))

    def get_sides(self, number):
        self.drafts = {name: self._make_drafts(name, number) for name in (OURS, PLAIN)}
        return {OURS: self._take_our_turn, PLAIN: self._take_plain_turn}

    def _take_our_turn(self):
        pressed, task = self.measure(self.size, self.queue, self.drafts[OURS])
        self.taken[PRESS].append(pressed)
        return self.measure(self.size, work_all, task)[0]

    def _take_plain_turn(self):
        return self.measure(self.size, self.post, self.drafts[PLAIN])[0]

    def add_figures(self):
        what = f"confirm {self.size} drafts, beside {PLAIN}"
        self.figures.add(what, self.taken[OURS], self.taken[PLAIN], TARGET)
        self.figures.add(f"make the task of {self.size}", self.taken[PRESS])

    def print_profiles(self):
        drafts = {name: self._make_drafts(name, PROFILED) for name in (OURS, PLAIN)}
        self.profile(OURS, work_all, self.queue(drafts[OURS]))
        self.profile(PLAIN, self.post, drafts[PLAIN])

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

    def post(self, drafts):
        drafts.action_post()
        self.env.cr.commit()

    def end_round(self, number):
        """Both have the same result, and no number is missing or there twice."""
        results = {
            name: self.select(RESULT, {"ids": tuple(moves.ids)})[0]
            for name, moves in self.drafts.items()
        }
        if results[OURS] != results[PLAIN] or '"draft"' in results[OURS][0]:
            raise RuntimeError(f"They do not make the same: {results}")
        gaps = self.select(GAPS)
        if gaps:
            raise RuntimeError(f"Numbers with gaps, or there twice: {gaps}")
