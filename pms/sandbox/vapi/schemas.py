"""What Vapi takes: the properties, lengths, patterns and choices of its published OpenAPI document (SDK 3.0.0).

What nobody here sends (other vendors' voices, tools of other kinds) is `Free` inside, but must be of a known kind.
"""

from typing import Any

from .shapes import Flag, Free, Items, Named, Number, OneOf, Record, Shape, Text

ID = Text(is_uuid=True)
NAME = Text(longest=40)
FUNCTION_NAME = r"[a-zA-Z0-9_-]{1,64}"

SERVER = Record(
    {
        "url": Text(pattern=r"https?://\S+"),
        "timeoutSeconds": Number(1, 300),
        "credentialId": ID,
        "staticIpAddressesEnabled": Flag(),
        "encryptedPaths": Items(Text()),
        "headers": Named(),
        "backoffPlan": Free(),
    }
)

_CONDITIONS = Items(Free())
_SPOKEN: dict[str, Shape] = {"contents": Items(Free()), "content": Text(longest=1000), "conditions": _CONDITIONS}
_ENDING: dict[str, Shape] = {"role": Text(choices=("assistant", "system")), "endCallAfterSpokenEnabled": Flag()}


def _message(kind: str, **more: Shape) -> Record:
    return Record({"type": Text(choices=(kind,)), **_SPOKEN, **more}, required=("type",))


MESSAGES = Items(
    OneOf(
        "type",
        {
            "request-start": _message("request-start", blocking=Flag()),
            "request-response-delayed": _message("request-response-delayed", timingMilliseconds=Number(100, 120000)),
            "request-complete": _message("request-complete", **_ENDING),
            "request-failed": _message("request-failed", **_ENDING),
        },
    )
)

_JSON_TYPES = ("string", "number", "integer", "boolean", "array", "object")
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")


class _JsonSchema:
    """A node of a JSON Schema: it holds others of its kind."""

    def faults(self, value: Any, where: str) -> Any:
        return _NODE.faults(value, where)


_NODE = Record(
    {
        "type": Text(choices=_JSON_TYPES),
        "items": _JsonSchema(),
        "properties": Named(_JsonSchema()),
        "description": Text(),
        "pattern": Text(),
        "format": Text(choices=_FORMATS),
        "required": Items(Text()),
        "enum": Items(Text()),
        "title": Text(),
    },
    required=("type",),
)

FUNCTION = Record(
    {
        "name": Text(pattern=FUNCTION_NAME),
        "strict": Flag(),
        # The document names no length; Vapi's own notes call 1000 a hard limit.
        "description": Text(longest=1000),
        "parameters": Record(
            {
                "type": Text(choices=("object",)),
                "properties": Named(_JsonSchema()),
                "required": Items(Text()),
            },
            required=("type", "properties"),
        ),
    },
    required=("name",),
)

_TOOL: dict[str, Shape] = {"messages": MESSAGES, "rejectionPlan": Free()}
_FUNCTION_TOOL: dict[str, Shape] = {
    **_TOOL,
    "async": Flag(),
    "server": SERVER,
    "variableExtractionPlan": Free(),
    "parameters": Items(Record({"key": Text(), "value": Free()}, required=("key",))),
    "function": FUNCTION,
}

NUMBER_DESTINATION = Record(
    {
        "type": Text(choices=("number",)),
        "message": Free(),
        "numberE164CheckEnabled": Flag(),
        "number": Text(pattern=r"\+[1-9][0-9]{6,14}"),
        "extension": Text(longest=10),
        "callerId": Text(longest=40),
        "transferPlan": Free(),
        "name": Text(longest=40),
        "description": Text(),
    },
    required=("type", "number"),
)
_DESTINATIONS = OneOf("type", {"number": NUMBER_DESTINATION, "sip": Free(), "assistant": Free()})
_FALLBACK = OneOf("type", {"number": NUMBER_DESTINATION, "sip": Free()})
_OTHER_TOOLS = ("apiRequest", "bash", "code", "computer", "handoff", "mcp", "query", "sms", "textEditor", "sipRequest")


def _typed(kind: str, fields: dict[str, Shape], required: tuple[str, ...] = ()) -> Record:
    return Record({"type": Text(choices=(kind,)), **fields}, required=("type", *required))


TOOL = OneOf(
    "type",
    {
        "function": _typed("function", _FUNCTION_TOOL),
        "transferCall": _typed("transferCall", {**_TOOL, "destinations": Items(_DESTINATIONS)}),
        "endCall": _typed("endCall", _TOOL),
        "dtmf": _typed("dtmf", _TOOL),
        "voicemail": _typed("voicemail", {**_TOOL, "beepDetectionEnabled": Flag()}),
        **{kind: Free() for kind in _OTHER_TOOLS},
    },
)

_CHAT_MESSAGE = Record(
    {"role": Text(choices=("assistant", "function", "user", "system", "tool")), "content": Text()}, required=("role",)
)
_MODEL: dict[str, Shape] = {
    "provider": Text(),
    "model": Text(shortest=1),
    "messages": Items(_CHAT_MESSAGE),
    "tools": Items(TOOL),
    "toolIds": Items(ID),
    "toolRefs": Items(Record({"toolId": ID, "version": Text()}, required=("toolId",))),
    "knowledgeBase": Free(),
    "speaker": Free(),
    "reasoner": Free(),
    "fallbackModels": Items(Free()),
    "toolStrictCompatibilityMode": Text(),
    "promptCacheRetention": Text(),
    "promptCacheKey": Text(),
    "serviceTier": Text(),
    "reasoningEffort": Text(),
    "temperature": Number(0, 2),
    "maxTokens": Number(50, 10000),
    "emotionRecognitionEnabled": Flag(),
    "numFastTurns": Number(0),
}
_MODELS = [
    "openai",
    "azure-openai",
    "anthropic",
    "anthropic-bedrock",
    "google",
    "vertex",
    "groq",
    "deep-seek",
    "mistral",
    "xai",
    "together-ai",
    "openrouter",
    "perplexity-ai",
    "cerebras",
    "custom-llm",
]
_VOICES = [
    "azure",
    "cartesia",
    "deepgram",
    "11labs",
    "rime-ai",
    "openai",
    "playht",
    "lmnt",
    "hume",
    "minimax",
    "inworld",
    "neuphonic",
    "smallest-ai",
]
_TRANSCRIBERS = [
    "assembly-ai",
    "azure",
    "cartesia",
    "11labs",
    "gladia",
    "google",
    "openai",
    "soniox",
    "speechmatics",
    "talkscriber",
    "custom-transcriber",
]

_VAPI_VOICE = Record(
    {
        "provider": Text(),
        "voiceId": Text(shortest=1),
        "cachingEnabled": Flag(),
        "version": Free(),
        "speed": Number(0.25, 2),
        "language": Text(),
        "pronunciationDictionary": Free(),
        "chunkPlan": Free(),
    },
    required=("provider", "voiceId"),
)
_DEEPGRAM = Record(
    {
        "provider": Text(),
        "model": Text(),
        "language": Text(),
        "smartFormat": Flag(),
        "mipOptOut": Flag(),
        "numerals": Flag(),
        "profanityFilter": Flag(),
        "redaction": Items(Text()),
        "confidenceThreshold": Number(0, 1),
        "eotThreshold": Number(0, 1),
        "eotTimeoutMs": Number(0),
        "languages": Items(Text()),
        "keywords": Items(Text()),
        "keyterm": Items(Text()),
        "endpointing": Number(10, 500),
        "fallbackPlan": Free(),
    },
    required=("provider",),
)

SERVER_MESSAGES = [
    "assistant.started",
    "assistant.speechStarted",
    "conversation-update",
    "end-of-call-report",
    "function-call",
    "hang",
    "language-changed",
    "language-change-detected",
    "model-output",
    "phone-call-control",
    "speech-update",
    "status-update",
    "transcript",
    "tool-calls",
    "transfer-destination-request",
    "handoff-destination-request",
    "transfer-update",
    "user-interrupted",
    "voice-input",
    "chat.created",
    "chat.deleted",
    "session.created",
    "session.updated",
    "session.deleted",
    "call.deleted",
    "call.delete.failed",
    "call.artifact.upload",
]

_FREE_PLANS = [
    "voicemailDetection",
    "clientMessages",
    "transportConfigurations",
    "observabilityPlan",
    "credentials",
    "hooks",
    "compliancePlan",
    "backgroundSpeechDenoisingPlan",
    "startSpeakingPlan",
    "stopSpeakingPlan",
    "monitorPlan",
    "keypadInputPlan",
    "backgroundSound",
]
_RESULT_PLAN = Record({"messages": Items(Free()), "enabled": Flag(), "timeoutSeconds": Number(1, 60), "rubric": Text()})

ASSISTANT = Record(
    {
        **{name: Free() for name in _FREE_PLANS},
        "name": NAME,
        "transcriber": OneOf("provider", {"deepgram": _DEEPGRAM, **{one: Free() for one in _TRANSCRIBERS}}),
        "model": OneOf("provider", {one: Record(_MODEL, required=("provider", "model")) for one in _MODELS}),
        "voice": OneOf("provider", {"vapi": _VAPI_VOICE, **{one: Free() for one in _VOICES}}),
        "firstMessage": Text(),
        "firstMessageInterruptionsEnabled": Flag(),
        "firstMessageMode": Text(
            choices=(
                "assistant-speaks-first",
                "assistant-speaks-first-with-model-generated-message",
                "assistant-waits-for-user",
            )
        ),
        "serverMessages": Items(Text(choices=(*SERVER_MESSAGES, 'transcript[transcriptType="final"]'))),
        "maxDurationSeconds": Number(10, 43200),
        "modelOutputInMessagesEnabled": Flag(),
        "voicemailMessage": Text(longest=1000),
        "endCallMessage": Text(longest=1000),
        "endCallPhrases": Items(Text(longest=140, shortest=2)),
        "metadata": Named(),
        "analysisPlan": Record(
            {
                "minMessagesThreshold": Number(0),
                "summaryPlan": _RESULT_PLAN,
                "structuredDataPlan": Free(),
                "structuredDataMultiPlan": Free(),
                "successEvaluationPlan": _RESULT_PLAN,
                "outcomeIds": Items(ID),
            }
        ),
        "artifactPlan": Record(
            {
                **{
                    f"{what}Enabled": Flag()
                    for what in ("recording", "videoRecording", "fullMessageHistory", "pcap", "logging")
                },
                **{f"{what}UseCustomStorageEnabled": Flag() for what in ("recording", "pcap", "logging")},
                **{name: Text() for name in ("recordingFormat", "recordingPath", "loggingPath", "pcapS3PathPrefix")},
                **{name: Items(Free()) for name in ("structuredOutputs", "scorecards")},
                **{name: Items(ID) for name in ("structuredOutputIds", "scorecardIds")},
                "transcriptPlan": Record({"enabled": Flag(), "assistantName": Text(), "userName": Text()}),
            }
        ),
        "credentialIds": Items(ID),
        "server": SERVER,
    },
    nullable=("server", "voice", "transcriber", "analysisPlan", "artifactPlan", "metadata"),
)

_ROUTING: dict[str, Shape] = {
    "provider": Text(),
    "fallbackDestination": _FALLBACK,
    "hooks": Items(Free()),
    "name": NAME,
    "assistantId": ID,
    "workflowId": ID,
    "squadId": ID,
    "server": SERVER,
}
_MAY_BE_NULL = ("fallbackDestination", "assistantId", "workflowId", "squadId", "server", "name")
_SIP: dict[str, Shape] = {"sipUri": Text(), "authentication": Free()}
_TWILIO: dict[str, Shape] = {
    "smsEnabled": Flag(),
    "number": Text(),
    **{name: Text() for name in ("twilioAccountSid", "twilioAuthToken", "twilioApiKey", "twilioApiSecret")},
}
_CARRIER: dict[str, Shape] = {"number": Text(), "credentialId": ID}


def _number(fields: dict[str, Shape], *required: str) -> Record:
    return Record({**_ROUTING, **fields}, required=("provider", *required), nullable=_MAY_BE_NULL)


NEW_NUMBER = OneOf(
    "provider",
    {
        "vapi": _number({**_SIP, "numberDesiredAreaCode": Text(pattern=r"\d{3}")}),
        "twilio": _number(_TWILIO, "number", "twilioAccountSid"),
        "vonage": _number(_CARRIER, "number", "credentialId"),
        "telnyx": _number(_CARRIER, "number", "credentialId"),
        "byo-phone-number": _number({**_CARRIER, "numberE164CheckEnabled": Flag()}, "credentialId"),
    },
)
CHANGED_NUMBER = OneOf(
    "provider",
    {
        "vapi": _number(_SIP),
        "twilio": _number(_TWILIO),
        "vonage": _number(_CARRIER),
        "telnyx": _number(_CARRIER),
        "byo-phone-number": _number({**_CARRIER, "numberE164CheckEnabled": Flag()}),
    },
)

_PLANS = OneOf(
    "type",
    {
        "hmac": Record(
            {
                "type": Text(),
                "secretKey": Text(shortest=1),
                "algorithm": Text(choices=("sha256", "sha512", "sha1")),
                "signatureHeader": Text(),
                "timestampHeader": Text(),
                "signaturePrefix": Text(),
                "includeTimestamp": Flag(),
                "payloadFormat": Text(),
                "messageIdHeader": Text(),
                "signatureEncoding": Text(choices=("hex", "base64")),
                "secretIsBase64": Flag(),
            },
            required=("type", "secretKey", "algorithm"),
        ),
        "bearer": Record(
            {"type": Text(), "token": Text(shortest=1), "headerName": Text(), "bearerPrefixEnabled": Flag()},
            required=("type", "token"),
        ),
        "oauth2": Free(),
    },
)
_CREDENTIAL: dict[str, Shape] = {
    "provider": Text(choices=("custom-credential", "webhook")),
    "name": Text(longest=40, shortest=1),
    "authenticationPlan": _PLANS,
    "encryptionPlan": Free(),
}
NEW_CREDENTIAL = Record(_CREDENTIAL, required=("provider", "authenticationPlan"))
CHANGED_CREDENTIAL = Record(_CREDENTIAL)
