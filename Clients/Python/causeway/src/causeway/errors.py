"""Errors: what went wrong, whether the same call can succeed later, and what to do. No error contains a token."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import httpx

    from .approvals import Approval
    from .events import NewEvent


class CausewayError(Exception):
    """The base of all errors of this package."""


class Refused(CausewayError):
    """The server answered with an error (docs/errors.md). Its subclasses are its codes; decide by them, or by `code`."""

    codes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, status: int, code: str, message: str, *, request_id: str | None = None, retry_after: float | None = None):
        named = f" [request {request_id}]" if request_id else ""
        super().__init__(f"{status} {code}: {message}{named}")
        #: The HTTP status.
        self.status = status
        #: One word, such as `conflict`; `http_502` for an answer that is not Causeway's.
        self.code = code
        #: What is wrong and what to do, for people.
        self.message = message
        #: Finds the request in the services' logs.
        self.request_id = request_id
        #: Seconds after which the same request can succeed, if the server named them.
        self.retry_after = retry_after

    @property
    def can_repeat(self) -> bool:
        """Whether the same request can succeed later, without changes."""
        return self.status in (429, 502, 503, 504)


class InvalidRequest(Refused):
    """The request breaks a rule: correct the field that the message names, or send less."""

    codes = ("validation_error", "payload_too_large", "unsupported_media_type", "method_not_allowed")


class Unauthorized(Refused):
    """The token is missing, has expired, was revoked or is not accepted: use another one."""

    codes = ("unauthorized",)


class Forbidden(Refused):
    """The token is valid but does not permit this: it lacks a role, or requester and approver are the same (`self_approval`)."""

    codes = ("forbidden", "self_approval")


class NotFound(Refused):
    """It does not exist, the log no longer holds it, or the token's user must not see it; or the address is not Causeway's."""

    codes = ("not_found", "gone")


class Conflict(Refused):
    """An id or key was used for other content, or another action was approved than the one whose digest was sent."""

    codes = ("conflict",)


class AlreadyResolved(Refused):
    """The approval is decided already, or the execution has ended."""

    codes = ("already_resolved",)


class AlreadyVoted(Refused):
    """This person has voted with another action: a vote cannot be changed."""

    codes = ("already_voted",)


class NotApproved(Refused):
    """There is no permit: execute nothing, and wait for the decision."""

    codes = ("not_approved",)


class AlreadyConsumed(Refused):
    """The permit was taken before, by another process or another call: execute nothing."""

    codes = ("already_consumed",)


class Expired(Refused):
    """Nobody decided the approval in time: request a new one."""

    codes = ("expired",)


class RateLimited(Refused):
    """The tenant's share is used up, for longer than the call was to be repeated: send less, or later."""

    codes = ("rate_limited",)


class Unavailable(Refused):
    """The service could not answer for as long as the call was repeated: try again later."""

    codes = ("service_unavailable",)


class ServerFailed(Refused):
    """The request failed in the service: give `request_id` to its operator if it happens again."""

    codes = ("internal",)


class Unreachable(CausewayError):
    """No answer came for as long as the call was repeated. It may have had its effect; repeating it with the same ids and keys is safe."""


class TokenFailed(CausewayError):
    """There is no usable token: the function that gets one failed, or what it returned cannot be a token."""


class UnexpectedAnswer(CausewayError):
    """An answer that Causeway does not give: check the URL, and the proxies on the way."""


class StillPending(CausewayError, TimeoutError):
    """Nobody decided the approval within the time that the caller gave."""


class Denied(CausewayError):
    """The approval was rejected, or nobody decided it in time: execute nothing. `approval` says who decided, and why."""

    def __init__(self, approval: Approval):
        super().__init__(f"{approval.approval_id} is {approval.status}: execute nothing")
        self.approval = approval


class Undelivered(CausewayError):
    """A publisher was given up before these events were stored. Some may be stored: publish them again with their ids."""

    def __init__(self, events: list[NewEvent]):
        super().__init__(f"{len(events)} events were not acknowledged: publish `events` again")
        self.events = events


class WebhookRefused(CausewayError):
    """A webhook that was not verified: answer with 400 or 401, and use nothing of it."""


_BY_CODE = {code: kind for kind in Refused.__subclasses__() for code in kind.codes}


def refused(response: httpx.Response) -> Refused:
    """The error of a response whose body was read."""
    code, message = f"http_{response.status_code}", "this answer is not Causeway's: check the URL, and the proxies on the way"
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("error"), str) and isinstance(body.get("message"), str):
        code, message = body["error"], body["message"]
    elif response.is_redirect:
        message = "the address redirects elsewhere: use the address that it redirects to"
    return _BY_CODE.get(code, Refused)(
        response.status_code,
        code,
        message,
        request_id=response.headers.get("x-request-id"),
        retry_after=retry_after_of(response.headers.get("retry-after"), datetime.now(UTC)),
    )


def retry_after_of(value: str | None, now: datetime) -> float | None:
    """Seconds of a `Retry-After`, which has seconds or a date; None for a missing or malformed one."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return None
