"""`python -m kerasnorm` is the `kerasnorm` command."""

import sys

from kerasnorm.command_line import main

if __name__ == "__main__":
    sys.exit(main())
