"""How hypothesis looks for examples, in all tests that use it."""

from hypothesis import HealthCheck, settings

from .common import IN_CI

# A first example may wait for a registry or a cold cache; nothing is written beside
# the code. A failing example is printed with how to see it again.
settings.register_profile(
    "ar",
    deadline=None,
    database=None,
    print_blob=True,
    derandomize=IN_CI,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("ar")
