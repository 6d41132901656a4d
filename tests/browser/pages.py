"""Every page that people can open, and how to get there. Other tests walk this list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Page

Who = Literal[
    "nobody", "unconfirmed", "halfway", "newcomer", "founder", "refused", "asked", "wired", "guarded", "staff", "owner"
]


@dataclass(frozen=True)
class Shown:
    """One page.

    Attributes:
        name: what its pictures are called.
        route: the name of its address in the product; empty where the address leads nowhere.
        who: ``nobody`` is signed out; somebody ``unconfirmed`` has not typed the code from the mail, somebody
            ``halfway`` not the one of their app; a ``newcomer`` has no practice; a ``founder``'s practice is new and
            has no agreement; somebody ``refused`` has that, and an office that lets nobody in; who is ``asked`` has to
            type the code from the practice's mailbox; who is ``wired`` has come to the end of the setup; who is
            ``guarded`` has every second step; ``staff`` work for the guarded; the ``owner`` is the demo's, whose
            practice is connected and has had calls.
        address: where to go; what stands in braces is a link from a mail.
        then: what to do there until the page is shown; nothing, for most.
        status: what the address is answered with.
    """

    name: str
    route: str
    who: Who
    address: str
    then: Callable[[Page], object] = lambda page: None
    status: int = 200


def _follow(name: str) -> Callable[[Page], None]:
    """Return what follows the first link of the page's main part with ``name`` in it."""

    def follow(page: Page) -> None:
        before = page.url
        page.get_by_role("main").get_by_role("link", name=name).first.click()
        page.wait_for_url(lambda url: url != before)

    return follow


def _first_row(page: Page) -> None:
    """Open the first row of a list."""
    before = page.url
    page.locator("main a.list-row").first.click()
    page.wait_for_url(lambda url: url != before)


def _wait_for_times(page: Page) -> None:
    """Wait for the practice's system to tell its times."""
    page.wait_for_load_state("networkidle")


_ENTRANCE = (
    Shown("sign-up", "account_signup", "nobody", "/accounts/signup/"),
    Shown("confirm-address", "account_email_verification_sent", "unconfirmed", "/accounts/confirm-email/"),
    Shown("sign-in", "account_login", "nobody", "/accounts/login/"),
    Shown("sign-in-second-step", "mfa_authenticate", "halfway", "/accounts/2fa/authenticate/"),
    Shown("password-reset", "account_reset_password", "nobody", "/accounts/password/reset/"),
    Shown("password-reset-sent", "account_reset_password_done", "nobody", "/accounts/password/reset/done/"),
    Shown("password-reset-old", "account_reset_password_from_key", "nobody", "/accounts/password/reset/key/1-no/"),
    Shown("password-was-reset", "account_reset_password_from_key_done", "nobody", "/accounts/password/reset/key/done/"),
    Shown("sign-in-inactive", "account_inactive", "nobody", "/accounts/inactive/"),
    Shown("password-reset-link", "account_reset_password_from_key", "nobody", "{reset}"),
    Shown("invitation", "invitation_accept", "nobody", "{invitation}"),
    Shown("invitation-over", "invitation_accept", "nobody", "/accounts/invitations/long-gone/", status=404),
)
_PERSON = (
    Shown("profile", "profile", "guarded", "/accounts/profile/"),
    Shown("profile-new", "profile", "newcomer", "/accounts/profile/"),
    Shown("email", "account_email", "guarded", "/accounts/email/"),
    Shown("password", "account_change_password", "guarded", "/accounts/password/change/"),
    Shown("sessions", "sessions", "guarded", "/accounts/sessions/"),
    Shown("confirm-it-is-you", "account_reauthenticate", "guarded", "/accounts/reauthenticate/"),
    Shown("confirm-by-code", "mfa_reauthenticate", "guarded", "/accounts/2fa/reauthenticate/"),
    Shown("confirm-by-passkey", "mfa_reauthenticate_webauthn", "guarded", "/accounts/2fa/webauthn/reauthenticate/"),
    Shown("sign-out", "account_logout", "guarded", "/accounts/logout/"),
)
_SECOND_STEP = (
    Shown("second-step-none", "mfa_index", "founder", "/accounts/2fa/"),
    Shown("second-step", "mfa_index", "guarded", "/accounts/2fa/"),
    Shown("app-set-up", "mfa_activate_totp", "founder", "/accounts/2fa/totp/activate/"),
    Shown("app-remove", "mfa_deactivate_totp", "guarded", "/accounts/2fa/totp/deactivate/"),
    Shown("recovery-codes", "mfa_view_recovery_codes", "guarded", "/accounts/2fa/recovery-codes/"),
    Shown("recovery-codes-new", "mfa_generate_recovery_codes", "guarded", "/accounts/2fa/recovery-codes/generate/"),
    Shown("passkeys-none", "mfa_list_webauthn", "founder", "/accounts/2fa/webauthn/"),
    Shown("passkeys", "mfa_list_webauthn", "guarded", "/accounts/2fa/webauthn/"),
    Shown("passkey-add", "mfa_add_webauthn", "founder", "/accounts/2fa/webauthn/add/"),
    Shown("passkey-rename", "mfa_edit_webauthn", "guarded", "/accounts/2fa/webauthn/", _follow("Rename")),
    Shown("passkey-remove", "mfa_remove_webauthn", "guarded", "/accounts/2fa/webauthn/", _follow("Remove")),
)
_PRACTICE = (
    Shown("practice-new", "practice_create", "newcomer", "/accounts/practices/new/"),
    Shown("practices", "practice_choose", "guarded", "/accounts/practices/"),
    Shown("practice", "practice", "owner", "/accounts/practice/"),
    Shown("team-alone", "team", "founder", "/accounts/team/"),
    Shown("team", "team", "guarded", "/accounts/team/"),
    Shown("team-member", "team_member", "guarded", "/accounts/team/", _follow("Stan")),
    Shown("agreement-to-accept", "agreement", "founder", "/accounts/agreement/"),
    Shown("agreement", "agreement", "guarded", "/accounts/agreement/"),
    Shown("agreement-record", "agreement_record", "guarded", "/accounts/agreement/", _follow("record")),
)
_SETUP = (
    Shown("setup-system", "setup_system", "founder", "/setup/system/"),
    Shown("setup-credentials", "setup_credentials", "refused", "/setup/credentials/"),
    Shown("setup-test-failed", "setup_test", "refused", "/setup/test/"),
    Shown("setup-test-code", "setup_test", "asked", "/setup/test/"),
    Shown("setup-test", "setup_test", "wired", "/setup/test/"),
    Shown("setup-features", "setup_features", "wired", "/setup/features/"),
    Shown("setup-done", "setup_done", "wired", "/setup/done/"),
    Shown("setup-by-hand", "setup_by_hand", "wired", "/setup/done/by-hand/"),
    Shown("guide-setup", "guide", "wired", "/setup/guides/setup/"),
    Shown("guide-sikka", "guide", "wired", "/setup/guides/sikka/"),
)
_HOME = (
    Shown("home-empty", "home", "founder", "/"),
    Shown("home-first", "home", "wired", "/"),
    Shown("home", "home", "owner", "/"),
    Shown("calls-none", "calls", "founder", "/calls/"),
    Shown("calls", "calls", "owner", "/calls/"),
    Shown("call", "call", "owner", "/calls/", _first_row),
    Shown("bookings-none", "bookings", "founder", "/bookings/"),
    Shown("bookings", "bookings", "owner", "/bookings/"),
    Shown("booking", "booking", "owner", "/bookings/", _first_row),
    Shown("tasks-none", "tasks", "founder", "/tasks/"),
    Shown("tasks", "tasks", "owner", "/tasks/"),
    Shown("task", "task", "owner", "/tasks/", _first_row),
    Shown("schedule", "schedule", "owner", "/schedule/?show=1", _wait_for_times),
    Shown("settings-none", "settings", "founder", "/settings/"),
    Shown("settings", "settings", "owner", "/settings/"),
)
_REFUSALS = (
    Shown("not-found", "", "founder", "/there/is/nothing/here/", status=404),
    Shown("not-found-signed-out", "", "nobody", "/there/is/nothing/here/", status=404),
    Shown("not-allowed", "team", "staff", "/accounts/team/", status=403),
)
PAGES = (*_ENTRANCE, *_PERSON, *_SECOND_STEP, *_PRACTICE, *_SETUP, *_HOME, *_REFUSALS)

# Addresses that are no pages, or not for people's eyes, each with the reason.
NO_PAGES = {
    "home_now": "a part of the home page",
    "pause": "POST alone",
    "schedule_day": "a part of the schedule page",
    "settings_blocked": "POST alone",
    "settings_days": "POST alone",
    "settings_policies": "POST alone",
    "setup": "leads to a step",
    "setup_call": "a part of step 5",
    "setup_call_ask": "POST alone",
    "setup_confirm": "POST alone",
    "setup_line": "a part of step 5",
    "setup_number": "POST alone",
    "setup_prove": "POST alone",
    "setup_progress": "a part of step 3",
    "setup_ids": "POST alone",
    "setup_secret": "POST alone",
    "schema-view": "for programmers; no script, no style of its own, and far too long for axe",
    "account_confirm_login_code": "signing in by a code from the mail is switched off",
    "account_set_password": "for people without a password, and there are none",
    "api-address-unknown": "for machines",
    "healthz": "for machines",
    "mfa_download_recovery_codes": "a file",
    "mfa_login_webauthn": "the script of the sign-in page asks it",
    "readyz": "for machines",
    "schema": "for machines",
    "session_alive": "a sign of life, POST alone",
    "team_invitation": "POST alone",
    "team_invite": "POST alone",
    "team_review": "POST alone",
    "usersessions_list": "ours has its address",
}
