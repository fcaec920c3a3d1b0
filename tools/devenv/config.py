"""Where things are, and which versions are used."""

import hashlib
import os
import pwd
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ADDON = "ar_balance_invoicing"
REQUIREMENTS = PROJECT / "tools" / "requirements.txt"
DEMO_DATABASE = "demo"
LANGUAGE_OF_DEMO = "en_US"

# Environment variables a user may set.
CACHE_VARIABLE = "AR_CACHE"
ODOO_VARIABLE = "AR_ODOO"


def cache_folder() -> Path:
    """Folder for every download and database.

    ``$AR_CACHE`` wins. As root the default is below /var/cache, because
    PostgreSQL's server then runs as another user, who cannot look into root's
    home folder.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser().resolve()
    if os.geteuid() == 0:
        return Path("/var/cache") / ADDON
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / ADDON


CACHE = cache_folder()


def fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def database_owner() -> pwd.struct_passwd:
    """The system user that runs PostgreSQL's server, which refuses root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SystemExit(
        "PostgreSQL cannot run as root and neither the user 'postgres' nor "
        "'nobody' exists here. Run this command as an ordinary user."
    )
