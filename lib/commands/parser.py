"""The command line's parser: says how a command is used, and exits with the code that the command keeps for that."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """`misused` is the exit code for arguments that make no sense: 2, unless a command says something else by it."""

    misused = 2

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(self.misused, f"{self.prog}: error: {message}\n")
