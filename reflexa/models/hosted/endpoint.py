"""The only place that touches litellm: it is set up here, asked here, and what it returns is checked here."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

from reflexa.errors import AuthenticationError, TransientPolicyError, UsageError
from reflexa.models.hosted.scrubbing import scrub
from reflexa.models.hosted.tools import function, tool_calls
from reflexa.types import Completion, FinishReason, Message, Sampling, Usage

if TYPE_CHECKING:
    from reflexa.models.hosted.transport import DeadlineTransport

_FINISH_REASONS: dict[str, FinishReason] = {"length": "length", "content_filter": "content_filter"}
_PLACEHOLDER_KEY = "no-key"
_SECRET_VARIABLE = re.compile(r"KEY|TOKEN|SECRET")
_OPENAI_BASES = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
# Providers that are whatever server one runs; without an address litellm would send their prompts to OpenAI.
_ADDRESSLESS = frozenset({"hosted_vllm", "vllm", "lm_studio", "openai_like", "custom_openai"})
# Servers of one's own at a usual address: what their models can do, litellm would ask them, without a deadline.
_LOCAL = frozenset({"ollama", "ollama_chat", "lemonade"})

_lock = threading.Lock()
_transport: DeadlineTransport | None = None


@dataclass(frozen=True)
class Endpoint:
    """A model at a provider or a server of one's own. ``key_variables`` are where the provider's key is looked for."""

    model: str
    provider: str
    api_base: str | None
    key_variables: tuple[str, ...]
    api_key: str | None

    @classmethod
    def resolve(cls, name: str, api_base: str | None) -> Endpoint:
        """Finds the provider of a litellm model name.

        A name without a known provider speaks OpenAI's protocol where ``api_base`` is given. Raises ``UsageError``
        for an unknown name or a bad address, ``AuthenticationError`` where no key is set; no request is made.
        """
        litellm = _litellm()
        model, provider = _provider(litellm, name, api_base)
        base = _address(name, provider, api_base)
        missing = _missing_keys(litellm, model, provider)
        variables = missing or (f"{provider.upper()}_API_KEY",)
        if missing and base is None:
            raise AuthenticationError(
                f"no key for {name!r}: set {' or '.join(missing)} in the environment, "
                "or name a server of your own with an api base"
            )
        # A server of one's own mostly wants no key, but the clients insist on sending one.
        return cls(model, provider, base, variables, _PLACEHOLDER_KEY if missing else None)

    def __str__(self) -> str:
        return f"{self.model} at {scrub(self.api_base)}" if self.api_base else self.model

    @property
    def takes_tools(self) -> bool:
        """Whether litellm lists the provider's model as taking tools; of one's own server nobody knows."""
        if self.api_base is not None or self.provider in _LOCAL | _ADDRESSLESS:
            return False
        return bool(_litellm().supports_function_calling(model=self.model, custom_llm_provider=self.provider))

    def ask(self, messages: Sequence[Message], sampling: Sampling, timeout: float) -> Completion:
        """Sends one request and checks its answer.

        Raises litellm's errors, or ``TransientPolicyError`` for an answer without content.
        """
        litellm = _litellm()
        response = litellm.completion(
            model=self.model,
            messages=[{"role": message.role, "content": _sendable(message.content)} for message in messages],
            api_base=self.api_base,
            api_key=self.api_key,
            timeout=timeout,
            max_retries=0,
            num_retries=0,
            drop_params=True,
            **_parameters(sampling),
        )
        return _completion(response, bool(sampling.tools), str(self))

    def embed(self, texts: Sequence[str], timeout: float) -> list[list[float]]:
        """The vectors of some texts, by one request.

        Raises litellm's errors, or ``TransientPolicyError`` where the answer lacks vectors.
        """
        response = _litellm().embedding(
            model=self.model,
            input=[_sendable(text) for text in texts],
            api_base=self.api_base,
            api_key=self.api_key,
            timeout=timeout,
            max_retries=0,
            encoding_format="float",
        )
        found = sorted(response.data or (), key=lambda item: int(item["index"]))
        rows = [[float(number) for number in item["embedding"]] for item in found]
        if len(rows) != len(texts) or len({len(row) for row in rows}) > 1:
            raise TransientPolicyError(f"{self} sent {len(rows)} vectors for {len(texts)} texts")
        return rows


def close_idle_connections() -> None:
    """Closes the connections that no call uses at the moment."""
    if _transport is not None:
        _transport.close()


def _litellm() -> Any:
    """litellm, imported and silenced once.

    Its HTTP goes through our transport unless the application has put in a client of its own.
    """
    global _transport
    with _lock:
        if _transport is None:
            # Without these it fetches a price list at import, and starts up to a hundred threads for its log.
            os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
            os.environ.setdefault("LOGGING_EXECUTOR_MAX_THREADS", "1")
            import httpx
            import litellm
            from litellm.llms.custom_httpx.http_handler import get_ssl_configuration

            from reflexa.models.hosted.transport import DeadlineTransport

            litellm.suppress_debug_info = True
            litellm.telemetry = False
            _transport = DeadlineTransport(httpx.create_ssl_context(verify=get_ssl_configuration()))
            if litellm.client_session is None:
                # One session serves all policies, so it must carry no server's cookies to the next call.
                no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
                litellm.client_session = httpx.Client(transport=_transport, follow_redirects=True, cookies=no_cookies)
            if getattr(litellm, "sync_transport", None) is None:
                litellm.sync_transport = _transport
    import litellm

    return litellm


def _provider(litellm: Any, name: str, api_base: str | None) -> tuple[str, str]:
    """litellm's full model name and the provider's."""
    try:
        _, provider, _, _ = litellm.get_llm_provider(model=name)
    except Exception:  # litellm raises its own BadRequestError, which is openai's; neither may be imported before
        if api_base is not None:
            return f"openai/{name}", "openai"
    else:
        return name, str(provider)
    raise UsageError(
        f"unknown model {name!r}: write it as litellm does, PROVIDER/MODEL (openai/…, anthropic/…, ollama/…), "
        "or give the api base of an OpenAI-compatible server"
    )


def _address(name: str, provider: str, api_base: str | None) -> str | None:
    """The server's address as given or from the environment; None means the provider's own."""
    variables = _OPENAI_BASES if provider == "openai" else (f"{provider.upper()}_API_BASE",)
    base = api_base or next((os.environ[variable] for variable in variables if os.environ.get(variable)), None)
    if base is None and provider in _ADDRESSLESS:
        raise UsageError(f"{name!r} needs the address of its server: give an api base, or set {variables[0]}")
    if base is not None and not base.startswith(("http://", "https://")):
        raise UsageError(f"api base {scrub(base)!r} is no address: write it as http://HOST:PORT/v1 or https://…")
    return base


def _missing_keys(litellm: Any, model: str, provider: str) -> tuple[str, ...]:
    """The environment variables of which the provider wants one (or all) as its key; an empty one counts as missing."""
    usual = f"{provider.upper()}_API_KEY"
    if os.environ.get(usual) == "":
        return (usual,)
    missing: list[str] = litellm.validate_environment(model)["missing_keys"]
    return tuple(key for key in missing if _SECRET_VARIABLE.search(key))


def _parameters(sampling: Sampling) -> dict[str, Any]:
    """Sampling as request parameters; what the provider does not know, litellm drops."""
    parameters: dict[str, Any] = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens}
    if sampling.top_p < 1.0:
        parameters["top_p"] = sampling.top_p
    if sampling.stop:
        parameters["stop"] = list(sampling.stop)
    if sampling.seed is not None:
        parameters["seed"] = sampling.seed
    if sampling.logprobs:
        parameters["logprobs"] = True
    if sampling.tools:
        parameters["tools"] = [function(tool) for tool in sampling.tools]
        parameters["parallel_tool_calls"] = False
    return parameters


def _sendable(text: str) -> str:
    """``text`` with lone surrogates replaced: models do write them, and UTF-8 cannot carry them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _completion(response: Any, offered: bool, who: str) -> Completion:
    """The one choice of a response. No choice, or a finished one without text, is a failure that may pass.

    Where tools were ``offered``, calls of them do for text.
    """
    choices = getattr(response, "choices", None) or []
    if not choices:
        raise TransientPolicyError(f"{who} answered without any choice")
    message, reason = choices[0].message, choices[0].finish_reason
    content = getattr(message, "content", None)
    text = content if isinstance(content, str) else ""
    calls = tool_calls(message) if offered else ()
    if not text and not calls and reason not in _FINISH_REASONS:
        raise TransientPolicyError(f"{who} answered without content (finish_reason {reason!r})")
    usage = getattr(response, "usage", None)
    return Completion(
        text=text,
        finish_reason=_FINISH_REASONS.get(reason, "stop"),
        usage=Usage(
            input_tokens=getattr(usage, "prompt_tokens", None) or 0,
            output_tokens=getattr(usage, "completion_tokens", None) or 0,
            cost_usd=_cost(response),
        ),
        logprobs=_logprobs(choices[0]),
        calls=calls,
    )


def _logprobs(choice: Any) -> tuple[float, ...] | None:
    content = getattr(getattr(choice, "logprobs", None), "content", None)
    return None if content is None else tuple(float(token.logprob) for token in content)


def _cost(response: Any) -> float | None:
    """US dollars by litellm's price list; None where it has no price."""
    cost = getattr(response, "_hidden_params", {}).get("response_cost")
    return None if cost is None else float(cost)
