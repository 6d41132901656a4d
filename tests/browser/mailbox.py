"""The mail that Parlae has sent, read from the folder that it writes to."""

from __future__ import annotations

import email
import email.policy
import re
import time
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

_SECONDS = 10.0
_BETWEEN = re.compile(rb"^-{79}\r?$", re.MULTILINE)
_CODE = re.compile(r"^\s*([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})\s*$", re.MULTILINE)
_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Mailbox:
    """Finds the newest message to an address; waits for it up to ten seconds."""

    folder: Path

    def code(self, address: str) -> str:
        """Return the code that stands in a line of its own in the newest message that has one."""
        return self._newest(address, _CODE).group(1)

    def link(self, address: str) -> str:
        """Return the first link of the newest message that has one."""
        return self._newest(address, _LINK).group(0)

    def subjects(self, address: str) -> list[str]:
        """Return the subjects of all messages to an address, the oldest first."""
        return [str(message["Subject"]) for message in self._messages(address)]

    def _newest(self, address: str, wanted: re.Pattern[str]) -> re.Match[str]:
        deadline = time.monotonic() + _SECONDS
        while True:
            for message in reversed(self._messages(address)):
                if found := wanted.search(_text(message)):
                    return found
            if time.monotonic() > deadline:
                raise AssertionError(f"No mail to {address} has what is looked for; it got {self.subjects(address)}.")
            time.sleep(0.05)

    def _messages(self, address: str) -> list[EmailMessage]:
        files = sorted(self.folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
        parts = [part.strip() for path in files for part in _BETWEEN.split(path.read_bytes())]
        read = [email.message_from_bytes(part, policy=email.policy.default) for part in parts if part]
        return [message for message in read if address.lower() in str(message["To"]).lower()]


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    return body.get_content() if isinstance(body, EmailMessage) else ""
