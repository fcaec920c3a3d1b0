"""What is said about many records."""

MOST_NAMED = 20


def listed(env, things, describe=str):
    """A line for each of some things, and how many more there are; False for none."""
    if not things:
        return False
    lines = [describe(thing) for thing in things[:MOST_NAMED]]
    if len(things) > MOST_NAMED:
        lines.append(env._("… and %s more", len(things) - MOST_NAMED))
    return "\n".join(lines)
