"""`python -m simcore.cli` is `simcore`."""

import sys

from simcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
