"""An alert, or its recovery, as the people and programs who are told read it."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from nightshift.core.text.markdown import LINK_LIKE

State = Literal["open", "recovered"]


@dataclass(frozen=True)
class Message:
    """What is told of one alert; `at` is when it opened or recovered, `recovery` why it is no more."""

    id: int
    pipeline: str
    kind: str
    subject: str
    state: State
    at: datetime
    what: str
    why: str
    todo: str
    link: str
    recovery: str = ""

    @property
    def title(self) -> str:
        """One line. Whatever the subject holds, a mail's header can't end in it."""
        head = "Recovered: " if self.state == "recovered" else ""
        return " ".join(f"{head}{self.pipeline}: {self.kind.replace('_', ' ')} ({self.subject})".split())

    @property
    def sentences(self) -> Sequence[tuple[str, str]]:
        """Heading and text, in the order in which they are read."""
        if self.state == "recovered":
            return ("Now", self.recovery), ("What it was", self.what)
        return ("What", self.what), ("Why", self.why), ("To do", self.todo)


def make_payload(message: Message) -> dict[str, Any]:
    """JSON for a webhook; `id` and `state` together tell a message that comes twice."""
    names = ("id", "pipeline", "kind", "subject", "state", "title", "what", "why", "todo", "recovery", "link")
    return {**{name: getattr(message, name) for name in names}, "at": message.at.isoformat()}


def write_slack(message: Message) -> str:
    """Slack's mrkdwn, which others read as well. Values are escaped, so data mention nobody and link nowhere."""
    lines = [f"*{escape_slack(message.title)}*"]
    lines += [f"*{heading}:* {escape_slack(text)}" for heading, text in message.sentences]
    return "\n".join([*lines, f"<{message.link}|Open in Airflow>"])


def escape_slack(text: str) -> str:
    """The three characters that Slack reads as markup, and what it would turn into a link."""
    for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, escaped)
    return LINK_LIKE.sub("\u200b", text)


def write_html(message: Message) -> str:
    """The body of a mail."""
    parts = [f"<h3>{html.escape(message.title)}</h3>"]
    parts += [f"<p><b>{heading}:</b> {html.escape(text)}</p>" for heading, text in message.sentences]
    return "\n".join([*parts, f'<p><a href="{html.escape(message.link)}">Open in Airflow</a></p>'])
