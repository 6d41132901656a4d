"""Who may open which address: one row for every pattern of the project, by its name. A new one needs a row.

The support desk's own addresses are all alike, and are not listed one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from accounts.roles import Permission as P


class Kind(Enum):
    """Whom an address is for."""

    EVERYBODY = "signed in or not"
    PERSON = "whoever is signed in"
    MEMBER = "members of a practice, by their role"
    SESSION = "REST for members, by their role"
    SIGNED = "servers and Vapi, by signature or token: a session opens nothing"


@dataclass(frozen=True)
class Row:
    """One address. ``permission`` lets roles in, ``None`` every member; ``needs`` is what stands in its address."""

    kind: Kind
    permission: P | None = None
    needs: str = ""


def _members(permission: P | None, *names: str, needs: str = "") -> dict[str, Row]:
    return {name: Row(Kind.MEMBER, permission, needs) for name in names}


def _rows(kind: Kind, *names: str, needs: str = "") -> dict[str, Row]:
    return {name: Row(kind, needs=needs) for name in names}


# The public list is short: whoever adds to it opens something to the world.
PUBLIC = {
    **_rows(
        Kind.EVERYBODY,
        "healthz",
        "readyz",
        "schema",
        "schema-view",
        "api-address-unknown",
        "account_login",
        "account_logout",
        "account_inactive",
        "account_signup",
        "account_email_verification_sent",
        "account_confirm_login_code",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key_done",
        "mfa_authenticate",
        "mfa_login_webauthn",
    ),
    **_rows(Kind.EVERYBODY, "account_reset_password_from_key", needs="reset"),
    **_rows(Kind.EVERYBODY, "invitation_accept", needs="token"),
}
MATRIX: dict[str, Row] = {
    **PUBLIC,
    **_rows(
        Kind.PERSON,
        "session_alive",
        "profile",
        "sessions",
        "usersessions_list",
        "practice_choose",
        "practice_create",
        "account_reauthenticate",
        "account_email",
        "account_change_password",
        "account_set_password",
        "mfa_index",
        "mfa_reauthenticate",
        "mfa_activate_totp",
        "mfa_deactivate_totp",
        "mfa_view_recovery_codes",
        "mfa_generate_recovery_codes",
        "mfa_download_recovery_codes",
        "mfa_list_webauthn",
        "mfa_add_webauthn",
        "mfa_reauthenticate_webauthn",
    ),
    **_rows(Kind.PERSON, "mfa_remove_webauthn", "mfa_edit_webauthn", needs="passkey"),
    **_rows(Kind.PERSON, "guide", needs="guide"),
    # accounts
    **_members(P.MANAGE_PEOPLE, "team", "team_invite", "team_review", "practice"),
    **_members(P.MANAGE_PEOPLE, "team_invitation", needs="invitation"),
    **_members(P.MANAGE_PEOPLE, "team_member", needs="member"),
    **_members(None, "agreement"),
    **_members(None, "agreement_record", needs="record"),
    # the setup
    **_members(
        P.MANAGE_INTEGRATION,
        "setup",
        "setup_system",
        "setup_credentials",
        "setup_test",
        "setup_prove",
        "setup_progress",
        "setup_features",
        "setup_done",
        "setup_line",
        "setup_number",
        "setup_by_hand",
        "setup_ids",
        "setup_secret",
        "setup_call",
        "setup_call_ask",
        "setup_confirm",
    ),
    # the practice's pages
    **_members(P.READ_STATUS, "home", "home_now"),
    **_members(P.MANAGE_RULES, "pause", "settings", "settings_policies", "settings_days", "settings_blocked"),
    **_members(P.READ_PATIENT_DATA, "calls", "bookings", "tasks", "schedule", "schedule_day"),
    **_members(P.READ_PATIENT_DATA, "call", needs="call"),
    **_members(P.READ_PATIENT_DATA, "booking", needs="booking"),
    **_members(P.READ_PATIENT_DATA, "task", needs="task"),
    # REST
    "connection-setup": Row(Kind.SESSION, P.MANAGE_INTEGRATION),
    "connection-test": Row(Kind.SESSION, P.MANAGE_INTEGRATION),
    "connection-status": Row(Kind.SESSION, P.READ_STATUS),
    "rules": Row(Kind.SESSION, P.READ_STATUS),
    "openings": Row(Kind.SESSION, P.READ_STATUS),
    **_rows(
        Kind.SIGNED,
        "availability",
        "appointments",
        "patient-search",
        "patients",
        "payments",
        "messages",
        "vapi-webhook",
    ),
    **_rows(
        Kind.SIGNED,
        "appointment",
        "patient",
        "patient-notes",
        "patient-insurance",
        "patient-balance",
        "write",
        needs="id",
    ),
}
