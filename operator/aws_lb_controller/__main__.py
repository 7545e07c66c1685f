"""``python -m aws_lb_controller FLAGS``: runs the controller, and says with its exit code how it ended.

0: it was told to stop, or to print its help. 1: it could not go on. 2: a flag is wrong, which one line says.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence

from aws_lb_controller import app
from aws_lb_controller.errors import ControllerError, UsageError
from aws_lb_controller.runtime import logs
from aws_lb_controller.settings import HelpRequested, Settings


def main(argv: Sequence[str]) -> int:
    """argv: the words behind the program's name. Returns the exit code."""
    # as the first process of a container nothing else ends it before `app` hears signals
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        settings = Settings.from_args(argv)
        logs.set_up(settings.log_level)
        for warning in settings.warnings():
            logging.getLogger(__name__).warning("%s", warning)
        # thousands of objects are listed at start: looking for garbage every 700 of them costs more than reading them
        gc.set_threshold(50_000, 20, 100)
        asyncio.run(app.run(settings))
    except HelpRequested as e:
        _print(str(e))
    except UsageError as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except ControllerError as e:
        logging.getLogger(__name__).error("%s", e)
        return 1
    return 0


def _print(text: str) -> None:
    """Whoever reads it may have read enough: ``--help | head``."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # else the interpreter complains about it when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
