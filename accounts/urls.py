"""Addresses of accounts, beside allauth's own."""

from django.urls import path

from accounts.views import agreement, alive, invitations, practice, practices, profile, sessions, team

urlpatterns = [
    path("alive/", alive.alive, name="session_alive"),
    path("profile/", profile.ProfileView.as_view(), name="profile"),
    path("sessions/", sessions.SessionsView.as_view(), name="sessions"),
    path("practices/", practices.ChooseView.as_view(), name="practice_choose"),
    path("practices/new/", practices.CreateView.as_view(), name="practice_create"),
    path("practice/", practice.PracticeSettingsView.as_view(), name="practice"),
    path("team/", team.TeamView.as_view(), name="team"),
    path("team/invitations/", team.InviteView.as_view(), name="team_invite"),
    path("team/invitations/<uuid:pk>/", team.InvitationView.as_view(), name="team_invitation"),
    path("team/review/", team.ReviewView.as_view(), name="team_review"),
    path("team/<int:pk>/", team.MemberView.as_view(), name="team_member"),
    path("invitations/<str:token>/", invitations.AcceptView.as_view(), name="invitation_accept"),
    path("agreement/", agreement.AgreementView.as_view(), name="agreement"),
    path("agreement/<uuid:pk>/", agreement.RecordView.as_view(), name="agreement_record"),
]
