"""The product's settings, with the bare endpoint and its table beside it."""

from parlae.settings import *  # noqa: F403
from parlae.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.bench"]
ROOT_URLCONF = "tests.bench.urls"
