"""What each case of the table does to the practice, and how the row's tool is used then."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Account
from pms.models import ConnectionStatus, PmsIntegration
from pms.models.credential import Scope
from pms.services import limits
from tests import agreement
from tests.contract.stage import Face, Heard, Stage
from tests.contract.table import Case, Row
from tests.talking import without_capability
from tests.vapi.sending import issued, secret_of


def act(row: Row, case: Case, face: Face, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Bring about what is the matter, and use the tool."""
    arguments, how = dict(row.asks(stage, face)), dict[str, Any]()
    alder = stage.house.alder
    match case:
        case Case.INVALID:
            arguments |= row.wrong
        case Case.UNKNOWN:
            arguments |= row.unknown
        case Case.FOREIGN:
            arguments |= row.foreign(stage)
        case Case.MISPLACED:
            how |= {"token": stage.house.birchs_token, "secret": secret_of(stage.house.birchs_line)}
            how["headers"] = {"X-Vapi-Phone-Number-Id": stage.house.line.vapi_phone_number_id}
        case Case.UNSUPPORTED:
            without_capability(alder, row.capability)
        case Case.DOWN:
            stage.sim("POST", "fail", kind="status", status=503, times=100)
        case Case.LIMITED:
            monkeypatch.setitem(limits.LIMITS, row.limit, "1/d")
            limits.check(limit=row.limit, key=str(alder.pk))
        case Case.UNVERIFIED:
            how["call"] = stage.house.silent_call
        case Case.NO_CALL:
            how["call"] = ""
        case Case.PAUSED:
            Account.objects.filter(pk=alder.pk).update(is_paused=True)
        case Case.SWITCHED_OFF:
            integration = alder.integrations.get()
            features = {**integration.features, row.feature: False}
            PmsIntegration.objects.filter(pk=integration.pk).update(features=features)
        case Case.UNSCOPED:
            how["token"] = issued(alder, *(scope for scope in Scope.values if scope not in (row.scope, *row.scopes)))[0]
        case Case.NO_BAA:
            agreement.withdraw(alder)
        case Case.NOT_CONNECTED:
            PmsIntegration.objects.filter(account=alder).update(status=ConnectionStatus.INACTIVE)
    how["headers"] = {**row.headers, **how.get("headers", {})}
    stage.forget()
    return stage.use(face, row.tool, row.method, row.address, arguments, **how)
