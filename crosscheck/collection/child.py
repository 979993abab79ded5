"""The child process that reads what could take all memory or time: started with limits, given bytes, it gives a table.

It is run as a script, reads the file from its standard input, and writes to its standard output what `bounded` expects.
What is wrong with the file is one line on the standard error, and the exit code `REFUSED`.
"""

from __future__ import annotations

import gc
import io
import json
import sys
import zlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from crosscheck.collection.limits import MEMORY, MOST_CELLS, MOST_INFLATED, SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import polars as pl

REFUSED: Final = 3
_PIECE: Final = 1_000_000  # bytes that are inflated at a time


def main() -> None:
    """Read the file that comes in as what the first argument says."""
    _bound()
    gc.disable()  # what is read lives to the end
    try:
        sys.stdout.buffer.write(_READERS[sys.argv[1]](sys.stdin.buffer.read()))
    except MemoryError:
        _refuse("it needs more memory than is allowed")
    except Exception as error:  # noqa: BLE001  # a damaged file can raise anything
        missing = "a part of it is missing: " if isinstance(error, LookupError | StopIteration) else ""
        _refuse(f"{missing}{error}".strip(" :") or type(error).__name__)
    except BaseException:  # noqa: BLE001  # a library in Rust panics, which is no Exception
        _refuse("it is damaged")


def _refuse(words: str) -> None:
    sys.stderr.write(f"\n{words.splitlines()[0][:500]}")
    sys.stderr.flush()
    sys.exit(REFUSED)


def _bound() -> None:
    """Take no more memory and processor time than is allowed, where the system can see to it."""
    try:
        import resource  # noqa: PLC0415  # not there on every system
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    resource.setrlimit(limit, (MEMORY, MEMORY))


def read_workbook(raw: bytes) -> bytes:
    """Every sheet of an XLSX or ODS workbook: `package.Cells` as JSON."""
    from crosscheck.collection.ods import read_ods  # noqa: PLC0415  # only what is asked for
    from crosscheck.collection.package import Package  # noqa: PLC0415  # as above
    from crosscheck.collection.xlsx import read_xlsx  # noqa: PLC0415  # as above

    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise ValueError("it has a password, or is of a format before 2007")
    package = Package(raw)
    sheets = read_ods(package) if "content.xml" in package else read_xlsx(package)
    return json.dumps([asdict(sheet) if sheet.marks or sheet.notes else vars(sheet) for sheet in sheets]).encode()


def read_parquet(raw: bytes) -> bytes:
    """A Parquet file as an Arrow file, every value as the text that a person would have entered."""
    import polars as pl  # noqa: PLC0415  # the other readers are there at once without it

    scanned = pl.scan_parquet(io.BytesIO(raw))
    schema = scanned.collect_schema()
    rows = int(scanned.select(pl.len()).collect().item())
    if rows * max(len(schema), 1) > MOST_CELLS:
        raise ValueError(f"it holds {rows:,} rows of {len(schema):,} columns, more than is allowed")
    typed = pl.read_parquet(io.BytesIO(raw))
    texts = typed.select(_as_text(name, dtype).alias(name) for name, dtype in typed.schema.items())
    written = io.BytesIO()
    texts.write_ipc(written)
    return written.getvalue()


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    import polars as pl  # noqa: PLC0415  # as above

    if dtype == pl.Boolean:
        return pl.when(name).then(pl.lit("yes")).when(pl.col(name).not_()).then(pl.lit("no"))
    if isinstance(dtype, pl.List):
        return pl.col(name).cast(pl.List(pl.String)).list.join("|")
    if dtype.is_nested():
        raise ValueError(f"a cell of the column {name} holds several values, and one is asked for")
    if isinstance(dtype, pl.Datetime):
        return pl.col(name).dt.to_string("%Y-%m-%d %H:%M:%S").str.strip_suffix(" 00:00:00")
    return pl.col(name).cast(pl.String)


def inflate(raw: bytes) -> bytes:
    """What a gzip file holds; several parts one after another, too."""
    # Counted before anything is kept: a small file that holds too much must not take the memory of all that it holds.
    size = 0
    for piece in _pieces(raw):
        size += len(piece)
        if size > MOST_INFLATED:
            raise ValueError(f"it holds more than the {MOST_INFLATED:,} bytes that are allowed once it is inflated")
    return b"".join(_pieces(raw))


def _pieces(raw: bytes) -> Iterator[bytes]:
    """What a gzip file holds, a little at a time."""
    while raw:
        part, left = zlib.decompressobj(wbits=31), raw
        while not part.eof:
            piece = part.decompress(left, max_length=_PIECE)
            yield piece
            left = part.unconsumed_tail
            # All input may be taken while output still waits: only a piece that is not full says that nothing is left.
            if not part.eof and not left and len(piece) < _PIECE:
                raise ValueError("it ends too early")
        raw = part.unused_data.lstrip(b"\x00")


_READERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "workbook": read_workbook,
    "parquet": read_parquet,
    "gzip": inflate,
}

if __name__ == "__main__":
    main()
