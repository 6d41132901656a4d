"""All settings, from the environment alone; ``.env.example`` explains every variable."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

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
    "django.forms",  # its templates, for TemplatesSetting
    "rest_framework",
    "drf_spectacular",
    "django_ratelimit",
    "auditlog",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "axes",
    "csp",
    "accounts.apps.AccountsConfig",
    "pms.apps.PmsConfig",
]

MIDDLEWARE = [
    "parlae.middleware.RequestIdMiddleware",
    "parlae.middleware.SecureTransportMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.SessionLimitsMiddleware",
    "accounts.middleware.SignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "axes.middleware.AxesMiddleware",  # last, as its documents say
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
                "accounts.context.shell",
            ],
            "libraries": {"tones": "pms.dashboard.tones"},
        },
    }
]
# Fields are drawn by our own templates in templates/django/forms/.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

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
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "accounts.passwords.MaximumLengthValidator"},
    {"NAME": "accounts.passwords.DressedCommonValidator"},
    {"NAME": "accounts.passwords.ContextValidator"},
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignupForm"
ACCOUNT_FORMS = {
    "login": "accounts.sign_in_forms.LoginForm",
    "signup": "accounts.sign_in_forms.SignupForm",
    "add_email": "accounts.sign_in_forms.AddEmailForm",
    "change_password": "accounts.sign_in_forms.ChangePasswordForm",
    "set_password": "accounts.sign_in_forms.SetPasswordForm",
    "reset_password": "accounts.sign_in_forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.sign_in_forms.ResetPasswordKeyForm",
    "reauthenticate": "accounts.sign_in_forms.ReauthenticateForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# A code keeps people in the page where they are, also when they read their mail on another device.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = PUBLIC_URL.partition(":")[0]
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
MFA_ADAPTER = "pms.services.second_factors.SealingAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.second_step.AuthenticateForm",
    "reauthenticate": "accounts.second_step.ReauthenticateForm",
    "activate_totp": "accounts.second_step.ActivateTOTPForm",
    "add_webauthn": "accounts.second_step.AddPasskeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # without, whoever finds the device could sign in with it alone
MFA_TOTP_ISSUER = "Parlae"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL.startswith("https://")  # browsers allow http on localhost alone
USERSESSIONS_TRACK_ACTIVITY = False  # accounts.middleware does, without the polls of an open page
# Who guesses is locked out by name and address together: a name alone could be locked by anybody, and behind one
# address sits a whole practice. The name is taken from what was typed, since allauth passes none that axes knows.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "accounts.lockout.typed_name"
AXES_CLIENT_IP_CALLABLE = "accounts.addresses.client_address"
AXES_LOCKOUT_CALLABLE = "accounts.lockout.locked_out"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True  # the security events have it
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

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
STATICFILES_DIRS = [BASE_DIR / "static", ("guide", BASE_DIR / "docs" / "pictures")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
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
SESSION_COOKIE_NAME = "__Host-sessionid" if SECURE_SSL_REDIRECT else "sessionid"
SESSION_COOKIE_AGE = 12 * 60 * 60  # whatever is done meanwhile
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT
X_FRAME_OPTIONS = "DENY"
# No script or style in a page itself, and nothing from elsewhere. Codes for authenticator apps are drawn as data:.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

LOGGING_CONFIG = None
configure_logging(debug=DEBUG)
