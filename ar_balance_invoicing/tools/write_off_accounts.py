"""Which account of a chart is the one for bad debts, by what it is called."""

import re

# The account for debts finally lost, where its name alone would not lead to it:
# {chart of accounts: code without the zeros that fill it up}.
LOSS_CODES = {
    "be": "642",
    "cz": "546",
    "de_skr03": "24",
    "de_skr04": "693",
    "dk": "228",
    "fi": "966",
    "fr": "6541",
    "hu": "8691",
    "it": "4905",
    "lu": "6451",
    "no": "783",
    "ro": "654",
    "se": "6351",
    "tn": "6341",
}

# Charts are loaded with English names; one made by hand is named in its users' language.
LOSS_NAMES = re.compile(
    r"bad debt|uncollectible|irrecoverable|(debts?|receivables?) written.off|"
    r"forderungs(verlust|ausf)|uneinbringlich|irrécouvrable|incobrab|"
    r"perdite su crediti|inesigibil|oninbare|dubieuze|tap på fordring|tab på debitor|"
    r"kundförlust|luottotappio|nieściągaln|nedobytn|behajthatatlan|nevymožiteln|"
    r"貸倒損失|坏账损失|대손상각비|ديون معدومة",
    re.IGNORECASE,
)
# A provision is an estimate, a recovery the opposite; a rate or a group of customers
# makes an account too narrow for a default.
NOT_LOSS_NAMES = re.compile(
    r"provision|allowance|doubtful|recover(y|ies|ed)|write-?back|income|collected|"
    r"insurance|\bvat\b|%|unusual|increase|decrease|previous|affiliate|employee|related|"
    r"group|rückstellung|wertberichtigung|unüblich|accantonamento|provisi[oó]n|dotation|"
    r"voorziening",
    re.IGNORECASE,
)
RECOVERY_NAMES = re.compile(
    r"bad debts? recover|recover(y|ies|ed)\b.*(bad debt|uncollectible|written.off|debtors)|"
    r"(collect|revenue|income|received|receipts)\w*\b.*"
    r"(written.off|uncollectible|irrecoverable|amortised) ?\w*|"
    r"eingänge aus abgeschriebenen|rentrées sur créances amorties|"
    r"recupero de deudores incobrables|afgeschreven vorderingen ontvangen",
    re.IGNORECASE,
)
GAIN_NAMES = re.compile(r"write.off gain|gains? (on|from) write.off", re.IGNORECASE)

OTHER_INCOME_NAMES = re.compile(
    r"^(other|miscellaneous|sundry) ((non-)?operating (and regular )?)?"
    r"(income|revenues?|gains?)( and gains| \(.*| from (economic|non-core) activities)?$|"
    r"^(sonstige (betriebliche )?erträge|autres produits|otros ingresos|altri ricavi)$",
    re.IGNORECASE,
)


def recognise_loss(accounts, chart=None):
    """The account to book finally lost debts on.

    :param accounts: ``[(key, code, name)]`` of the accounts that may be it
    :param chart: code of the chart of accounts, such as ``de_skr03``
    :return: the key of one, or None when no name or code is plain enough
    """
    ordered = sorted(accounts, key=lambda account: account[1] or "")
    for known, wanted in LOSS_CODES.items():
        if chart and (chart == known or chart.startswith(f"{known}_")):
            for key, code, _name in ordered:
                if (code or "").rstrip("0") == wanted:
                    return key
    return _first(ordered, LOSS_NAMES, NOT_LOSS_NAMES)


def recognise_recovery(accounts):
    """The account for what is paid on debts written off before; see `recognise_loss`."""
    return _first(accounts, RECOVERY_NAMES)


def recognise_gain(accounts):
    """The account for small credits written off; see `recognise_loss`."""
    return _first(accounts, GAIN_NAMES)


def recognise_other_income(accounts):
    """The account beside which one for gains has its place; see `recognise_loss`."""
    return _first(accounts, OTHER_INCOME_NAMES)


def _first(accounts, names, but_not=None):
    for key, _code, name in sorted(accounts, key=lambda account: account[1] or ""):
        if names.search(name or "") and not (but_not and but_not.search(name)):
            return key
    return None
