"""What was measured, beside each other and against targets: a table and a JSON file."""

import json
import platform
import statistics
from importlib.metadata import version as package_version

from odoo import release


class Figures:
    """What two sides take, beside each other and against a target.

    The sides of a round follow each other, so that a busy machine slows both.
    """

    def __init__(self, rounds, sides=("ours", "beside"), unit="ms"):
        self.rounds = rounds
        # What the two sides are called in the table, and what of a figure is compared.
        self.sides = sides
        self.unit = unit
        self.rows = {}

    def add(self, what, ours, beside=None, target=None, is_least=False):
        """Figures that were measured elsewhere; returns their row.

        :param ours: of each round.
        :param beside: of each round too, or of other ones than ours.
        :param target: what the ratio may be at most.
        :param is_least: the target is what it must be at least, as of rates.
        """
        rounds = {"ours": ours} | ({"beside": beside} if beside else {})
        row = {side: _median(figures) for side, figures in rounds.items()}
        row |= {"target": target, "is_least": is_least, "rounds": rounds}
        if beside:
            row["ratio"] = _get_ratio(ours, beside, self.unit)
            row["met"] = _is_met(row["ratio"], target, is_least)
        self.rows[what] = row
        return row

    def add_amount(self, what, amount, unit, target=None):
        """A figure with nothing beside it, such as memory, and the most it may be."""
        self.rows[what] = {
            "amount": amount,
            "unit": unit,
            "target": target,
            "met": _is_met(amount, target),
            "rounds": {},
        }

    def print_table(self, title):
        print(f"\n{title}, medians of {self.rounds} rounds")
        width = max(len(what) for what in self.rows)
        # A name of one word is followed by what is measured.
        names = [f"{name} {self.unit}" if " " not in name else name for name in self.sides]
        widths = [max(len(name) + 2, least) for name, least in zip(names, (10, 11), strict=True)]
        print(
            f"{'':{width}}{names[0]:>{widths[0]}}{names[1]:>{widths[1]}}{'queries':>9}"
            f"{'ratio':>8}{'target':>10}  met?"
        )
        for what, row in self.rows.items():
            ours, beside = (self._cell(row, side) for side in ("ours", "beside"))
            if "amount" in row:
                ours = f"{row['amount']:.1f} {row['unit']}"
            queries = row.get("ours", {}).get("queries")
            queries = _rounded(queries) if queries is not None else ""
            ratio = _rounded_ratio(row["ratio"]) if "ratio" in row else ""
            met = {True: "yes", False: "no"}.get(row.get("met"), "")
            print(
                f"{what:{width}}{ours:>{widths[0]}}{beside:>{widths[1]}}{queries:>9}"
                f"{ratio:>8}{_target_text(row):>10}  {met}"
            )

    def _cell(self, row, side):
        return f"{row[side][self.unit]:.1f}" if side in row else ""

    def write(self, file, about):
        about |= {
            "rounds": self.rounds,
            "odoo": release.version,
            "python": platform.python_version(),
            "psycopg2": package_version("psycopg2-binary"),
        }
        rounds = {what: row["rounds"] for what, row in self.rows.items()}
        medians = {
            what: {name: value for name, value in row.items() if name != "rounds"}
            for what, row in self.rows.items()
        }
        with open(file, "w") as opened:
            json.dump({"about": about, "medians": medians, "rounds": rounds}, opened, indent=2)
            opened.write("\n")


def _is_met(value, target, is_least=False):
    if not target:
        return None
    return value >= target if is_least else value <= target


def _target_text(row):
    if not row["target"]:
        return ""
    return f"{'≥' if row.get('is_least') else '≤'} {row['target']:.3g}"


def _median(figures):
    return {key: statistics.median(figure[key] for figure in figures) for key in figures[0]}


def _get_ratio(ours, beside, unit):
    """How many times as much as ``beside``, in the median."""
    if len(ours) != len(beside):
        return _median(ours)[unit] / _median(beside)[unit]
    # Each with its neighbour, which the same other work on the machine slowed.
    return statistics.median(
        one[unit] / other[unit] for one, other in zip(ours, beside, strict=True)
    )


def _rounded(queries):
    """Of a call they are whole; of one invoice among many, a part."""
    return f"{queries:.0f}" if queries == int(queries) else f"{queries:.1f}"


def _rounded_ratio(ratio):
    """Three digits that say something, so that it is seen on which side of a target it is."""
    return f"{ratio:.{2 if ratio >= 1 else 3 if ratio >= 0.1 else 4}f}"
