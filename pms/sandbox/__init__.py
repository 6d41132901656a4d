"""A Sikka that can be called: a server that speaks Sikka ONE API v4 over fictional practices. See README.md here.

Beside it, Vapi's management API (``vapi``). Nothing here shares code with our adapter or client, so that one checks the
other.
"""

from .server import Sandbox

__all__ = ["Sandbox"]
