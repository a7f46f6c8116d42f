"""Run the command line."""

import gc


def main() -> None:
    """Run what the arguments say."""
    # Modules are no garbage, and to look for some among them takes a sixth of their time.
    gc.disable()
    from mockserver import cli

    gc.enable()
    cli.main()


if __name__ == "__main__":
    main()
