"""A Vapi that can be set up: tools, assistants, phone numbers and credentials, as its management API has them.

It is built from the vendor's published OpenAPI document and SDK, and has never been compared with the real one. It
places no calls.
"""

from .org import API_KEY, PUBLIC_KEY, Org
from .routes import PREFIX, broken, dispatch

__all__ = ["API_KEY", "PREFIX", "PUBLIC_KEY", "Org", "broken", "dispatch"]
