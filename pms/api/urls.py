"""``/api/pms/*``, without trailing slashes. A Vapi envelope POSTed to a tool's address is answered as one."""

from django.urls import URLPattern, path

from pms.api import patients, rules, setup, views
from pms.api.base import PmsView, or_envelope
from pms.vapi.webhook import webhook


def _tool(route: str, view: type[PmsView], name: str) -> URLPattern:
    return path(route, or_envelope(view.as_view()), name=name)


urlpatterns = [
    path("setup", setup.SetupView.as_view(), name="connection-setup"),
    path("status", setup.StatusView.as_view(), name="connection-status"),
    path("test-connection", setup.ConnectionTestView.as_view(), name="connection-test"),
    path("rules", rules.RulesView.as_view(), name="rules"),
    path("openings", rules.OpeningsView.as_view(), name="openings"),
    _tool("appointments/availability", views.AvailabilityView, "availability"),
    _tool("appointments", views.AppointmentsView, "appointments"),
    _tool("appointments/<str:appointment_id>", views.AppointmentView, "appointment"),
    _tool("patients/search", patients.PatientSearchView, "patient-search"),
    _tool("patients", patients.PatientsView, "patients"),
    _tool("patients/<str:patient_id>", patients.PatientView, "patient"),
    _tool("patients/<str:patient_id>/notes", patients.NotesView, "patient-notes"),
    _tool("patients/<str:patient_id>/insurance", patients.InsuranceView, "patient-insurance"),
    _tool("patients/<str:patient_id>/balance", patients.BalanceView, "patient-balance"),
    _tool("payments", patients.PaymentsView, "payments"),
    _tool("messages", views.MessagesView, "messages"),
    _tool("writes/<str:write_id>", views.WriteView, "write"),
    path("vapi/webhook", webhook, name="vapi-webhook"),
]
