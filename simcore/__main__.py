"""`python -m simcore`: the command line."""

from simcore.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
