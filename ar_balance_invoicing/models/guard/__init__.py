from . import ar_guarded
