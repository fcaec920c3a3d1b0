"""The commands ./run, ./test, ./bench and ./odoo."""

import argparse
import os
import signal
import subprocess
import sys

from . import config
from .report import StepFailed, describe


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="./run",
        description="Make the demo database, print its balances, serve it in the browser.",
    )
    parser.add_argument("--no-serve", action="store_true", help="stop after the balances")
    parser.add_argument("--port", type=_port, help="port of the web client (default: 8069 or next)")
    parser.add_argument("--fresh", action="store_true", help="make the demo database anew")
    options = parser.parse_args(arguments)
    from . import demo

    return demo.main(serve=not options.no_serve, port=options.port, fresh=options.fresh)


def test(arguments: list[str]) -> int:
    from . import suite

    parser = argparse.ArgumentParser(
        prog="./test",
        description="Run the linters and all tests. With TAGS: only Odoo tests with these "
        "tags, in the form of Odoo's --test-tags, such as :TestBalance or "
        f"/{config.ADDON}:TestBalance.test_name.",
    )
    parser.add_argument("tags", nargs="?", metavar="TAGS", help="run only these Odoo tests")
    parser.add_argument(
        "--part", action="append", choices=suite.PARTS, help="only this part (may be repeated)"
    )
    parser.add_argument(
        "--fix", action="store_true", help="let the formatters rewrite files before the linters"
    )
    parser.add_argument(
        "--long", action="store_true", help="also what takes many minutes (part processes)"
    )
    options = parser.parse_args(arguments)
    parts = options.part or list(suite.PARTS)
    return suite.main(parts, options.tags, options.fix, options.long)


def bench(arguments: list[str]) -> int:
    from . import bench

    for options in bench.parse(arguments):
        code = bench.main(options)
        if code:  # Ctrl-C ends all of them
            return code
    return 0


def odoo(arguments: list[str]) -> int:
    if not arguments:
        print(
            "./odoo ARGUMENTS…: Odoo's own command line on the demo's database server.\n"
            "  ./odoo shell -d demo     a Python prompt in the demo database\n"
            "  ./odoo -d mine -i account,ar_balance_invoicing --stop-after-init\n"
            "  ./odoo --help            Odoo's own options"
        )
        return 2
    from .odoo import Odoo
    from .postgres import Cluster

    cluster = Cluster("main")
    with cluster.running():
        return Odoo(cluster).call(*arguments)


VERBS = {"run": run, "test": test, "bench": bench, "odoo": odoo}


def _terminated(number, _frame):
    # As an exception, so that the database server is stopped on the way out.
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    # A shell script's background job starts with Ctrl-C's signal ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGHUP, _terminated)
    _hide_own_path()
    config.CACHE.mkdir(parents=True, exist_ok=True)
    try:
        return VERBS[arguments[0]](arguments[1:])
    except (StepFailed, OSError, subprocess.SubprocessError) as error:
        print(describe(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


def _hide_own_path():
    """Programs that we start must not import from tools/ by accident."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [path for path in paths if path and path != str(config.PROJECT / "tools")]
    os.environ["PYTHONPATH"] = os.pathsep.join(others)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
