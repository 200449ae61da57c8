"""Priors over the tokens of a frozen tokenizer; tokens are (B, k, N) here, whatever the number of books."""

from smalti.priors.causal import CausalPrior
from smalti.priors.masked import MaskedPrior

Prior = CausalPrior | MaskedPrior

__all__ = ["CausalPrior", "MaskedPrior", "Prior"]
