"""What a command ends with, whatever happens: an exit code of its own, one sentence, and never a traceback.

What nobody foresaw leaves a report: a file that can be sent to whoever looks after the program. It holds no data unless
it was asked for by `CROSSCHECK_REPORT_DATA`.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from crosscheck.errors import CrosscheckError
from crosscheck.passwords import hide_passwords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

UNFORESEEN: Final = 70  # as sysexits.h: an error in the program
NO_ACCESS: Final = 74  # as sysexits.h: a file, or the output, can't be read or written
STOPPED: Final = 130  # as shells have it: 128 + SIGINT
NO_READER: Final = 141  # as shells have it: 128 + SIGPIPE

_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_WITH_DATA: Final = "CROSSCHECK_REPORT_DATA"
_PACKAGE: Final = Path(__file__).resolve().parent.parent
_LIBRARIES: Final = ("polars", "numpy", "scipy", "pydantic", "sqlalchemy", "click")


class ReaderGoneError(Exception):
    """Whoever read what is printed has closed the pipe, as `head` does; click would end with 1."""


def end_well(command: Callable[[], object], root: click.Group) -> int:
    """Run a command, and say how it ended.

    Args:
        command: the whole of it, which raises what goes wrong in it.
        root: the group of all commands, by which a report names the one that was called.

    Returns:
        The exit code; it is never 1 unless the command itself ends with that.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a sign that the terminal can't show stops nothing
    try:
        code = _run(command)
        _flush()
    except BaseException as error:  # noqa: BLE001  # libraries in Rust panic with what is no Exception
        code = _say(error, root)
    return code


def _run(command: Callable[[], object]) -> int:
    try:
        code = command()
    except SystemExit as ended:
        code = ended.code
    return code if isinstance(code, int) else int(code is not None)


def _say(error: BaseException, root: click.Group) -> int:
    """Say in one sentence what happened, on the standard error, and give the exit code."""
    if isinstance(error, click.ClickException):
        printed = io.StringIO()
        error.show(printed)
        return _print(printed.getvalue().rstrip("\n"), error.exit_code)
    if isinstance(error, CrosscheckError):
        return _print(str(error), error.exit_code)
    if isinstance(error, click.Abort | KeyboardInterrupt | EOFError):
        return _print("Stopped, since you asked for it.", STOPPED)
    if isinstance(error, ReaderGoneError | BrokenPipeError):
        _close_output()
        return NO_READER
    if isinstance(error, OSError) and (message := _no_access(error)):
        _close_output()
        return _print(message, NO_ACCESS)
    return _print(_report(error, root), UNFORESEEN)


def _flush() -> None:
    """Print what is still waiting, so that a full disk or a closed pipe is noticed now."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _print(message: str, code: int) -> int:
    with suppress(OSError):  # the standard error may be full as well; the exit code still says it
        click.echo(hide_passwords(message), err=True)
    return code


def _no_access(error: OSError) -> str:
    """What a user can mend of an error of the system; nothing where the file is the program's own."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.filename is None:
        message = f"There is no room for what is printed or written ({reason}). Make room, or write to another place."
        return message if error.errno in _NO_ROOM else ""
    if _PACKAGE in Path(os.fsdecode(error.filename)).resolve().parents:
        return ""
    remedy = "Check that it is there, that it is a file or a folder as is asked for, and that you may read or write it."
    return f"{os.fsdecode(error.filename)}: can't be used ({reason}). {remedy}"


def _close_output() -> None:
    """Let nothing more be printed: what is left would be tried again, and complained of, when the program ends."""
    with suppress(OSError, ValueError, AttributeError):  # the output of a test is no file, and there may be none
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _report(error: BaseException, root: click.Group) -> str:
    """Write the report, and say where it is."""
    happened = f"crosscheck met something that nobody foresaw ({type(error).__name__}) and stopped"
    with_data = bool(os.environ.get(_WITH_DATA))
    file = _write("\n".join(_lines(error, root, with_data=with_data)) + "\n")
    if file is None:
        return f"{happened}; no report could be written, neither here nor in {tempfile.gettempdir()}."
    holds = "which holds messages and the command line" if with_data else "which holds no data"
    return f"{happened}; please send {file}, {holds}, to whoever looks after it for you."


def _write(content: str) -> Path | None:
    """Write a report into the folder that the user is in, else into that of temporary files, for the owner alone."""
    name = f"crosscheck-report-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    for folder in (Path.cwd, lambda: Path(tempfile.gettempdir())):
        with suppress(OSError):
            file = folder() / name
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
                opened.write(content)
            return file
    return None


def _lines(error: BaseException, root: click.Group, *, with_data: bool) -> Iterator[str]:
    """The report: what was running, what was raised, and where in the code; no message, since it may quote data."""
    import platform  # only where something went wrong
    from importlib import metadata  # as above

    yield f"crosscheck {metadata.version('crosscheck')}, Python {platform.python_version()}, {platform.platform()}"
    yield ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES)
    yield f"at: {datetime.now(UTC).isoformat(timespec='seconds')}"
    yield f"command: crosscheck {' '.join(_words_of_command(sys.argv[1:], root))}"
    if with_data:
        yield f"command line: {hide_passwords(' '.join(sys.argv[1:]))}"
    else:
        yield f"Messages and the command line are left out; to have them here: {_WITH_DATA}=yes crosscheck …"
    raised: BaseException | None = error
    while raised is not None:
        yield f"\n{type(raised).__module__}.{type(raised).__name__}"
        if with_data:
            yield hide_passwords(str(raised))
        yield from (
            f"  {_place(frame.filename)}, line {frame.lineno}, in {frame.name}"
            for frame in traceback.extract_tb(raised.__traceback__)
        )
        raised = raised.__cause__ or raised.__context__


def _words_of_command(arguments: Sequence[str], root: click.Group) -> Iterator[str]:
    """The names of the command and of the options that were given, and none of their values."""
    command: click.Command = root
    options: set[str] = set()
    for argument in arguments:
        if isinstance(command, click.Group) and argument in command.commands:
            command = command.commands[argument]
            options = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
            yield argument
        elif (name := argument.split("=", 1)[0]) in options and name.startswith("-"):
            yield name


def _place(file: str) -> str:
    """A file of code without the folders above its library, which may bear somebody's name."""
    parts = Path(file).parts
    for above in ("site-packages", "dist-packages", _PACKAGE.parent.name):
        if above in parts:
            return Path(*parts[parts.index(above) + 1 :]).as_posix()
    return Path(file).name
