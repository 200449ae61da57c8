"""ADM's npz of samples: every image with its label, in an order that isn't the classes'."""

from pathlib import Path

import numpy as np

from datamodules.shards import ShardReader
from smalti.evaluation.npz import NpzSet
from stages.results.adm_npz import write_adm_npz


def test_images_and_labels_stay_together(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("stages.results.adm_npz.BLOCK", 7)
    images = np.random.default_rng(0).integers(0, 256, (40, 2, 3, 4, 6), dtype=np.uint8)
    for number in range(2):
        np.save(tmp_path / f"images-{number}.npy", images[20 * number : 20 * number + 20])
    reader = ShardReader(sorted(tmp_path.glob("images-*.npy")))
    file = write_adm_npz(tmp_path / "ar.npz", reader, 1, np.arange(40))
    with np.load(file) as archive:
        pixels, labels = archive["arr_0"], archive["arr_1"]
    assert pixels.shape == (40, 4, 6, 3) and sorted(labels) == list(range(40)) and (np.diff(labels) < 0).any()
    np.testing.assert_array_equal(pixels, images[labels, 1].transpose(0, 2, 3, 1))
    read = NpzSet(file)
    np.testing.assert_array_equal(read.read(3, 11), pixels[3:11])
    np.testing.assert_array_equal(read.labels, labels)
    again = write_adm_npz(tmp_path / "again.npz", reader, 1, np.arange(40))
    np.testing.assert_array_equal(np.load(again)["arr_1"], labels)
