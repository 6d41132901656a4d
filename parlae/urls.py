"""Every address of Parlae."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from pms.api.errors import address_unknown
from pms.api.health import healthz, readyz

urlpatterns = [
    path("api/pms/", include("pms.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/", address_unknown, name="api-address-unknown"),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
