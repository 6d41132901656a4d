"""From nothing to a practice whose agreement is accepted."""

from __future__ import annotations

import hashlib

import pytest
from django.core import mail

from accounts import baa
from accounts.models import Account, BaaAcceptance, Membership, User
from tests.accounts.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.django_db


def newcomer(email: str = "ana@alder.example") -> Visitor:
    """Somebody who has signed up and confirmed the address."""
    return Visitor().sign_up(email).confirm()


def with_practice(email: str = "ana@alder.example", name: str = "Alder Dental") -> Visitor:
    """Somebody who has a practice, too."""
    return newcomer(email).send({"name": name, "country": "US", "time_zone": "America/Chicago"})


def test_a_newcomer_signs_up_confirms_makes_a_practice_and_accepts_the_agreement() -> None:
    visitor = Visitor().sign_up("Ana@Alder.example")
    assert visitor.where == "/accounts/confirm-email/"
    assert mail.outbox[0].to == ["ana@alder.example"]
    assert not Account.objects.exists()

    visitor.confirm()
    assert visitor.where == "/accounts/practices/new/"

    visitor.send({"name": "Alder Dental", "country": "US", "time_zone": "America/Chicago"})
    account = Account.objects.get()
    assert (account.name, account.country, account.time_zone) == ("Alder Dental", "US", "America/Chicago")
    assert Membership.objects.get().role == "OWNER"
    assert not baa.is_accepted(account)

    visitor.open("/accounts/agreement/")
    visitor.send({"name": "Ana Petrov", "title": "Owner", "has_authority": "on"})
    assert baa.is_accepted(account)
    record = BaaAcceptance.objects.get()
    assert record.signer_title == "Owner"
    assert record.text_sha256 == hashlib.sha256(baa.current().text.encode()).hexdigest()
    assert record.ip_address == "127.0.0.1"

    visitor.open(f"/accounts/agreement/{record.pk}/")
    assert record.text_sha256 in visitor.text
    assert "Countersignature" in visitor.text
    assert User.objects.get().password.count(PASSWORD) == 0
