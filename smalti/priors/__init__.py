"""Priors over the tokens of a frozen tokenizer; tokens are (B, k, N) here, whatever the number of books."""

from smalti.priors.causal import CausalPrior
from smalti.priors.masked import MaskedPrior
from smalti.priors.prior import TokenPrior

__all__ = ["CausalPrior", "MaskedPrior", "TokenPrior"]
