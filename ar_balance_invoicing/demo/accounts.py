"""Fourteen months of the demo customers' accounts: data only, no ORM."""

from typing import NamedTuple


class Account(NamedTuple):
    """What happened on one customer's account.

    It is billed on the first of each month for the month before; months are
    counted back from today's. Amounts are in the customer's own currency.
    """

    service: str  # product, billed monthly
    quantity: float = 1
    first: int = 2  # months since the first invoice …
    last: int = 1  # … and since the last
    unpaid: int = 0  # so many of the latest invoices are not paid
    billed: bool = True  # has a service, which this month's billing run charges
    part: float = 0  # share of the oldest unpaid invoice that was paid
    short: float = 0  # the last payment fell short by this; below zero: was too much
    on_account: float = 0  # payment that was never matched
    credit_note: float = 0
    credit_applied: bool = False  # to the oldest unpaid invoice
    disputed: bool = False  # the oldest unpaid invoice is blocked
    cancelled: bool = False  # one more invoice was cancelled


# By the customer's XML id, without "partner_".
ACCOUNTS = {
    # --- Residential
    "thornton": Account("cart", first=3),
    "ellery": Account("cart", first=3, unpaid=1),
    "nair": Account("cart", short=0.03),
    "villanueva": Account("cart", first=4, unpaid=2),
    "okafor": Account("cart", on_account=120),
    "lindqvist": Account("cart", first=5, last=2, unpaid=3, billed=False),
    "kim": Account("cart", billed=False),
    "hutchins": Account("cart", first=3, short=1.27, billed=False),
    "petrova": Account("cart", first=4, unpaid=3, part=0.5),
    "brooks": Account("cart", quantity=2),
    "whitfield": Account("cart", first=14, last=11, unpaid=4, billed=False),
    "jensen": Account("cart", first=9, last=6, unpaid=2, billed=False),
    "carter": Account("cart", short=-4.90, billed=False),
    "fontaine": Account("cart", first=3, unpaid=1),
    # --- Restaurants, shops and offices
    "harbor_grill": Account("dumpster_6", first=5, last=0, unpaid=2, part=0.4),
    "cedar_salt": Account("dumpster_2", first=4, last=0, unpaid=3),
    "bayside_brewing": Account("compactor", first=4, last=0, unpaid=1),
    "north_fork_bakery": Account("organics", first=3),
    "lakeway_medical": Account("compactor", quantity=2, first=5, last=0, unpaid=2),
    "whistle_print": Account("recycling", quantity=3, first=6, unpaid=4, disputed=True),
    "skyline_storage": Account("dumpster_6", first=3, last=0, unpaid=1, cancelled=True),
    "old_town_books": Account("recycling", first=4, short=4.90, billed=False),
    "fairhaven_fitness": Account("dumpster_2", first=7, unpaid=6),
    "lynden_auto": Account("dumpster_6", first=3, credit_note=86),
    "riverstone_hotel": Account(
        "compactor", first=5, last=0, unpaid=2, credit_note=150, credit_applied=True
    ),
    "tide_market": Account("organics", quantity=4, first=4, last=0, unpaid=2),
    # --- Homeowners associations and apartments
    "silver_creek": Account("cart", quantity=64, first=4, last=0, unpaid=1),
    "eagle_ridge": Account("cart", quantity=38, first=3, billed=False),
    "marina_heights": Account("dumpster_6", quantity=2, on_account=1400, billed=False),
    "maple_court": Account("dumpster_6", quantity=3, first=8, unpaid=3, part=0.25),
    # --- Towns, schools and public bodies
    "alder_bay": Account("compactor", quantity=5, first=5, last=0, unpaid=2),
    "alder_schools": Account("dumpster_6", quantity=8, first=4, last=0, unpaid=1),
    "alder_port": Account(
        "compactor", quantity=3, first=4, last=0, unpaid=3, credit_note=310, credit_applied=True
    ),
    "county_fair": Account("campground", quantity=6, first=5, last=3, billed=False),
    # --- Construction sites
    "granite_peak": Account("haul", quantity=4, first=5, last=0, unpaid=4, disputed=True),
    "tidewater": Account("haul", quantity=2, first=4, last=0, unpaid=2, part=0.3),
    "evergreen_roofing": Account("haul", quantity=3, first=13, last=10, unpaid=4, billed=False),
    "summit_demolition": Account("haul", quantity=6, first=3, last=0, unpaid=3, part=0.3),
    "bluebird": Account("haul", first=6, last=4, unpaid=1, billed=False),
    "keystone": Account("haul", first=3, on_account=900),
    # --- Farms and seasonal businesses
    "twin_rivers": Account("dumpster_6", first=6, unpaid=2, cancelled=True),
    "sunny_acres": Account("campground", first=6, last=4, billed=False),
    "snow_goose": Account("campground", quantity=2, first=5, last=3, short=18.40, billed=False),
    "ski_lodge": Account("campground", quantity=3, first=11, last=8, billed=False),
    # --- Across the border
    "fraser_foods": Account("compactor", quantity=2, first=5, last=0, unpaid=2),
    "peace_arch": Account("dumpster_6", first=4, unpaid=2, part=0.6),
    "white_rock_marina": Account("campground", first=6, last=3, credit_note=75, billed=False),
}
