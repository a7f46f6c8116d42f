"""Run as `contract-tests`, or as `python -m contract_tests`."""

from __future__ import annotations

import sys


def main() -> None:
    """Start the command line, or say what is not installed."""
    try:
        from contract_tests import cli
    except ModuleNotFoundError as missing:
        sys.stderr.write(
            f"contract-tests needs {missing.name}: pip install 'waldur-mockserver[contract]'\n"
        )
        sys.exit(2)
    cli.main()


if __name__ == "__main__":
    main()
