"""What a call costs, from the packaged table of `genai-prices`. Not in the table: None, never 0."""

from __future__ import annotations

from functools import lru_cache

from ..contract import Usage


def usd(model: str, url: str, usage: Usage) -> float | None:
    """US dollars for the tokens of `usage` at the endpoint `url`; None when the price is unknown."""
    return _usd(model, url, usage.input_tokens, usage.output_tokens, usage.prompt_cached_tokens)


@lru_cache(maxsize=4096)
def _usd(model: str, url: str, input_tokens: int, output_tokens: int, cached_tokens: int) -> float | None:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens)
    try:
        return float(calc_price(tokens, model, provider_api_url=url).total_price)
    except LookupError:
        return None
