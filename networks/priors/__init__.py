"""Priors over the tokens of a frozen tokenizer; tokens are (B, k, N) here, whatever the number of books."""

from networks.priors.causal import CausalPrior
from networks.priors.masked import MaskedPrior

Prior = CausalPrior | MaskedPrior

__all__ = ["CausalPrior", "MaskedPrior", "Prior"]
