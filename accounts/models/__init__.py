"""One file per noun."""

from accounts.models.account import Account
from accounts.models.baa import BaaAcceptance
from accounts.models.invitation import Invitation
from accounts.models.membership import Membership
from accounts.models.user import User

__all__ = ["Account", "BaaAcceptance", "Invitation", "Membership", "User"]
