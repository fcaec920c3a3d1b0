"""How long the server lets this process work, as far as it can be known."""

import math
import os

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None


def cpu_seconds_left():
    """Seconds of computing until the server stops this process.

    Odoo's workers renew their limit before each piece of work; threads have none.
    """
    if not resource:
        return math.inf
    limit, _hard = resource.getrlimit(resource.RLIMIT_CPU)
    if limit == resource.RLIM_INFINITY:
        return math.inf
    spent = os.times()
    return limit - spent.user - spent.system
