"""Counts in words, each in the singular or the plural."""


def invoices(env, count):
    return env._("1 invoice") if count == 1 else env._("%s invoices", f"{count:,}")


def drafts(env, count):
    return env._("1 draft") if count == 1 else env._("%s drafts", f"{count:,}")


def customers(env, count):
    return env._("1 customer") if count == 1 else env._("%s customers", f"{count:,}")


def sentence(text):
    """A text that ends as a sentence does, with one full stop."""
    text = text.strip()
    return text if text.endswith(("!", "?", "…")) else f"{text.rstrip('.')}."
