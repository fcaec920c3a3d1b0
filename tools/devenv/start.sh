# Sourced by ./run, ./test and ./odoo: starts the Python part with a Python that
# is new enough. Nothing is written into the repository, not even bytecode.
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
for python in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if command -v "$python" >/dev/null &&
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        export PYTHONPATH="$project/tools${PYTHONPATH:+:$PYTHONPATH}"
        exec "$python" -B -m devenv.cli "$verb" "$@"
    fi
done
echo "Python 3.11 or newer is needed and was not found." >&2
echo "Install it (Debian and Ubuntu: the packages python3 and python3-venv)," >&2
echo 'or name it: PYTHON=/path/to/python3.11 ./'"$verb" >&2
exit 1
