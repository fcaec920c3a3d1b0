"""The keys that this addon puts into the context, and what they mean.

Those that open a door carry an object, which no call over RPC can send. The others may be
set by anybody, and only say how something is done or shown.
"""

# --- doors: only our own code can open them ---------------------------------------------

# ``INSIDE``: our own methods write what people may not; see ``ar.guarded``.
INSIDE_KEY = "ar_inside"
INSIDE = object()
# ``APART``: reversals that their document matches itself, item by item.
MATCHED_APART = "ar_matched_apart"
APART = object()
# ``BOOKED_NOW``: entries that a write-off matches as it makes them; no row follows them yet.
BOOKED_NOW_KEY = "ar_booked_now"
BOOKED_NOW = object()
# A ``TakenBack``: what write-offs took back of the tax of the documents of a chunk.
TAKEN_BACK = "ar_taken_back"
# A ``NumberFormats``: core is asked once for all alike entries of a chunk.
NUMBER_FORMATS = "ar_number_formats"
# A ``Notes``: collects what core would note, entry by entry.
NOTES = "ar_notes"
# A ``MatchLimits``: of two journal items, no more is matched than was planned.
MATCH_LIMITS = "ar_match_limits"
# ``PLANNED``: a write-off is worked off in the transaction in which its credits were planned.
JUST_PLANNED = "ar_just_planned"
PLANNED = object()

# --- open to all ------------------------------------------------------------------------

# True: what a shortcut made was not what was meant, so that core is to make it. Whoever
# sets this over RPC gets what core makes, only slower.
BY_CORE = "ar_by_core"

# Id of the write-off document whose lines are listed: the list's buttons act on it when no
# row is chosen. Whoever sets it over RPC gets what he may do with that document.
LISTED_WRITE_OFF = "ar_write_off_id"

# Id of the billing run whose customers are listed to be ticked and billed, with those of the
# runs shown with it. Whoever sets it over RPC gets what he may do with that run.
CANDIDATES = "ar_candidates"

# True: a corrected copy of the invoices that are being credited is made in a moment. Whoever
# sets this over RPC is not reminded of what gives back days of invoices that he credits.
CORRECTED = "ar_corrected"
# A day: periods of a billing profile are offered from then on, with how far each is billed.
PERIODS_SINCE = "ar_periods_since"

# --- not in the context but in the data of the transaction, ``cr.precommit.data`` --------

# Ids of the entries of which our own notes are said with what has changed.
NOTED = "ar_balance_invoicing.noted"
