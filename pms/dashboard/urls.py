"""Addresses of the pages of a practice's day."""

from django.urls import path

from pms.dashboard import bookings, calls, home, schedule, settings_page, tasks

urlpatterns = [
    path("", home.HomeView.as_view(), name="home"),
    path("now/", home.NowView.as_view(), name="home_now"),
    path("pause/", home.PauseView.as_view(), name="pause"),
    path("calls/", calls.CallsView.as_view(), name="calls"),
    path("calls/<uuid:pk>/", calls.CallView.as_view(), name="call"),
    path("bookings/", bookings.BookingsView.as_view(), name="bookings"),
    path("bookings/<uuid:pk>/", bookings.BookingView.as_view(), name="booking"),
    path("tasks/", tasks.TasksView.as_view(), name="tasks"),
    path("tasks/<uuid:pk>/", tasks.TaskView.as_view(), name="task"),
    path("schedule/", schedule.ScheduleView.as_view(), name="schedule"),
    path("schedule/day/", schedule.DayView.as_view(), name="schedule_day"),
    path("settings/", settings_page.SettingsView.as_view(), name="settings"),
    path("settings/policies/", settings_page.PoliciesView.as_view(), name="settings_policies"),
    path("settings/days/", settings_page.DaysView.as_view(), name="settings_days"),
    path("settings/blocked/", settings_page.BlockedView.as_view(), name="settings_blocked"),
]
