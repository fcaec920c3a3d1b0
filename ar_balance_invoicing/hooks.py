def post_init_hook(env):
    """Companies that have a chart of accounts already can write off at once."""
    env["res.company"].search([])._ar_set_write_off_defaults()
