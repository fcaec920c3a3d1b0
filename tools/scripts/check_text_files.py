"""Text files: no spaces at line ends, one newline at the end, no merge conflicts."""

import sys
from pathlib import Path

CONFLICTS = (b"<<<<<<< ", b">>>>>>> ")


def problems(name: str, text: bytes) -> list[str]:
    found = []
    if text and not text.endswith(b"\n"):
        found.append(f"{name}: no newline at the end of the file")
    if text.endswith(b"\n\n"):
        found.append(f"{name}: empty lines at the end of the file")
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.endswith(b"\r"):
            found.append(f"{name}:{number}: line ends as on Windows")
        elif line != line.rstrip():
            found.append(f"{name}:{number}: spaces at the end of the line")
        if line.startswith(CONFLICTS):
            found.append(f"{name}:{number}: left-over merge conflict")
    return found


def main(names: list[str]) -> int:
    found = [line for name in names for line in problems(name, Path(name).read_bytes())]
    print("\n".join(found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
