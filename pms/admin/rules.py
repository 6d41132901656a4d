"""What a practice says about its appointments and its time; what staff call a day or a blocked time is theirs."""

from __future__ import annotations

from django.contrib import admin

from pms.admin.base import ReadOnlyAdmin
from pms.models import AppointmentType, Blockout, SpecialDay, WeeklyHours


@admin.register(AppointmentType)
class AppointmentTypeAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "account",
        "name",
        "aliases",
        "pms_value",
        "duration_minutes",
        "buffer_before_minutes",
        "buffer_after_minutes",
        "resources",
        "mode",
        "for_patients",
        "is_active",
        "position",
    )
    list_display = ("name", "account", "duration_minutes", "mode", "for_patients", "is_active")
    list_filter = ("mode", "for_patients", "is_active")
    search_fields = ("account__name",)
    ordering = ("account", "position")


@admin.register(WeeklyHours)
class WeeklyHoursAdmin(ReadOnlyAdmin):
    fields = ("id", "account", "kind", "resource_id", "hours")
    list_display = ("account", "kind", "resource_id", "hours")
    list_filter = ("kind",)
    search_fields = ("account__name",)
    ordering = ("account", "kind", "resource_id")


@admin.register(SpecialDay)
class SpecialDayAdmin(ReadOnlyAdmin):
    fields = ("id", "account", "kind", "resource_id", "day", "windows")
    list_display = ("day", "account", "kind", "resource_id", "windows")
    list_filter = ("kind", "day")
    search_fields = ("account__name",)
    ordering = ("-day",)


@admin.register(Blockout)
class BlockoutAdmin(ReadOnlyAdmin):
    fields = ("id", "account", "kind", "resource_id", "starts_at", "ends_at")
    list_display = ("starts_at", "ends_at", "account", "kind", "resource_id")
    list_filter = ("kind", "starts_at")
    search_fields = ("account__name",)
    ordering = ("-starts_at",)
