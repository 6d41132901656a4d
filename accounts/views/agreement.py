"""The business associate agreement: reading it, accepting it, and the record of that."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import agreement_text, baa, evidence, recent
from accounts.addresses import client_address
from accounts.agreement_forms import AgreementForm
from accounts.models import BaaAcceptance, Membership
from accounts.pages import PracticeView
from accounts.roles import MATRIX, Permission


class AgreementView(PracticeView):
    """Everybody may read it; whose role allows it may accept it."""

    permission = None

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the text in force and how it stands; who is about to accept it confirms first that it is them."""
        if self._is_for_signing() and not recent.is_recent(request):
            return recent.ask(request.get_full_path())
        return self._page(AgreementForm(initial={"name": self.user.name}))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Accept it."""
        self.require(Permission.SIGN_BAA)
        if not recent.is_recent(request):
            return recent.ask(request.path)
        form = AgreementForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=422)
        if form.cleaned_data["sha256"] != baa.current().sha256:
            form.add_error(None, "The text has changed since you opened this page. Read it again, then accept it.")
            return self._page(form, status=409)
        if baa.acceptance(self.account) is None:
            self._accept(form.cleaned_data["name"], form.cleaned_data["title"])
        following = request.GET.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(following, allowed_hosts=None, require_https=request.is_secure())
        return redirect(following if is_ours else "agreement")

    def _accept(self, name: str, title: str) -> None:
        """Leave the event first: nothing opens without it."""
        newest = baa.current()
        evidence.tell(
            "agreement.accepted",
            request=self.request,
            account_id=self.account.pk,
            version=newest.version,
            sha256=newest.sha256,
        )
        baa.accept(
            self.account,
            self.user,
            name=name,
            title=title,
            ip_address=client_address(self.request),
            user_agent=self.request.headers.get("User-Agent", ""),
        )

    def _is_for_signing(self) -> bool:
        return self.may(Permission.SIGN_BAA) and baa.acceptance(self.account) is None

    def _page(self, form: AgreementForm, *, status: int = 200) -> HttpResponse:
        newest = baa.current()
        signers = [role for role, allowed in MATRIX.items() if Permission.SIGN_BAA in allowed]
        context = {
            "agreement": newest,
            "blocks": list(agreement_text.blocks(newest.text)),
            "accepted": baa.acceptance(self.account),
            "counts": baa.is_accepted(self.account),
            "earlier": BaaAcceptance.objects.filter(account=self.account).order_by("-accepted_at"),
            "may_sign": self.may(Permission.SIGN_BAA),
            "signers": _people(self.membership, signers),
            "form": form,
        }
        return self.render("accounts/agreement.html", context, status=status)


class RecordView(PracticeView):
    """What was accepted, by whom and when: to be read, printed and kept."""

    permission = None

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show one acceptance of the practice's own, with the text if it is still the one that was accepted."""
        found = BaaAcceptance.objects.filter(account=self.account, pk=pk).select_related("user").first()
        if found is None:
            raise Http404
        agreement = baa.named(found.version)
        is_same = agreement is not None and agreement.sha256 == found.text_sha256
        text = list(agreement_text.blocks(agreement.text)) if agreement is not None and is_same else []
        return self.render("accounts/agreement_record.html", {"record": found, "blocks": text})


def _people(own: Membership, roles: Sequence[str]) -> list[Membership]:
    found = Membership.objects.filter(account_id=own.account_id, is_active=True, user__is_active=True, role__in=roles)
    return list(found.select_related("user").order_by("created_at"))
