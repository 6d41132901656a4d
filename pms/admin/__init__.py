"""The support desk's first pages: Django's admin over all models, for looking only, without secrets or patient data.

Django imports this package; each module of it registers the pages of one area.
"""

# Their registrations are replaced below, so they come first, whatever the order of INSTALLED_APPS.
import allauth.account.admin
import allauth.mfa.admin
import allauth.usersessions.admin  # noqa: F401
import auditlog.admin  # noqa: F401
import django.contrib.auth.admin  # noqa: F401
from django.contrib import admin
from django.contrib.auth.models import Group

from pms.admin import accounts, bookings, calls, evidence, integrations, rules, sign_in  # noqa: F401  # they register their pages

# Roles are memberships; groups would be a second answer to the same question.
admin.site.unregister(Group)

admin.site.site_header = "Parlae support"
admin.site.site_title = "Parlae support"
admin.site.index_title = "For looking only. All times are UTC."
admin.site.site_url = None  # support has no practice's dashboard to go to
