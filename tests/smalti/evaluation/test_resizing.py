"""clean-fid's resize against the package."""

import numpy as np
import pytest
from cleanfid.resize import make_resizer

from smalti.evaluation.resizing import clean_resized


@pytest.mark.parametrize("shape", [(64, 64), (320, 410)], ids=["larger", "smaller"])
def test_it_is_the_packages(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    expected = make_resizer("PIL", quantize_after=False, filter="bicubic", output_size=(299, 299))(image)
    found = clean_resized(image[None])[0].numpy()
    np.testing.assert_allclose((found + 1) * 127.5, np.moveaxis(expected, 2, 0).clip(0, 255), atol=1e-3)
