"""Every address of Parlae."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from pms.api.errors import address_unknown
from pms.api.health import healthz, readyz
from pms.api.reference import reference

# The support desk's people sign in like everybody else, with the same second step.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("api/pms/", include("pms.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/schema/view/", reference, name="schema-view"),
    re_path(r"^api/", address_unknown, name="api-address-unknown"),
    path("admin/", admin.site.urls),
    path("setup/", include("pms.wizard.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("", include("pms.dashboard.urls")),
]
