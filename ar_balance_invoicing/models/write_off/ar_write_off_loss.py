"""The loss of a write-off line: on which accounts, with which analytic, as base of what."""

import json
from collections import defaultdict
from decimal import Decimal

from odoo import Command, models

from ...tools.write_off_shares import UNTAXED, net_places, pair, plus


class ArWriteOffLoss(models.AbstractModel):
    """Where the loss of a write-off line goes, and how much.

    In proportion to the document's own lines: each product category has its account, each
    line its analytic distribution; the reason's own wins over both. A *place* is an account
    with an analytic distribution, a *kind* the taxes and tags of which the loss is the base.
    """

    _name = "ar.write.off.loss"
    _description = "Loss of a Write-Off Line"

    def _prepare_loss_items(self, document, loss, label):
        """What is lost: the rest, when tax has been taken back exactly.

        :param document: see ``_get_document``
        :param loss: pair of amounts, positive for a loss
        """
        items = []
        for (account, analytic), (taxes, tags), amounts in document.split_loss(
            loss, self._get_units()
        ):
            first = document.firsts[taxes, tags]
            # The database takes no item that is a debit in one currency and a credit in the
            # other: then each stands for itself.
            apart = amounts[0] * amounts[1] < 0
            for part, value in [(amounts[0], 0), (0, amounts[1])] if apart else [amounts]:
                if not part and not value:
                    continue
                item = {
                    "name": label,
                    "account_id": account,
                    "partner_id": self.partner_id.id,
                    "currency_id": self.currency_id.id,
                    "amount_currency": float(part),
                    "balance": float(value),
                    "display_type": "product",
                    "tax_ids": [Command.set(taxes)],
                    "tax_tag_ids": [Command.set(tags)],
                    "written_off_item_id": first.id if document.reclaim else False,
                }
                if analytic:
                    # Left out otherwise, so that core's distribution models apply.
                    item["analytic_distribution"] = json.loads(analytic)
                items.append(item)
        return items

    def _get_loss_groups(self, notes, reclaim):
        """``{(place, kind): pair}``, ``{kind: its first item}``, and the pair that was credited.

        :param notes: credit notes and their shares: what they took back is no loss. Of what
            the document has no such line, they are a payment.
        """
        groups, firsts, credited = defaultdict(pair), {}, pair()
        moves = {self.move_id: 1, **notes}
        for move, share in moves.items():
            for item in self._get_base_items(move, reclaim):
                kind = self._get_kind(item) if reclaim else UNTAXED
                if move == self.move_id:
                    firsts.setdefault(kind, item)
                elif kind not in firsts:
                    continue
                weight = self._get_weight(item, share, reclaim)
                place = self._get_place(item)
                groups[place, kind] = plus(groups[place, kind], weight)
                if move != self.move_id:
                    credited = plus(credited, weight, -1)
        groups = {group: weight for group, weight in groups.items() if any(weight)}
        if not self.move_id.is_invoice(include_receipts=True) or not groups:
            groups[self._get_place(), UNTAXED] = self._get_unexplained(groups)
            firsts[UNTAXED] = self.item_ids[:1]
        groups = net_places(groups, self._is_claim())
        firsts = {kind: firsts[kind] for _place, kind in groups}
        if UNTAXED not in firsts:
            # For cents that are the base of nothing, where most is lost.
            place, _kind = max(groups, key=lambda group: abs(groups[group][1]))
            groups[place, UNTAXED] = pair()
            firsts[UNTAXED] = self.item_ids[:1]
        return groups, firsts, credited

    def _get_unexplained(self, groups):
        """Pair: what the receivable of an entry is for, besides its taxed items."""
        rest = self._get_document_total()
        for item in self._get_tax_items(self.move_id):
            rest = plus(rest, self._get_amounts(item), -1)
        for weight in groups.values():
            rest = plus(rest, weight, -1)
        return rest

    def _get_base_items(self, move, reclaim):
        """The lines behind the receivable; none for payments and plain entries."""
        items = move.line_ids
        if not move.is_invoice(include_receipts=True):
            # An entry's own accounts say nothing about the debt, its taxed items do.
            return items.filtered("tax_ids") if reclaim else items.browse()
        return items.filtered(
            lambda item: (
                item.display_type in ("product", "rounding", "epd")
                and not item.tax_repartition_line_id
            )
        )

    def _get_place(self, item=None):
        """(account, analytic distribution as text) of the loss of an item."""
        reason = self.document_id.reason_id
        account = reason._get_write_off_account(
            self.company_id, item and item.product_id.categ_id, credit=self._is_credit()
        )
        analytic = reason.analytic_distribution or (item and item.analytic_distribution)
        return account.id, json.dumps(analytic, sort_keys=True) if analytic else ""

    def _is_credit(self):
        """Whether it is a gain: a customer's credit is written off."""
        return (self.amount or self.amount_residual_company) < 0

    def _get_kind(self, item):
        taxes = self._get_declared_taxes(item)
        return tuple(self._map_taxes(taxes).ids), tuple(self._get_tags(item, taxes).ids)

    def _get_weight(self, item, share, reclaim):
        """Pair: an item's part of the debt; with its declared tax, if that is left.

        Tax that falls due on payment is never part of the loss: it waits elsewhere.
        """
        net = self._get_amounts(item, share)
        if reclaim or item.display_type != "product" or not item.tax_ids:
            return net
        declared = self._get_declared_taxes(item)
        if not declared:
            return net
        plain = declared == item.tax_ids.flatten_taxes_hierarchy()
        if plain and not self.currency_id.is_zero(item.price_subtotal):
            ratio = Decimal(repr(item.price_total)) / Decimal(repr(item.price_subtotal))
            return net[0] * ratio, net[1] * ratio
        return plus(net, self._get_declared_tax(item, declared), share)

    def _get_declared_tax(self, item, declared):
        """Pair: the declared tax of one line among others, as Odoo reckons it."""
        move = item.move_id
        line = move._prepare_product_base_line_for_taxes_computation(item)
        self.env["account.tax"]._add_tax_details_in_base_line(line, move.company_id)
        data = [data for data in line["tax_details"]["taxes_data"] if data["tax"] in declared]
        sign = -move.direction_sign
        return tuple(
            Decimal(repr(sign * sum(tax[name] for tax in data)))
            for name in ("raw_tax_amount_currency", "raw_tax_amount")
        )
