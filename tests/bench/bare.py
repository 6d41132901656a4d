"""The yardstick: what any endpoint must do that a signed webhook with a limit and one row is made of, and no more.

The same HMAC check over the same bytes as the product's, the serializer of the tool that is called, the same limiter,
one INSERT. No practice, no claim, no vault, no audit.
"""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from pms.services import limits
from pms.tools import registry
from pms.vapi import door
from pms.vapi.signatures import verify
from tests.bench.models import Received


class Bare(APIView):
    """Takes the same signed envelope as the webhook, with one tool call in it."""

    permission_classes = []

    def post(self, request: Request) -> Response:
        verify(
            door.signed_request(request._request),
            schemes=settings.VAPI_WEBHOOK_SCHEMES,
            secrets=settings.VAPI_WEBHOOK_SECRETS,
            now=timezone.now(),
            timestamp_required=True,
        )
        entry = request.data["message"]["toolCallList"][0]
        name, arguments = entry["function"]["name"], entry["function"]["arguments"]
        serializer = registry.TOOLS[name].arguments(data=arguments)
        serializer.is_valid()
        limits.check(limit="account", key=request.data["message"]["call"]["id"])
        Received.objects.create(tool_call_id=entry["id"], arguments=arguments)
        return Response({"results": [{"name": name, "toolCallId": entry["id"], "result": "received"}]})
