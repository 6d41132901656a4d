"""The flat bodies Sikka answers with when it does not answer with rows: refusals, and the receipt of an accepted write.

Source: the Error Codes page and the bodies in the examples of the write-back pages.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Code:
    """One row of the error table; `status` is the HTTP status as a number."""

    status: int
    reason: str
    short: str
    long: str
    more: str = ""


_UNAUTHORIZED = "Authentication/Authorization Failed"

CODES: dict[str, Code] = {
    "API0002": Code(200, "OK", "OK", "Request Session terminated successfully."),
    "API0007": Code(200, "OK", "Appointment status logged successfully", ""),
    "API0011": Code(200, "OK", "Patient update request logged successfully", ""),
    "API1001": Code(
        400, "BadRequest", "Missing Parameter", "ApplicationID is missing.", "Please provide the applicationid."
    ),
    "API1002": Code(
        400, "BadRequest", "Missing Parameter", "ApplicationKey is missing.", "Please provide the applicationkey."
    ),
    "API1003": Code(400, "BadRequest", "Missing Parameter", "MID is missing.", "Please provide the mid."),
    # The table says "Requestkey is missing."; every example of a refusal carries this text instead.
    "API1004": Code(
        400, "BadRequest", "Missing Parameter", "Requestkey is missing/invalid", "Please provide correct requestkey"
    ),
    "API1005": Code(400, "BadRequest", "Missing Parameter", "SecretKey is missing.", "Please provide the secretkey."),
    "API1020": Code(
        400,
        "BadRequest",
        "Missing Parameter",
        "One of the parameter is missing.",
        "Please provide all the parameters in syntax of service.",
    ),
    "API1025": Code(
        400,
        "BadRequest",
        "Request key expired",
        "Request key is not valid, it is expired.",
        "Please generate new request key and make new request.",
    ),
    "API1026": Code(400, "BadRequest", "Missing/Invalid Parameter", "One of the parameter is missing or invalid."),
    "API2001": Code(
        500, "InternalServerError", "Internal Error", "Internal Error.", "Please contact Sikka API Support."
    ),
    "API2002": Code(
        503,
        "ServiceUnavailable",
        "Try again later.",
        "The Sikka APIs are up, but overloaded with requests. Try again later.",
    ),
    "API2003": Code(401, "Unauthorized", _UNAUTHORIZED, "ID or key is incorrect."),
    "API2004": Code(401, "Unauthorized", _UNAUTHORIZED, "You are not authorized to use this API."),
    "API2007": Code(
        401,
        "Unauthorized",
        _UNAUTHORIZED,
        "You are not authorized to access practice details with Sikka API.",
        "This error can be caused when you try to access practice details not accessible by you.",
    ),
    "API2009": Code(
        404,
        "NotFound",
        "Resource not found",
        "The resource you requested does not exist.",
        "The resource you requested does not exist.",
    ),
    "API2010": Code(
        500,
        "InternalServerError",
        "Data not uploaded for this customer",
        "The data has not yet been uploaded for this customer.",
        "Please contact Sikka Support.",
    ),
    "API2011": Code(429, "Too Many Requests", "Data limit exceeded", "Data size per practice per day exceeded"),
    "API2012": Code(429, "Too Many Requests", "Request limit exceeded", "Requests per practice per day exceeded"),
    "API2014": Code(
        405,
        "Method Not Allowed",
        "Method not allowed for the resource",
        "Requested method not allowed for the resource",
        "Please contact Sikka API support",
    ),
    "API2016": Code(201, "Created", "New resource created successfully", ""),
    # "Preconditon" is the vendor's spelling; the documentation also spells this body's text key `log_message`.
    "API2017": Code(
        412,
        "Preconditon Failed",
        "The server does not meet one of the preconditions that the requester put on the request.",
        "Sikka platform utility is offline",
        "--",
    ),
    "API2018": Code(410, "Gone", "", ""),
    "API2022": Code(
        504,
        "Gateway Timeout",
        "Gateway Timeout occurred",
        "API server did not get a response in time from the upstream server",
        "Please retry after sometime",
    ),
    "API4006": Code(200, "OK", "", ""),
}

# The per-minute limit has no row in the vendor's table, only the status and the X-Rate-Limit headers.
TOO_FAST = Code(429, "Too Many Requests", "API rate limit exceeded", "Requests per minute exceeded")


def body(error_code: str, long: str | None = None, more: str | None = None) -> dict[str, str]:
    """The flat six-key body of `error_code` ("" for the per-minute limit), all values strings."""
    code = CODES[error_code] if error_code else TOO_FAST
    text_key = "log_message" if error_code == "API2017" else "long_message"
    return {
        "http_code": str(code.status),
        "http_code_desc": code.reason,
        "error_code": error_code,
        "short_message": code.short,
        text_key: code.long if long is None else long,
        "more_information": code.more if more is None else more,
    }


class Refusal(Exception):
    """The request is answered with the body of `error_code`; `long` and `more` replace the table's texts."""

    def __init__(self, error_code: str, long: str | None = None, more: str | None = None) -> None:
        super().__init__(error_code)
        self.status = (CODES[error_code] if error_code else TOO_FAST).status
        self.body = body(error_code, long, more)
