"""All settings, from the environment alone; ``.env.example`` explains every variable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from parlae.environment import encryption_keys, env, required_secret, secret
from parlae.logging import configure as configure_logging

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_env(BASE_DIR / ".env", overwrite=False)

# What this installation makes itself. WhiteNoise warns about a folder that does not exist yet.
VAR = BASE_DIR / "var"
(VAR / "static").mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = required_secret("SECRET_KEY")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"] if DEBUG else [])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL.startswith("https://") else []

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "rest_framework",
    "drf_spectacular",
    "django_ratelimit",
    "auditlog",
    "accounts.apps.AccountsConfig",
    "pms.apps.PmsConfig",
]

MIDDLEWARE = [
    "parlae.middleware.RequestIdMiddleware",
    "parlae.middleware.SecureTransportMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "parlae.urls"
WSGI_APPLICATION = "parlae.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Database

_SQLITE_OPTIONS: dict[str, Any] = {
    # IMMEDIATE takes the write lock at BEGIN: no "database is locked" from a stale snapshot.
    "transaction_mode": "IMMEDIATE",
    "timeout": 5,  # a caller waits
    # FULL, because audit rows must survive a power cut.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
}

_POSTGRES_OPTIONS: dict[str, Any] = {
    "connect_timeout": 2,
    # A lock that somebody keeps must not keep a caller waiting.
    "options": "-c lock_timeout=2000 -c idle_in_transaction_session_timeout=10000",
    # Statements that come again are planned once per connection: planning is most of their cost on the server.
    "server_side_binding": True,
    "prepare_threshold": 5,
}

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db_url_config(secret("DATABASE_URL", f"sqlite:///{VAR / 'parlae.sqlite3'}"))
}
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = _SQLITE_OPTIONS
else:
    DATABASES["default"].setdefault("OPTIONS", {}).update(_POSTGRES_OPTIONS)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Cache. Limits count in their own alias, because most cache backends do not increment atomically.

CACHE_URL = secret("CACHE_URL")
_SHARED_CACHE = env.cache_url_config(CACHE_URL) if CACHE_URL else None
CACHES: dict[str, dict[str, Any]] = {
    "default": _SHARED_CACHE or {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "limits": _SHARED_CACHE or {"BACKEND": "pms.services.counters.SqlCounterCache"},
}
RATELIMIT_USE_CACHE = "limits"
SILENCED_SYSTEM_CHECKS = [
    "django_ratelimit.W001"
]  # Django's Redis backend works; tests/services/test_limits.py proves it

# Jobs

JOBS_URL = secret("JOBS_URL")

# People

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"

# Mail

vars().update(env.email_url_config(secret("EMAIL_URL", "consolemail://")))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Parlae <no-reply@localhost>")
EMAIL_TIMEOUT = 3  # seconds for each step of a mail server; somebody may wait for the answer

# Time and language

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True

# Static files

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}

# Keys

ENCRYPTION_KEYS = encryption_keys("ENCRYPTION_KEYS")
AUDIT_KEY = required_secret("AUDIT_KEY")
METRICS_TOKEN = secret("METRICS_TOKEN")

# The door

TRUSTED_PROXIES: list[str] = env.list("TRUSTED_PROXIES", default=[])
VAPI_WEBHOOK_SECRETS: list[str] = [part.strip() for part in secret("VAPI_WEBHOOK_SECRET").split(",") if part.strip()]
VAPI_WEBHOOK_SCHEMES: list[str] = env.list("VAPI_WEBHOOK_SCHEMES", default=["timestamp_body"])
VAPI_REQUIRE_TIMESTAMP = env.bool("VAPI_REQUIRE_TIMESTAMP", default=not DEBUG)
VAPI_SECRET_IS_SYSTEM = env.bool("VAPI_SECRET_IS_SYSTEM", default=DEBUG)
VAPI_API_KEY = secret("VAPI_API_KEY")
VAPI_BASE_URL = env.str("VAPI_BASE_URL", default="https://api.vapi.ai")
TOOL_BUDGET_SECONDS = env.float("TOOL_BUDGET_SECONDS", default=8.0)
WEB_THREADS: int = env.int("WEB_THREADS", default=16)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# Vendors. ``baseUrl`` and platform credentials reach an adapter through its connection's configuration.

PMS_PROVIDER_DEFAULTS: dict[str, dict[str, str]] = {
    "SIKKA": {
        "baseUrl": env.str("SIKKA_BASE_URL", default="https://api.sikkasoft.com/v4"),
        "applicationId": secret("SIKKA_APP_ID"),
        "secretKey": secret("SIKKA_APP_KEY"),
    }
}

# REST

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["pms.api.formats.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "pms.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Parlae PMS API",
    "DESCRIPTION": "What a voice agent, or a server of the practice's own, can do in the practice's system.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/pms",  # what comes after it groups the operations
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {"ConnectionStatusEnum": "pms.models.ConnectionStatus"},
}

# Security

SECURE_SSL_REDIRECT = PUBLIC_URL.startswith("https://")
SECURE_REDIRECT_EXEMPT = [r"^api/", r"^healthz$", r"^readyz$"]  # refused by SecureTransportMiddleware
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = SECURE_SSL_REDIRECT
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
X_FRAME_OPTIONS = "DENY"

LOGGING_CONFIG = None
configure_logging(debug=DEBUG)
