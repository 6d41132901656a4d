"""Addresses of the setup."""

from django.urls import path

from pms.wizard.access import CredentialsView, ProgressView, SystemView, TestView
from pms.wizard.agent import AgentView
from pms.wizard.base import StartView
from pms.wizard.by_hand import ByHandView, IdsView, SecretView
from pms.wizard.guides import guide
from pms.wizard.proving import ProveView
from pms.wizard.ready import AskCallView, CallView, ConfirmView, LineView, NumberView, ReadyView

urlpatterns = [
    path("", StartView.as_view(), name="setup"),
    path("system/", SystemView.as_view(), name="setup_system"),
    path("credentials/", CredentialsView.as_view(), name="setup_credentials"),
    path("test/", TestView.as_view(), name="setup_test"),
    path("test/code/", ProveView.as_view(), name="setup_prove"),
    path("test/progress/", ProgressView.as_view(), name="setup_progress"),
    path("features/", AgentView.as_view(), name="setup_features"),
    path("done/", ReadyView.as_view(), name="setup_done"),
    path("done/line/", LineView.as_view(), name="setup_line"),
    path("done/number/", NumberView.as_view(), name="setup_number"),
    path("done/by-hand/", ByHandView.as_view(), name="setup_by_hand"),
    path("done/by-hand/secret/", SecretView.as_view(), name="setup_secret"),
    path("done/by-hand/ids/", IdsView.as_view(), name="setup_ids"),
    path("done/call/", CallView.as_view(), name="setup_call"),
    path("done/call/new/", AskCallView.as_view(), name="setup_call_ask"),
    path("done/confirm/", ConfirmView.as_view(), name="setup_confirm"),
    path("guides/<slug:slug>/", guide, name="guide"),
]
