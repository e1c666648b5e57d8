"""One file over HTTP, streamed to disk."""

from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from nightshift.config.airflow.connections import ConnectionSpec
from nightshift.errors import DataUnavailable, TemporarilyUnavailable
from nightshift.io.sources.formats.unreadable import show_name

TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of the body
CHUNK = 1 << 20
# An address that can't be asked for stays so.
WRONG = (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, requests.TooManyRedirects)
PASSING = (408, 429, 500, 502, 503, 504)
RETRY = Retry(total=3, backoff_factor=0.5, status_forcelist=PASSING, raise_on_status=False)


def download_url(url: str, shown: str, path: Path, connection: ConnectionSpec | None) -> None:
    """Copy what `url` gives into `path`; errors name `shown`.

    TemporarilyUnavailable where the server is in trouble or the file does not come whole, DataUnavailable where the
    server has nothing under that name.
    """
    try:
        with _open_session(connection) as session, session.get(url, stream=True, timeout=TIMEOUT) as response:
            if not response.ok:
                answer = f"{response.status_code} {response.reason}"
                kind = TemporarilyUnavailable if response.status_code in PASSING else DataUnavailable
                raise kind(f"{show_name(shown)}: the server answered {answer}")
            # A server may mark a .gz file as compressed in transit; its bytes must arrive as they are.
            encoded = not shown.endswith(".gz")
            with path.open("wb") as file:
                for chunk in response.raw.stream(CHUNK, decode_content=encoded):
                    file.write(chunk)
    except (requests.RequestException, HTTPError) as error:
        problem = f"{show_name(shown)}: could not be downloaded whole ({_find_reason(error)})"
        raise (DataUnavailable if isinstance(error, WRONG) else TemporarilyUnavailable)(problem) from error


def _open_session(connection: ConnectionSpec | None) -> requests.Session:
    session = requests.Session()
    session.headers["Accept-Encoding"] = "identity"
    if connection and connection.login:
        session.auth = (connection.login, connection.password or "")
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=RETRY))
    return session


def _find_reason(error: Exception) -> str:
    """What went wrong, without the URL, which may carry a token."""
    inner = next((part for part in error.args if isinstance(part, Exception)), error)
    return type(getattr(inner, "reason", None) or inner).__name__
