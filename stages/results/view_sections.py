"""The papers' views of tokenizers and priors, as sections of a page."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from configs.schema.views import ViewsConfig
from smalti.metrics.reconstruction import peak_signal_to_noise
from smalti.pixels import to_uint8
from smalti.views.code_map import map_codes, on_plane
from smalti.views.code_tables import code_tables
from smalti.views.replacement import replaced
from stages.results.report_figures import labelled_grid
from stages.results.report_page import Picture, Section
from stages.results.view_figures import class_maps, code_maps
from stages.results.view_images import LabelledImages
from stages.results.viewed import Viewed, books_of


def agreement(a: Tensor, b: Tensor, num_books: int) -> list[float]:
    """Returns for each book the share of positions at which two token maps have the same code."""
    same = books_of(a, num_books) == books_of(b, num_books)
    return [float(part.double().mean()) for part in same.unbind(1)]


def prediction_section(
    recipes: Sequence[Viewed], of: LabelledImages, config: ViewsConfig
) -> tuple[Section, dict[str, list[float]]]:
    """Returns the reconstruction by each recipe, all of which have an AR prior, above what the prior holds most likely
    (SeQ-GAN Figures 4, 5 and 11), and the share of tokens that it ranks first, by recipe and book."""
    shown = config.num_images
    rows, table, shares = [("original", to_uint8(of.images[:shown]).numpy())], [["", "ranked first"]], {}
    for viewed in recipes:
        tokens = viewed.tokens(of.images)
        found = viewed.predicted(tokens, of.labels)
        shares[viewed.name] = agreement(tokens, found, viewed.num_books)
        for book, share in enumerate(shares[viewed.name]):
            title = f"book {book}" if viewed.num_books > 1 else "tokens"
            table.append([viewed.row(title), f"{share:.1%}"])
        for text, maps in (("reconstruction", tokens), ("AR prior", found)):
            rows.append((viewed.row(text), to_uint8(viewed.decoded(maps[:shown])).numpy()))
    text = (
        "The AR prior is given the tokens of an image; at each position it names the code that it holds most likely "
        "after all true tokens before it (teacher forcing, SeQ-GAN section 3.2). Both are decoded. Of several books "
        f"each is predicted given the true codes of those before it. Shares are those of {len(of.images)} images."
    )
    return Section("What the AR prior expects", text, [("", table)], [("", labelled_grid(rows))]), shares


def replacement_section(
    recipes: Sequence[Viewed], images: Tensor, config: ViewsConfig
) -> tuple[Section, dict[str, dict[str, float]]]:
    """Returns images whose tokens are each replaced by the n-th nearest code (VQGAN-LC Figure 5), and their PSNR in
    dB by recipe and n; n = 0 are the tokens as they are."""
    shown = config.num_images
    rows, figures, left_out = [("original", to_uint8(images[:shown]).numpy())], {}, []
    table = [["", "as they are", *(f"n = {rank:,}" for rank in config.ranks)]]
    for viewed in recipes:
        quantizer = viewed.tokenizer.quantizer
        ranks = [rank for rank in config.ranks if rank < quantizer.num_codes]
        left_out += [viewed.row(f"{quantizer.num_codes:,} codes")] if len(ranks) < len(config.ranks) else []
        tokens = viewed.tokens(images)
        found = {}
        for rank, changed in ({0: tokens} | (replaced(tokens, quantizer, ranks) if ranks else {})).items():
            decoded = viewed.decoded(changed)
            found[str(rank)] = float(peak_signal_to_noise(decoded, images).mean())
            text = f"n = {rank:,}" if rank else "tokens as they are"
            rows.append((viewed.row(text), to_uint8(decoded[:shown]).numpy()))
        figures[viewed.name] = found
        cells = [f"{found[str(rank)]:.2f} dB" if str(rank) in found else "" for rank in (0, *config.ranks)]
        table.append([viewed.row("PSNR"), *cells])
    text = (
        "Every token is replaced by the n-th nearest other code of its book, and the map is decoded (VQGAN-LC Figure "
        f"5). PSNR is the mean of {len(images)} images."
    )
    if left_out:
        text += f" Too few codes for the larger n: {'; '.join(left_out)}."
    return Section("Tokens replaced by near codes", text, [("", table)], [("", labelled_grid(rows))]), figures


def code_section(
    viewed: Viewed, counts: np.ndarray, of: LabelledImages, names: Sequence[str], config: ViewsConfig
) -> Section:
    """Returns maps of the codes by t-SNE, used and unused ones (VQGAN-LC Figure 4), and of images by the mean of their
    codes, a panel for each book, coloured by class (FQGAN Figure 4).

    ``counts`` (k, K) says how often each code is used.
    """
    pictures: list[Picture] = []
    tables = code_tables(viewed.tokenizer.quantizer)
    titles = [f"book {book}" if len(tables) > 1 else "" for book in range(len(tables))]
    if viewed.tokenizer.quantizer.num_codes >= 5:
        maps = [
            (title, map_codes(table, used, config.points, config.seed))
            for title, table, used in zip(titles, tables, counts, strict=True)
        ]
        pictures.append(("Codes by t-SNE, green where they are in use", code_maps(maps)))
    if len(names) > 1 and of.labels is not None:
        chosen = of.labels < min(config.classes, len(names))
        if chosen.sum() >= 5:
            books = books_of(viewed.tokens(of.images[chosen]), viewed.num_books).unbind(1)
            places = [
                (title, on_plane(table[book].mean(1).cpu().numpy(), config.seed))
                for title, table, book in zip(titles, tables, books, strict=True)
            ]
            drawn = class_maps(places, of.labels[chosen].numpy(), names[: config.classes])
            pictures.append(("Val images by the mean of their codes, by class", drawn))
    title = f"Codes on a plane: {viewed.name}" if viewed.name else "Codes on a plane"
    text = "In use is a code that train images have. Places come from t-SNE: near is alike, far means little."
    return Section(title, text, pictures=pictures)
