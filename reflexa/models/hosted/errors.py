"""What a failed hosted call means: which errors are worth another try, and what a person should do about the others."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from reflexa.errors import AuthenticationError, ContextOverflowError, PolicyError, TransientPolicyError
from reflexa.models.hosted.scrubbing import scrub
from reflexa.models.retrying import retry_after_seconds

if TYPE_CHECKING:
    from reflexa.models.hosted.endpoint import Endpoint
    from reflexa.models.hosted.transport import Try

_LONGEST_DETAIL = 300
_OVERFLOW = re.compile(
    r"context[ _]length|maximum context|context window|context size|prompt is too long|too many (?:input )?tokens"
    r"|input is too long|exceeds? the (?:model'?s )?(?:max\w*|available) (?:context|input|number of tokens)",
    re.IGNORECASE,
)
_TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
_NO_CREDIT = re.compile(r"insufficient_quota|billing_hard_limit|exceeded your current quota", re.IGNORECASE)


def explain(error: Exception, running: Try, endpoint: Endpoint) -> PolicyError:
    """Our error for a failed exchange.

    ``running`` knows what the server answered. A ``TransientPolicyError`` is worth another try; nothing else is.
    """
    who, detail = str(endpoint), _detail(error)
    if running.aborted:
        return PolicyError(f"{who}: the policy was closed while the call was under way")
    status = _status(error, running)
    if status is None:
        return _unanswered(error, _detail(_root(error)), running, who)
    if status in (401, 403):
        keys = " or ".join(endpoint.key_variables)
        return AuthenticationError(
            f"{who} refused the key (HTTP {status}): put a valid key that may use this model in {keys}. "
            f"The server said: {detail}"
        )
    if status in _TRANSIENT_STATUS or status >= 500:
        if _NO_CREDIT.search(detail):
            return PolicyError(f"{who}: the account's credit is used up: {detail}")
        return TransientPolicyError(f"{who} answered HTTP {status}: {detail}", _retry_after(error, running))
    if status >= 400:
        return _refused(status, detail, who)
    if _is_late(error):
        return TransientPolicyError(f"{who} did not finish its answer in time")
    return TransientPolicyError(f"{who} sent an answer that cannot be used: {detail}")


def _status(error: Exception, running: Try) -> int | None:
    """The server's status. Where a provider's client went round our transport, the error's own is all there is."""
    if running.status is not None or running.stage != "prepared":
        return running.status
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _retry_after(error: Exception, running: Try) -> float | None:
    header = running.retry_after
    if header is None:
        headers = getattr(getattr(error, "response", None), "headers", {})
        header = headers.get("retry-after")
    return retry_after_seconds(header, time.time())


def _is_late(error: Exception) -> bool:
    return "timeout" in type(error).__name__.lower()


def _root(error: BaseException) -> BaseException:
    """The first failure of the chain: clients wrap "certificate verify failed" into "Connection error."."""
    seen = {id(error)}
    while (before := error.__cause__ or error.__context__) is not None and id(before) not in seen:
        seen.add(id(before))
        error = before
    return error


def _unanswered(error: Exception, detail: str, running: Try, who: str) -> PolicyError:
    if running.stage == "sent" and _is_late(error):
        return TransientPolicyError(f"{who} did not answer in time")
    if running.stage == "sent":
        return TransientPolicyError(f"{who} closed the connection before it answered: {detail}")
    if running.stage == "connecting" and "certificate" not in detail:
        return TransientPolicyError(f"{who} cannot be reached: {detail}")
    return PolicyError(f"{who}: the call failed before anything was sent: {detail}")


def _refused(status: int, detail: str, who: str) -> PolicyError:
    if _OVERFLOW.search(detail):
        return ContextOverflowError(
            f"{who}: the messages do not fit the model's context: {detail}. "
            "Use a model with a larger context, or a smaller --max-tokens"
        )
    if status == 404:
        return PolicyError(
            f"{who} knows no such model or path (HTTP 404): check --model and the api base. The server said: {detail}"
        )
    return PolicyError(f"{who} refused the request (HTTP {status}); sending it again would not help: {detail}")


def _detail(error: BaseException) -> str:
    """The server's own words where it sent some, on one line, without the client's prefixes and without secrets."""
    words = str(error)
    begin = words.find("{")
    if begin >= 0:
        words = _message(words[begin:]) or words
    words = re.sub(r"\b(?:litellm\.)?\w+(?:Error|Exception|Timeout)(?: - |: )", "", words)
    line = " ".join(scrub(words).split())
    return line if len(line) <= _LONGEST_DETAIL else line[:_LONGEST_DETAIL] + "…"


def _message(text: str) -> str | None:
    """The message in an error's JSON body, in the forms of OpenAI and its kin; None where it has none."""
    try:
        body = json.loads(text)
    except ValueError:
        return None
    inner = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(inner, dict):
        inner = inner.get("message") or inner.get("detail")
    return inner if isinstance(inner, str) else None
