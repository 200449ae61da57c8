"""The memory of what weights files hash to."""

from pathlib import Path

import pytest

from pipeline.artifact import sha256_of
from pipeline.weights import hash_weights


def test_a_damaged_memory_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMALTI_WEIGHTS", str(tmp_path))
    (tmp_path / "a.pth").write_bytes(b"weights")
    cache = tmp_path / "weights.json"
    cache.write_text('{"half')
    assert hash_weights("a.pth", cache) == sha256_of(tmp_path / "a.pth")
    remembered = cache.read_text()
    assert hash_weights("a.pth", cache) == sha256_of(tmp_path / "a.pth") and cache.read_text() == remembered
    (tmp_path / "a.pth").write_bytes(b"other weights")
    assert hash_weights("a.pth", cache) == sha256_of(tmp_path / "a.pth")
