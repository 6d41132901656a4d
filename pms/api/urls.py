"""``/api/pms/*``, without trailing slashes."""

from django.urls import path

from pms.api.views import AppointmentsView, AvailabilityView
from pms.vapi.webhook import webhook

urlpatterns = [
    path("appointments/availability", AvailabilityView.as_view(), name="availability"),
    path("appointments", AppointmentsView.as_view(), name="appointments"),
    path("vapi/webhook", webhook, name="vapi-webhook"),
]
