"""The candidates of a billing run: who is listed, with what, and who of them is ticked."""

from collections import defaultdict

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import clean_context

from ...tools import client_actions
from ...tools.records import to_records

# What a script may ask for when it makes a run.
OPTIONS = (
    "invoice_date",
    "zero_policy",
    "late_fees",
    "note",
    "invoice_group_id",
    "group_name",
    "group_split",
)


class ArBillingRun(models.Model):
    """Lists whom a run would bill: customers, balances, charges, and who is left out."""

    _inherit = "ar.billing.run"

    # ------------------------------------------------------------------
    # Candidates
    # ------------------------------------------------------------------

    @api.model
    def make(self, period, **options):
        """Make a draft run with its candidates; nobody is billed before ``create_invoices``.

        For scripts, in Python and over the external API. Ticks are written on the lines
        (``selected``).

        :param period: an ``ar.billing.period``, or its id.
        :param options: any of ``invoice_date``, ``zero_policy``, ``late_fees``, ``note``,
            ``invoice_group_id``, ``group_name`` and ``group_split``, as the fields of a run;
            those left out are as the profile says.
        :return: the run.
        :raise UserError: when there is no such period or option.
        """
        period = self._check_options(period, options)
        profile = period.profile_id
        self = self.with_context(clean_context(self.env.context))
        run = self.with_company(profile.company_id)._create_inside(
            {
                "profile_id": profile.id,
                "period_id": period.id,
                "company_id": profile.company_id.id,
                "invoice_date": period.invoice_date,
                "zero_policy": profile._get_zero_policy(),
                **profile._prepare_group_options(period),
                **options,
            }
        )
        run._populate()
        return run

    @api.model
    def make_of_days(self, profile, days, **options):
        """Make a draft run of no period, which bills days that nobody has billed.

        For scripts, and for the list of unbilled days.

        :param profile: whose journal and terms are used; the customers may have another.
        :param days: ``[(service, first day, last day), …]``; services as records or ids.
        :param options: as of ``make``.
        :return: the run.
        :raise UserError: when a service is not of the profile's company, or not there; for an
            option that there is not.
        """
        self.check_access("create")
        profile = to_records(self.env, "ar.billing.profile", profile)
        profile.ensure_one()
        days = self._check_days(profile, days)
        self._check_option_values(options)
        self = self.with_context(clean_context(self.env.context))
        run = self.with_company(profile.company_id)._create_inside(
            {
                "profile_id": profile.id,
                "company_id": profile.company_id.id,
                "invoice_date": fields.Date.context_today(self),
                "zero_policy": "skip_zero",
                "late_fees": False,
                "days": days,
                **options,
            }
        )
        run._populate()
        return run

    @api.model
    def _check_days(self, profile, days):
        """Days as a run keeps them: ``[[service id, first day, last day], …]``.

        :raise UserError: when they are no days of services of the profile's company.
        """
        try:
            rows = [
                (getattr(service, "id", service), *map(fields.Date.to_date, dates))
                for service, *dates in days
            ]
            asked = [(number, first, last) for number, first, last in rows if first <= last]
        except (TypeError, ValueError):
            rows, asked = [None], []
        numbers = [number for number, *_dates in asked]
        services = to_records(self.env, "ar.billing.service", numbers).exists()
        services.check_access("read")
        strangers = services.company_id - profile.company_id
        if not asked or len(asked) < len(rows) or strangers or set(numbers) - set(services.ids):
            raise UserError(
                self.env._(
                    "“%s” bills days of services of its own company: name each service by its "
                    "id, with its first and last day.",
                    profile.display_name,
                )
            )
        return [
            [number, fields.Date.to_string(first), fields.Date.to_string(last)]
            for number, first, last in asked
        ]

    def _get_days(self):
        """``[(service, first day, last day), …]`` that a run of no period bills."""
        days = self.days or []
        services = self.env["ar.billing.service"].browse([row[0] for row in days]).exists()
        known = {service.id: service for service in services}
        return [
            (known[number], fields.Date.to_date(first), fields.Date.to_date(last))
            for number, first, last in days
            if number in known
        ]

    def _get_customers(self):
        """Whom the run lists: who has the profile, or whose days it bills."""
        if self.period_id:
            return self.profile_id._get_customers()
        services = self.env["ar.billing.service"].union(*(row[0] for row in self._get_days()))
        return services.partner_id.commercial_partner_id.sorted(lambda c: (c.name or "", c.id))

    @api.model
    def _check_options(self, period, options):
        """Refuse what is no option of a run, and values that cannot be meant.

        :return: the period, which may be named by its id.
        """
        self.check_access("create")
        period = to_records(self.env, "ar.billing.period", period)
        period.ensure_one()
        self._check_option_values({"period_id": period.id, **options})
        return period

    @api.model
    def _check_option_values(self, given):
        """Refuse what is no option of a run, and values that cannot be meant."""
        options = {name: value for name, value in given.items() if name != "period_id"}
        for name, value in options.items():
            if name not in OPTIONS or (self._fields[name].required and not value):
                raise UserError(
                    self.env._(
                        "“%(name)s” is no option of a billing run, or has no value. Its "
                        "options are: %(options)s.",
                        name=name[:40],
                        options=", ".join(OPTIONS),
                    )
                )
        self._check_person_values([given])

    def _populate(self):
        """(Re)make the candidates from customers, balances and charge sources.

        Ticks stay, by customer and currency; whoever is billed in other currencies by now
        stays ticked in these. Who was left out by hand stays so. The number of queries does
        not depend on the number of customers.
        """
        self.ensure_one()
        self = self.with_context(clean_context(self.env.context))
        ticked = self._get_ticked()
        left_out = self.line_ids.filtered("left_out").partner_id
        self.line_ids._unlink_inside()
        vals_list = self._prepare_lines()
        listed = {(vals["partner_id"], vals["currency_id"]) for vals in vals_list}
        moved = {customer_id for customer_id, _currency_id in ticked - listed}
        for vals in vals_list:
            customer_id = vals["partner_id"]
            vals["selected"] = customer_id in moved or (customer_id, vals["currency_id"]) in ticked
        self.env["ar.billing.run.line"]._create_inside(vals_list)
        self.line_ids._inside()._set_amounts()
        self.line_ids.filtered(lambda line: line.partner_id in left_out)._leave_out()
        self._apply_zero_policy()

    def _get_ticked(self):
        """``{(customer id, currency id)}`` that are ticked."""
        lines = self.line_ids.filtered("selected")
        return {(line.partner_id.id, line.currency_id.id) for line in lines}

    def _prepare_lines(self):
        """Values of the lines of all customers of the profile."""
        customers = self._get_customers()
        customers = customers.with_company(self.company_id)
        customers.fetch(["name", "active", "billing_hold"])
        balances = self.env["ar.balance"]._get_figures(
            customers, ["account_balance"], self.company_id
        )
        charges = self._get_charges(customers.filtered(lambda c: not self._is_barred(c)))
        billed = self._get_billed_invoices(customers)
        known = self._get_known_decisions()
        vals_list = []
        for customer in customers:
            balance = balances.get((customer.id, None), [0])[0]
            vals_list += self._prepare_candidates(
                customer, balance, charges[customer.id], billed[customer.id]
            )
        for vals in vals_list:
            if vals["state"] == "todo":
                vals["reason"] = known.get((vals["partner_id"], vals["currency_id"]), False)
        return vals_list

    def _get_charges(self, customers, invoice_date=None, late_fees=None):
        """``{customer id: {currency id: [charge, …]}}`` from all charge sources.

        :param invoice_date: another one than the run's.
        :param late_fees: whether there are any; if not given, as the run says.
        """
        options = {
            "invoice_date": invoice_date or self.invoice_date,
            "late_fees": self.late_fees if late_fees is None else late_fees,
        }
        charges = defaultdict(lambda: defaultdict(list))
        for name in self.profile_id._get_charge_sources():
            source = self.env[name].with_company(self.company_id)
            for charge in self._ask_source(source, customers, options):
                charges[charge["partner_id"]][charge["currency_id"]].append(
                    {**charge, "source": name}
                )
        return charges

    def _ask_source(self, source, customers, options):
        """Charges of one source; where there is no period, only services have any."""
        if self.period_id:
            return source._get_charges(self.period_id, customers, options)
        if source._name != "ar.charge.source.service":
            return []
        mine = [
            row for row in self._get_days() if row[0].partner_id.commercial_partner_id in customers
        ]
        return source._get_charges_of_days(self.profile_id, mine)

    def _get_billed_invoices(self, customers):
        """``{customer id: {currency id: invoice}}`` of this period that are alive."""
        return self.env["ar.billing.place"]._get_billed(self.period_id, customers)

    def _get_billed_reason(self, invoice):
        return self.env._(
            "Already billed for this period: %(invoice)s", invoice=invoice.display_name
        )

    def _get_known_decisions(self):
        """``{(customer id, currency id): sentence}`` of earlier runs of this period.

        Who failed last time, or was left out by hand: he is listed to be billed all the same.
        """
        if not self.period_id:
            return {}
        lines = self.env["ar.billing.run.line"].search(
            [
                ("period_id", "=", self.period_id.id),
                ("document_id.state", "not in", ("draft", "cancelled", "undone")),
                *("|", ("state", "=", "failed"), ("left_out", "=", True)),
            ],
            order="id",
        )
        return {
            (line.partner_id.id, line.currency_id.id): (
                self.env._("Failed last time: %s", line.reason)
                if line.state == "failed"
                else self.env._("Left out by hand last time.")
            )
            for line in lines
        }

    def _prepare_candidates(self, customer, balance, charges, billed):
        """Values of a customer's lines: one per currency, or one without any charge."""
        currency = self.company_id.currency_id
        reason = self._get_left_out_reason(customer, balance)
        if reason is None:
            return []
        new = self.env["ar.billing.charge"]
        lines = []
        for currency_id in sorted({*charges, *billed}) or [currency.id]:
            invoice = billed.get(currency_id)
            why = reason
            if invoice:
                why = self._get_billed_reason(invoice)
            lines.append(
                {
                    "document_id": self.id,
                    "partner_id": customer.id,
                    "currency_id": currency_id,
                    "account_balance": balance,
                    "move_id": invoice.id if invoice else False,
                    "state": "skipped" if why else "todo",
                    "reason": why,
                    "charge_ids": [
                        Command.create(new._prepare_given(charge, number))
                        for number, charge in enumerate(charges.get(currency_id, []), 1)
                        if not invoice
                    ],
                }
            )
        return lines

    def _is_barred(self, customer):
        """Whether a customer is not billed now; days that somebody has chosen are all the same."""
        return customer.billing_hold or (bool(self.period_id) and not customer.active)

    def _get_left_out_reason(self, customer, balance):
        """Why a customer is not billed: a sentence, False, or None for "not at all".

        Whoever owes money is shown; an archived customer who owes nothing is history.
        """
        if customer.billing_hold:
            return self._get_hold_reason(customer)
        if self._is_barred(customer):
            if self.company_id.currency_id.is_zero(balance):
                return None
            return self.env._("Archived, but the account is not settled.")
        return False

    def _get_hold_reason(self, customer):
        if customer.billing_hold_reason:
            return self.env._("On billing hold: %s", customer.billing_hold_reason)
        return self.env._("On billing hold.")

    # ------------------------------------------------------------------
    # Options
    # ------------------------------------------------------------------

    def _set_options(self, invoice_date, zero_policy, late_fees, note):
        """What the pop-up asked; charges are read again if they depend on it.

        :raise UserError: when no ticked customer is among the candidates any more.
        """
        self.ensure_one()
        reread = self.invoice_date != invoice_date or self.late_fees != late_fees
        self._write_inside(
            {
                "invoice_date": invoice_date,
                "zero_policy": zero_policy,
                "late_fees": late_fees,
                "note": note,
            }
        )
        if not reread:
            self._apply_zero_policy()
            return
        ticked = self._get_ticked()
        self._populate()
        if ticked and not self._get_ticked():
            # Without a tick, everybody would be billed.
            raise UserError(
                self.env._(
                    "%(run)s: none of the customers that were ticked is listed any more. List "
                    "the customers again.",
                    run=self.display_name,
                )
            )

    def _apply_zero_policy(self):
        """Leave out the customers whom the zero policy excludes, each with why."""
        lines = self.line_ids.filtered(lambda line: line.state == "todo" or line.zero_skipped)
        lines.filtered("zero_skipped")._write_inside(
            {"state": "todo", "reason": False, "zero_skipped": False}
        )
        reasons = defaultdict(lambda: self.env["ar.billing.run.line"])
        for line in lines:
            reason = line._get_zero_reason()
            if reason:
                reasons[reason] |= line
        for reason, left_out in reasons.items():
            left_out._mark_skipped(reason)
            left_out._write_inside({"zero_skipped": True})

    def _review_balances(self):
        """Ask anew what those owe whom the zero policy leaves out, or might."""
        lines = self.line_ids.filtered(lambda line: line.zero_skipped or line._is_zero_candidate())
        lines._refresh_balances()
        self._apply_zero_policy()

    # ------------------------------------------------------------------
    # Ticks
    # ------------------------------------------------------------------

    def _list_together(self):
        """Show these runs in one list: the first is named in its address, the others by it.

        :return: the first run.
        """
        first, others = self[:1], self[1:]
        former = self.search([("listed_with_id", "=", first.id)]) - others
        (former | first).filtered("listed_with_id")._write_inside({"listed_with_id": False})
        others._write_inside({"listed_with_id": first.id})
        return first

    def _get_first_listed(self):
        """The draft in whose list this one is shown."""
        self.ensure_one()
        first = self.listed_with_id
        return first if first.is_editable else self

    def _get_listed_together(self):
        """The drafts that are shown in one list with these; none, if these are none."""
        drafts = self.filtered("is_editable")
        first = drafts.browse([run._get_first_listed().id for run in drafts])
        listed = self.search(["|", ("id", "in", first.ids), ("listed_with_id", "in", first.ids)])
        return listed.filtered("is_editable")

    def _tick(self, lines):
        """Tick these lines, and no other of these runs.

        :raise UserError: when none of them can be ticked.
        """
        (self.line_ids - lines).filtered("selected")._write_inside({"selected": False})
        lines._write_tick(True)

    def _open_pop_up(self, lines, choice, note):
        """The pop-up of Create Invoices for these candidates; nothing of the list changes.

        :param lines: of these runs.
        :param choice: how they were chosen, as the pop-up's field has it.
        :param note: a sentence about it, or False.
        """
        runs = lines.document_id or self
        pop_up = self.env["ar.create.invoices.confirm"]._create_inside(
            [
                {
                    "run_ids": [Command.set(runs.ids)],
                    "line_ids": [Command.set(lines.ids)],
                    "choice": choice,
                    "choice_note": note,
                }
            ]
        )
        return client_actions.form(pop_up, self.env._("Create Invoices"), target="new")

    def _skip_unticked(self):
        """If anybody is ticked, whoever is not is left out; if nobody is, all are billed."""
        self.ensure_one()
        if self.line_ids.filtered("selected"):
            unticked = self.line_ids.filtered(
                lambda line: line.state == "todo" and not line.selected
            )
            unticked._mark_skipped(self.env._("Not among those who were chosen."))
