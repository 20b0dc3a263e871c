"""The command line: ``kinspace``."""

from __future__ import annotations

import gc
import os
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line and leave with its exit code.

    0: done; 1: an error, told in one line with its remedy; 2: wrong usage; 3: nothing was
    found; 130: interrupted.
    """
    arguments = sys.argv[1:]
    debug = "--debug" in arguments or bool(os.environ.get("KINSPACE_DEBUG"))
    code = run([one for one in arguments if one != "--debug"], debug=debug)
    gc.freeze()  # nothing is looked through for garbage at the end: 40 ms less for each command
    sys.exit(code)


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : list of str
        Without the program's name.
    debug : bool
        Show the whole trace of an error.
    """
    import typer

    from kinspace.cli.app import made
    from kinspace.cli.output import ReaderGone, fail
    from kinspace.errors import KinspaceError

    try:
        result = made(arguments)(arguments, prog_name="kinspace", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, ReaderGone):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        result = INTERRUPTED
    except typer.TyperException as error:  # wrong usage
        if debug:
            raise
        message = getattr(error, "format_message", error.__str__)()
        context = getattr(error, "ctx", None)
        fail(message, f"See: {context.command_path} --help" if context else "")
        return int(getattr(error, "exit_code", 2))
    except KinspaceError as error:
        if debug:
            raise
        fail(error.message, error.remedy)
        return 1
    except (OSError, MemoryError) as error:
        if debug:
            raise
        fail(f"{type(error).__name__}: {error}", "Add --debug to see where.")
        return 1
    if result == INTERRUPTED:  # what typer makes of Ctrl-C
        fail("Interrupted.", "What was committed stays; the same command goes on from there.")
    return result if isinstance(result, int) else 0
