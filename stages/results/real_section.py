"""The report's section of train images, beside which samples are looked at."""

import numpy as np

from datamodules.index import ImageIndex
from smalti.artifact import Artifact
from smalti.images import UnreadableImage, crop, resize_short_side
from stages.results.report_figures import labelled_grid
from stages.results.report_page import Section


def real_section(data: Artifact, per_class: int) -> Section:
    """Returns the first train images of each class, the centre squares as a tokenizer is given them."""
    index = ImageIndex(data.path, data.path.parents[2] / data.facts["root"])
    members, names = index.members("train"), index.facts.class_names
    labels = index.labels[members]
    rows = []
    for label, name in enumerate(names or ["all"]):
        of_class = members[labels == label] if names else members
        rows.append((name, pictures(index, of_class[:per_class])))
    text = f"The first train images{' of each class' if names else ''}, for comparison with the samples."
    return Section("Train images", text, pictures=[("", labelled_grid(rows))], dense=True)


def pictures(index: ImageIndex, members: np.ndarray) -> np.ndarray:
    """Returns those of the images that can be read, uint8 (M, 3, H, W)."""
    size, found = index.facts.image_size, []
    for member in members:
        try:
            image = index.picture(int(member))
        except (UnreadableImage, OSError):
            continue
        found.append(np.asarray(crop(resize_short_side(image, size), size)).transpose(2, 0, 1))
    return np.stack(found) if found else np.zeros((0, 3, size, size), dtype=np.uint8)
