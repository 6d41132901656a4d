"""One file per noun: columns, constraints and querysets; no logic."""

from pms.models.appointment_type import AppointmentType, BookingMode, ForPatients
from pms.models.audit import AuditPhase, ChainHead, PmsAuditLog, SecurityEvent
from pms.models.booking import BLOCKING, Booking, BookingState
from pms.models.cache import PmsCachedData
from pms.models.call import Call, SlotOffer, ToolCall, ToolCallState, Verification
from pms.models.counter import RateCounter
from pms.models.credential import Credential, CredentialKind, Scope, SigningScheme
from pms.models.duty import Duty, DutyKind
from pms.models.integration import ConnectionStatus, PmsIntegration, PmsToken, Provider
from pms.models.office_proof import OfficeProof
from pms.models.provisioning import Provisioning, ProvisioningState
from pms.models.rules import Blockout, ScheduledKind, SpecialDay, WeeklyHours
from pms.models.setup import CheckState, Setup
from pms.models.task import Resolution, Task, TaskNote, TaskState
from pms.models.test_call import TestCall, TestCallState
from pms.models.voice_line import VoiceLine
from pms.models.write_back import OPEN_WRITES, Operation, WriteBack, WriteBackState

__all__ = [
    "BLOCKING",
    "OPEN_WRITES",
    "AppointmentType",
    "AuditPhase",
    "Blockout",
    "Booking",
    "BookingMode",
    "BookingState",
    "Call",
    "ChainHead",
    "CheckState",
    "ConnectionStatus",
    "Credential",
    "CredentialKind",
    "Duty",
    "DutyKind",
    "ForPatients",
    "OfficeProof",
    "Operation",
    "PmsAuditLog",
    "PmsCachedData",
    "PmsIntegration",
    "PmsToken",
    "Provider",
    "Provisioning",
    "ProvisioningState",
    "RateCounter",
    "Resolution",
    "ScheduledKind",
    "Scope",
    "SecurityEvent",
    "Setup",
    "SigningScheme",
    "SlotOffer",
    "SpecialDay",
    "Task",
    "TaskNote",
    "TaskState",
    "TestCall",
    "TestCallState",
    "ToolCall",
    "ToolCallState",
    "Verification",
    "VoiceLine",
    "WeeklyHours",
    "WriteBack",
    "WriteBackState",
]
