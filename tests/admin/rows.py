"""A practice with one row of every model, full of what no page may show."""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from typing import Any

from auditlog.models import LogEntry
from django.db.models import Model
from django.utils import timezone

from accounts.models import Account, BaaAcceptance, Invitation, Membership, User
from accounts.roles import Role
from pms import vault
from pms.models import (
    AppointmentType,
    AuditPhase,
    Blockout,
    Booking,
    Call,
    ChainHead,
    Credential,
    CredentialKind,
    Duty,
    DutyKind,
    OfficeProof,
    PmsAuditLog,
    PmsCachedData,
    PmsIntegration,
    PmsToken,
    Provider,
    Provisioning,
    RateCounter,
    Resolution,
    ScheduledKind,
    SecurityEvent,
    Setup,
    SlotOffer,
    SpecialDay,
    Task,
    TaskNote,
    TestCall,
    ToolCall,
    Verification,
    VoiceLine,
    WeeklyHours,
    WriteBack,
)

# Every secret and every word about a patient below starts with this.
CANARY = "CANARY"
PATIENT = f"{CANARY}-PATIENT-7731"
# Stands in every name that a person or a request can choose.
HOSTILE = "<script>alert('x')</script>"


def sealed(what: str) -> bytes:
    """Return a sealed canary."""
    return vault.seal({"name": f"{CANARY}-{what}"}, f"tests:{what}")


def digest() -> str:
    """Return what looks like a digest of something secret, and can be told from all others."""
    return secrets.token_hex(32)


def practice() -> dict[type[Model], Model]:
    """Create a practice and return its row of each model."""
    unique = secrets.token_hex(6)
    now = timezone.now()
    rows: dict[type[Model], Model] = {}

    def keep(model: type[Any], **values: Any) -> Any:
        row = rows[model] = model.objects.create(**values)
        return row

    account = keep(Account, name=f"Alder {unique} {HOSTILE}", time_zone="America/New_York")
    user = rows[User] = User.objects.create_user(f"{CANARY}-before-{unique}@clinic.example", name=HOSTILE)
    # The history of settings now knows both addresses.
    user.email = f"staff-{unique}@clinic.example"
    user.password = f"scrypt${CANARY}"
    user.save()
    rows[LogEntry] = LogEntry.objects.get_for_object(user).latest()
    keep(Membership, user=user, account=account, role=Role.STAFF)
    keep(
        Invitation,
        account=account,
        email=f"invited-{unique}@clinic.example",
        role=Role.ADMIN,
        token_digest=digest(),
        invited_by=user,
        expires_at=now,
    )
    keep(
        BaaAcceptance,
        account=account,
        version="2026-11",
        text_sha256=digest(),
        user=user,
        signer_name=HOSTILE,
        signer_title=HOSTILE,
        has_authority=True,
        user_agent=HOSTILE,
    )
    integration = keep(
        PmsIntegration,
        account=account,
        provider=Provider.SIKKA,
        provider_name=HOSTILE,
        status="ACTIVE",
        last_error=f"The vendor said: {CANARY}",
        credentials=sealed("credentials"),
        config={"stepMinutes": 30, "timezone": HOSTILE, "secretKey": f"{CANARY}-key"},
        features={"booking": True, "other": f"{CANARY}-feature"},
        metadata={"pmsName": HOSTILE, "capabilities": ["READ_SCHEDULE"], "owner": f"{CANARY}-owner"},
    )
    keep(
        Setup,
        account=account,
        provider=Provider.SIKKA,
        draft=sealed("draft"),
        location=f"{CANARY}-location",
        locations={"1": f"{CANARY}-location"},
        check_state="FAILED",
        steps=[{"name": f"{CANARY}-step", "state": "failed", "detail": f"{CANARY}-detail"}],
        error_code=f"{CANARY} said no",
        asked_by=user,
        asked_at=now,
        changed_by=user,
        changed_at=now,
    )
    keep(
        OfficeProof,
        account=account,
        practice_digest=digest(),
        code_digest=digest(),
        sent_to="f•••@clinic.example",
        asked_at=now,
        sent_at=now,
        attempts=2,
        proven_at=now,
        proven_by=user,
    )
    keep(PmsToken, integration=integration, sealed=sealed("token"), version=3)
    keep(
        PmsCachedData,
        pms_integration=integration,
        cache_key=f"patients:{digest()}",
        cache_type="patients",
        data=sealed("cached"),
        expires_at=now,
    )
    keep(Duty, integration=integration, kind=DutyKind.SYNC, attempts=2, last_error=f"{CANARY} broke", parked_at=now)
    line = keep(
        VoiceLine,
        account=account,
        label=HOSTILE,
        phone_number=f"+1212{secrets.randbelow(10**7):07}",
        vapi_assistant_id=str(uuid.uuid4()),
    )
    keep(
        Provisioning,
        line=line,
        state="FAILED",
        tool_ids={f"{CANARY}-tool": str(uuid.uuid4())},
        vapi_credential_id=str(uuid.uuid4()),
        credential_digest=digest(),
        number_wish={"number": f"{CANARY}-number"},
        error_code=f"{CANARY} Vapi said",
    )
    keep(
        Credential,
        account=account,
        line=line,
        kind=CredentialKind.VOICE,
        label=HOSTILE,
        schemes=["bearer"],
        scopes=[HOSTILE],
        secrets=sealed("secrets"),
        created_by=user,
    )
    kind = keep(
        AppointmentType,
        account=account,
        name=f"Cleaning {HOSTILE}",
        aliases=[HOSTILE],
        duration_minutes=60,
        resources=[],
    )
    room = {"account": account, "kind": ScheduledKind.OPERATORY, "resource_id": HOSTILE}
    keep(WeeklyHours, **room, hours={"1": [["08:00", "12:00"]]})
    keep(SpecialDay, **room, day=now.date(), windows=[["09:00", "10:00"]], label=f"{CANARY} Maria's day")
    keep(Blockout, **room, starts_at=now, ends_at=now + timedelta(hours=1), label=f"{CANARY} with Maria")
    call = keep(
        Call,
        account=account,
        line=line,
        vapi_call_id=str(uuid.uuid4()),
        caller_number=sealed("caller"),
        caller_digest=digest(),
        started_at=now,
        last_seen_at=now,
        ended_reason=f"{CANARY} Maria hung up",
        outcome=f"{CANARY} said Maria",
    )
    keep(
        ToolCall,
        account=account,
        call=call,
        tool_call_id=f"toolu_{unique}",
        tool="findPatient",
        arguments_digest=digest(),
        arguments=sealed("arguments"),
        answer=sealed("answer"),
        outcome="not_verified",
        lease_until=now,
    )
    keep(
        TestCall,
        account=account,
        line=line,
        call=call,
        state="FAILED",
        patient=sealed("test-patient"),
        lines=sealed("test-lines"),
        error_code=f"{CANARY} Maria was not found",
        asked_by=user,
        asked_at=now,
    )
    keep(
        SlotOffer,
        call=call,
        code="K4",
        appointment_type=kind,
        starts_at=now,
        duration_minutes=60,
        clinician_id=HOSTILE,
        operatory_id="Op 1",
        expires_at=now,
    )
    keep(
        Verification,
        account=account,
        call=call,
        succeeded=True,
        patient_id=PATIENT,
        guarantor_id=f"{CANARY}-GUARANTOR-7732",
        is_minor=True,
        subject_digest=digest(),
    )
    booking = keep(
        Booking,
        account=account,
        integration=integration,
        call=call,
        idempotency_key=f"{CANARY}-{unique}",
        confirmation_number=unique.upper(),
        state="FAILED",
        failure=f"{CANARY} no room for Maria",
        patient_id=PATIENT,
        appointment_type=kind,
        clinician_id="DR1",
        clinician_name=f"{CANARY}-clinician",
        operatory_id=HOSTILE,
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        busy_from=now,
        busy_to=now + timedelta(hours=1),
        hold_expires_at=now,
        note=sealed("note"),
        pms_appointment_id=f"{CANARY}-appointment",
    )
    access = uuid.uuid4()
    keep(
        WriteBack,
        account=account,
        integration=integration,
        booking=booking,
        operation="bookAppointment",
        payload=sealed("payload"),
        reference=f"wb-{unique}",
        record_id=PATIENT,
        failure="slot_taken",
        access_id=access,
        sent_at=now,
    )
    task = keep(
        Task,
        account=account,
        kind="verification_locked",
        detail=sealed("task"),
        call=call,
        booking=booking,
        patient_id=PATIENT,
        number=unique[:6].upper(),
        request_key=f"{CANARY}-request-{unique}",
        assigned_to=user,
        resolution=Resolution.APPROVED,
        resolved_by=user,
    )
    keep(TaskNote, task=task, author=user, text=sealed("task-note"))
    keep(
        PmsAuditLog,
        pms_integration=integration,
        action="findPatient",
        endpoint="tool:findPatient",
        method="POST",
        vapi_call_id=call.vapi_call_id,
        user_agent=HOSTILE,
        request_summary=f'{{"name": "{CANARY}-summary"}}',
        phi_accessed=True,
        patient_id=PATIENT,
        error_message=f"{CANARY} was refused",
        created_at=now,
        account_id=account.pk,
        actor=HOSTILE,
        phase=AuditPhase.READ,
        access_id=access,
        seq=1,
        prev_hash=digest(),
        hash=digest(),
    )
    keep(
        SecurityEvent,
        account_id=account.pk,
        kind="webhook.refused",
        actor="anonymous",
        user_agent=HOSTILE,
        detail={"said": f"{CANARY}-detail"},
        created_at=now,
        chain=f"security_events:{account.pk}",
        seq=1,
        prev_hash=digest(),
        hash=digest(),
    )
    keep(ChainHead, key=f"pms_audit_logs:{account.pk}", seq=1, hash=digest())
    keep(RateCounter, key=f":1:rl:{digest()}", value=4, expires_at=now.timestamp())
    return rows
