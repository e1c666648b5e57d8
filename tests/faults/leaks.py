"""Looks for a secret in whatever a run left behind, however it was written down."""

import base64
import gzip
import html
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote_to_bytes

import pyarrow.parquet as pq

from nightshift.io.warehouse.engine import Warehouse


def list_forms(secret: str) -> set[bytes]:
    """The secret as it is, in a URL, in JSON, in hex, and in base64 wherever it begins in a longer text."""
    plain = secret.encode()
    texts = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), plain.hex(), plain.hex().upper()}
    # As Python, JSON and HTML quote it.
    texts |= {repr(secret)[1:-1], json.dumps(secret)[1:-1], html.escape(secret), html.escape(secret, quote=False)}
    forms = {text.encode() for text in texts}
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Whole groups of three bytes only: those at the edges depend on the neighbours.
            skipped = (3 - offset) % 3
            whole = plain[skipped : skipped + (len(plain) - skipped) // 3 * 3]
            forms.add(encode(whole))
    return forms


def unfold(content: bytes) -> Iterator[bytes]:
    """The bytes, and what is packed in them: gzip, zip (skops), Parquet."""
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield from unfold(gzip.decompress(content))
    elif content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from unfold(archive.read(name))
    elif content.startswith(b"PAR1"):
        table = pq.read_table(io.BytesIO(content))
        yield str(table.schema.metadata).encode()
        yield table.to_pandas().to_csv().encode()


def spell_out(content: bytes) -> Iterator[bytes]:
    """What is in it, and the same without the quoting of URLs, where every library keeps other characters."""
    for part in unfold(content):
        yield part
        if b"%" in part:
            yield unquote_to_bytes(part)


def find_leaks(secrets: set[str], contents: dict[str, bytes]) -> list[str]:
    """The names of those contents that hold one of the secrets."""
    forms = {form for secret in secrets for form in list_forms(secret)}
    return [
        name for name, content in contents.items() if any(form in text for text in spell_out(content) for form in forms)
    ]


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file below the folder, and its name."""
    files = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {**files, "the names of the files": "\n".join(files).encode()}


def read_database(warehouse: Warehouse) -> dict[str, bytes]:
    """Every row of every table as text."""
    found: dict[str, bytes] = {}
    query = (
        "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace::regnamespace::text !~ '^pg_'"
    )
    with warehouse.begin() as connection:
        for name in connection.exec_driver_sql(query).scalars().all():
            output = io.BytesIO()
            connection.connection.cursor().copy_expert(f"copy {name} to stdout", output)
            found[f"table {name}"] = output.getvalue()
    return found
