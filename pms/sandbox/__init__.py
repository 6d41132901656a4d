"""A Sikka that can be called: a server that speaks Sikka ONE API v4 over fictional practices. See README.md here.

It shares no code with the adapter in pms.providers, so that one checks the other.
"""

from .server import Sandbox

__all__ = ["Sandbox"]
