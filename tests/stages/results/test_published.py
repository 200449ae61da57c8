"""Networks as they are written for the stages downstream."""

import re
from pathlib import Path

import pytest
import torch
from conftest import PROJECT
from torch import nn

from smalti.artifact import Artifact
from stages.results.published import save_network


def test_weights_that_cannot_be_written_get_one_line(tmp_path: Path) -> None:
    """What safetensors raises is neither a ValueError nor an OSError; a full disk ends there as well."""
    (tmp_path / "tokenizer.safetensors").mkdir()
    with pytest.raises(ValueError, match=r"tokenizer\.safetensors: cannot be written \(.*\); make room"):
        save_network(nn.Linear(2, 2), tmp_path / "tokenizer.safetensors")


def test_readmes_way_from_python(smoke: dict[str, Artifact], monkeypatch: pytest.MonkeyPatch) -> None:
    block = re.search(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    assert block and "KEY" in block[1]
    monkeypatch.chdir(smoke["tokenizer"].path.parents[3])
    names = {"images": torch.rand(2, 3, 64, 64) * 2 - 1}
    exec(block[1].replace("KEY", smoke["tokenizer"].key), names)
    assert names["tokens"].shape == (2, 8, 8) and names["again"].shape == (2, 3, 64, 64)
    assert names["load_decoder"](smoke["decoder"]).encode(names["images"]).equal(names["tokens"])
