"""People and practices."""

from __future__ import annotations

from django.contrib import admin

from accounts.models import Account, BaaAcceptance, Invitation, Membership, User
from pms.admin.base import ReadOnlyAdmin


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    fields = ("id", "name", "time_zone", "country", "is_active", "is_paused", "keeps_days", "created_at", "updated_at")
    list_display = ("name", "time_zone", "country", "is_active", "is_paused", "created_at")
    list_filter = ("is_active", "is_paused")
    search_fields = ("name",)
    ordering = ("name",)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    fields = ("id", "email", "name", "is_active", "is_staff", "is_superuser", "last_login", "created_at")
    list_display = ("email", "name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("memberships__account__name",)
    ordering = ("email",)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    fields = ("id", "user", "account", "role", "is_active", "created_at")
    list_display = ("user", "account", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("account__name",)
    ordering = ("-created_at",)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "account",
        "email",
        "role",
        "invited_by",
        "created_at",
        "expires_at",
        "accepted_at",
        "revoked_at",
    )
    list_display = ("email", "account", "role", "created_at", "expires_at", "accepted_at", "revoked_at")
    list_filter = ("role",)
    search_fields = ("account__name",)
    ordering = ("-created_at",)


@admin.register(BaaAcceptance)
class BaaAcceptanceAdmin(ReadOnlyAdmin):
    fields = (
        "id",
        "account",
        "version",
        "user",
        "signer_name",
        "signer_title",
        "has_authority",
        "ip_address",
        "user_agent",
        "accepted_at",
    )
    list_display = ("account", "version", "signer_name", "signer_title", "accepted_at")
    search_fields = ("account__name",)
    ordering = ("-accepted_at",)
