"""One file per noun: columns, constraints and querysets; no logic."""

from pms.models.appointment_type import AppointmentType, BookingMode
from pms.models.audit import AuditPhase, ChainHead, PmsAuditLog, SecurityEvent
from pms.models.booking import BLOCKING, Booking, BookingState
from pms.models.cache import PmsCachedData
from pms.models.call import Call, SlotOffer, ToolCall, ToolCallState, Verification
from pms.models.counter import RateCounter
from pms.models.credential import Credential, CredentialKind, Scope, SigningScheme
from pms.models.integration import ConnectionStatus, PmsIntegration, PmsToken, Provider
from pms.models.task import Task, TaskState
from pms.models.voice_line import VoiceLine
from pms.models.write_back import OPEN_WRITES, Operation, WriteBack, WriteBackState

__all__ = [
    "BLOCKING",
    "OPEN_WRITES",
    "AppointmentType",
    "AuditPhase",
    "Booking",
    "BookingMode",
    "BookingState",
    "Call",
    "ChainHead",
    "ConnectionStatus",
    "Credential",
    "CredentialKind",
    "Operation",
    "PmsAuditLog",
    "PmsCachedData",
    "PmsIntegration",
    "PmsToken",
    "Provider",
    "RateCounter",
    "Scope",
    "SecurityEvent",
    "SigningScheme",
    "SlotOffer",
    "Task",
    "TaskState",
    "ToolCall",
    "ToolCallState",
    "Verification",
    "VoiceLine",
    "WriteBack",
    "WriteBackState",
]
