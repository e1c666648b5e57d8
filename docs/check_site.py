"""Refuses a built site that loads anything from elsewhere: `python docs/check_site.py FOLDER`; 1 where it does."""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ELSEWHERE = re.compile(r"^(https?:)?//")
IN_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)")


class _Loads(HTMLParser):
    """Collects the addresses that a page makes a browser fetch; a link to click (`<a>`) is none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loaded = {"src", "srcset", "href"} if tag in ("link", "use") else {"src", "srcset"}
        self.addresses += [value for name, value in attrs if name in loaded and value and ELSEWHERE.match(value)]


def find_loads(text: str, suffix: str) -> list[str]:
    """The addresses elsewhere that a page or style sheet loads."""
    if suffix == ".css":
        return IN_CSS.findall(text)
    page = _Loads()
    page.feed(text)
    return page.addresses + IN_CSS.findall(text)


def check_site(folder: Path) -> Iterator[str]:
    """A sentence for each file that loads something from elsewhere, or that the folder has no page."""
    files = [file for file in sorted(folder.rglob("*")) if file.suffix in (".html", ".css", ".svg")]
    if not any(file.suffix == ".html" for file in files):
        yield f"{folder} has no page; build it with `make docs`."
    for file in files:
        for address in find_loads(file.read_text(encoding="utf-8"), file.suffix):
            yield f"{file} loads {address}; keep a copy below docs/ instead."


def main(arguments: list[str]) -> int:
    """Print what was found; 1 where there is anything."""
    problems = list(check_site(Path(arguments[0])))
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
