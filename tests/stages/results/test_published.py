"""Networks as they are written for the stages downstream."""

from pathlib import Path

import pytest
from torch import nn

from stages.results.published import save_network


def test_weights_that_cannot_be_written_get_one_line(tmp_path: Path) -> None:
    """What safetensors raises is neither a ValueError nor an OSError; a full disk ends there as well."""
    (tmp_path / "tokenizer.safetensors").mkdir()
    with pytest.raises(ValueError, match=r"tokenizer\.safetensors: cannot be written \(.*\); make room"):
        save_network(nn.Linear(2, 2), tmp_path / "tokenizer.safetensors")
