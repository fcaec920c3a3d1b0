from . import ar_next_step, ar_guarded
