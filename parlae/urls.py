"""Every address of Parlae."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from pms.api.errors import address_unknown
from pms.api.health import healthz, readyz
from pms.api.reference import reference


@login_not_required
def _sign_in(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    """Have the support desk's people sign in like everybody else; Django's own form knows no second step."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.GET.get("next", "/admin/"))
    if not admin.site.has_permission(request):
        raise PermissionDenied
    return redirect("admin:index")


def _change_password(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    """Have them change a password where it is counted, told by mail and in the evidence."""
    return redirect("account_change_password")


admin.site.login = _sign_in  # type: ignore[method-assign]
admin.site.password_change = _change_password  # type: ignore[assignment, method-assign]

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
