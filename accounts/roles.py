"""Who may do what: one matrix, used by every face."""

from __future__ import annotations

from django.db import models


class Role(models.TextChoices):
    """A person's part in one practice."""

    OWNER = "OWNER", "Owner"
    ADMIN = "ADMIN", "Admin"
    STAFF = "STAFF", "Staff"
    AUDITOR = "AUDITOR", "Auditor"


class Permission(models.TextChoices):
    """What a role may be allowed to do in a practice."""

    MANAGE_PEOPLE = "manage_people", "Invite people and change roles"
    MANAGE_INTEGRATION = "manage_integration", "Connect the practice's system and rotate its credentials"
    MANAGE_RULES = "manage_rules", "Change booking rules"
    SIGN_BAA = "sign_baa", "Accept the business associate agreement"
    READ_STATUS = "read_status", "See the connection's state"
    READ_PATIENT_DATA = "read_patient_data", "See calls, bookings and tasks with patient data"
    WORK_TASKS = "work_tasks", "Work on tasks"
    READ_AUDIT = "read_audit", "Read and export the audit log"


MATRIX: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission) - {Permission.SIGN_BAA, Permission.READ_AUDIT},
    Role.STAFF: frozenset({Permission.READ_STATUS, Permission.READ_PATIENT_DATA, Permission.WORK_TASKS}),
    Role.AUDITOR: frozenset({Permission.READ_STATUS, Permission.READ_AUDIT}),
}


def allows(role: str, permission: Permission) -> bool:
    """Return whether ``role`` has ``permission``; an unknown role has none."""
    return role in Role.values and permission in MATRIX[Role(role)]
