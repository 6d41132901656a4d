"""The product's addresses, and the bare endpoint."""

from django.urls import include, path

from tests.bench.bare import Bare

urlpatterns = [path("bench/bare", Bare.as_view()), path("", include("parlae.urls"))]
