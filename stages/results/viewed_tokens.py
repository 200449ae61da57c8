"""The images of the token viewer, with what each of their tokens can be changed to."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from configs.schema.views import TokenViewerConfig
from datamodules.arrays import read_array
from datamodules.index import ImageIndex
from smalti.artifact import Artifact
from smalti.config.prior_kinds import PRIOR_KINDS
from smalti.pixels import to_uint8
from smalti.published import is_imported
from smalti.views.alternatives import alternatives
from smalti.views.patches import CodePatches
from stages.results.code_counts import count_codes
from stages.results.report_page import Section
from stages.results.token_viewer import ViewedImage, viewer_markup
from stages.results.view_images import spread_batches
from stages.results.viewed import Viewed, books_of

TEXT = (
    "Point at a token, or move by the arrow keys; a click holds it. Frames mark where else its code occurs. One token "
    "is changed at a time; what comes out is shown around it."
)


def code_counts(found: Mapping[str, Artifact]) -> np.ndarray:
    """Returns how often each code of each book occurs (k, K): in the train images' tokens if the recipe keeps them,
    else in the last window of the tokenizer's training.

    Raises:
        ValueError: an imported tokenizer without token shards, of whose training nothing is known.
    """
    if "token_shards" in found:
        return count_codes(found["token_shards"], "train", has_views=True)
    if is_imported(found["tokenizer"]):
        raise ValueError("views: the tokenizer is imported, and nobody counted its codes; add the input token_shards")
    return np.asarray(read_array(found["tokenizer"].file("train_counts.npy")))


def reconstructed_tokens(viewed: Viewed, images: Tensor) -> list[tuple[str, Tensor]]:
    """Returns a title and the tokens, (h, w) or (k, h, w), of each image (B, 3, H, W), of none if there are none."""
    found = viewed.tokens(images) if len(images) else ()
    return [(f"Reconstruction of image {i + 1}", tokens) for i, tokens in enumerate(found)]


def sampled_tokens(samples: Artifact, number: int) -> Iterator[tuple[str, Tensor]]:
    """Yields a title and the tokens, (h, w) or (k, h, w), of the first samples of each prior."""
    books = (samples.facts["num_books"],) * (samples.facts["num_books"] > 1)
    for prior in samples.facts["priors"] if number else ():
        rows = read_array(samples.file(f"{prior}/tokens-00000.npy"), "r")[:number].astype(np.int64)
        for i, tokens in enumerate(torch.from_numpy(rows).view(len(rows), *books, *samples.facts["grid"])):
            yield f"Sample {i + 1} of the {PRIOR_KINDS[prior].title}", tokens


def viewed_image(viewed: Viewed, title: str, tokens: Tensor, neighbours: int) -> ViewedImage:
    """Returns tokens (h, w) or (k, h, w) decoded, with at most so many codes that each can be changed to."""
    quantizer, placed = viewed.tokenizer.quantizer, tokens.to(viewed.device)
    number = min(neighbours, quantizer.num_codes - 1)
    found = alternatives(placed, quantizer, viewed.tokenizer.decode, number, viewed.batch)
    image = to_uint8(viewed.decoded(placed[None]))[0].numpy()
    books = books_of(placed[None], viewed.num_books)[0].unflatten(-1, tokens.shape[-2:])
    return ViewedImage(title, image, books.cpu().numpy(), found)


def code_patches(
    viewed: Viewed, index: ImageIndex, images: Sequence[ViewedImage], settings: TokenViewerConfig
) -> CodePatches:
    """Returns patches of train images for every code that the viewer can show."""
    wanted: list[set[int]] = [set() for _ in range(viewed.num_books)]
    for image in images:
        for book, codes in enumerate(wanted):
            codes.update(image.tokens[book].ravel().tolist(), image.alternatives.codes[book].ravel().tolist())
    patches = CodePatches(wanted, settings.patches)
    for train in spread_batches(index, "train", settings.patch_images, viewed.batch):
        if patches.complete:
            break
        patches.see(to_uint8(train.images).numpy(), viewed.tokens(train.images))
    return patches


def viewer_section(
    viewed: Viewed,
    maps: Sequence[tuple[str, Tensor]],
    counts: np.ndarray,
    index: ImageIndex,
    settings: TokenViewerConfig,
) -> Section:
    """Returns the token viewer of images, each a title and its tokens.

    Raises:
        ValueError: it would take more than 10 MB.
    """
    images = [viewed_image(viewed, title, tokens, settings.neighbours) for title, tokens in maps]
    markup = viewer_markup(images, counts, code_patches(viewed, index, images, settings))
    return Section("Token viewer", TEXT, markup=markup)
