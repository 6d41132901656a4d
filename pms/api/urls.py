"""``/api/pms/*``, without trailing slashes. A Vapi envelope POSTed to any of them is answered as one."""

from django.urls import URLPattern, path

from pms.api import views
from pms.api.base import PmsView, or_envelope
from pms.vapi.webhook import webhook


def _tool(route: str, view: type[PmsView], name: str) -> URLPattern:
    return path(route, or_envelope(view.as_view()), name=name)


urlpatterns = [
    _tool("appointments/availability", views.AvailabilityView, "availability"),
    _tool("appointments", views.AppointmentsView, "appointments"),
    _tool("appointments/<str:appointment_id>", views.AppointmentView, "appointment"),
    _tool("patients", views.PatientsView, "patients"),
    _tool("messages", views.MessagesView, "messages"),
    _tool("writes/<str:write_id>", views.WriteView, "write"),
    path("vapi/webhook", webhook, name="vapi-webhook"),
]
