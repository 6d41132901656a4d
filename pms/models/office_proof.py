"""That somebody of an account reaches a practice: shown by a code from the practice's own mailbox."""

from __future__ import annotations

import uuid

from django.contrib.auth import get_user_model
from django.db import models


class OfficeProof(models.Model):
    """One account's proof for one practice, or what there is of it so far.

    ``practice_digest`` is as in ``PmsIntegration``. ``code_digest`` is a keyed digest of the code that counts, empty if
    none does. ``sent_to`` is the address it was sent to, masked. ``asked_at`` is when a check needed the proof last,
    ``sent_at`` when the code was sent, ``attempts`` how often one was typed since.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="office_proofs")
    practice_digest = models.CharField(max_length=64, editable=False)
    code_digest = models.CharField(max_length=64, blank=True, editable=False)
    sent_to = models.CharField(max_length=260, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    proven_at = models.DateTimeField(null=True, blank=True)
    proven_by = models.ForeignKey(get_user_model(), on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        db_table = "office_proofs"
        constraints = [models.UniqueConstraint(fields=["account", "practice_digest"], name="office_proofs_one_each")]

    def __str__(self) -> str:
        return f"{self.account_id} {'proven' if self.proven_at else 'not proven'}"
