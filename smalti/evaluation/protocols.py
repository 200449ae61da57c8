"""How figures are measured: protocols by name, frozen. Two figures compare only if their protocols are the same."""

from dataclasses import dataclass
from typing import Literal

from smalti.config.parsing import unknown

Resize = Literal["tensorflow", "clean"]


@dataclass(frozen=True)
class Protocol:
    """How images become figures.

    ``resize``: to the network's input: as TensorFlow 1 did in the network itself, or as clean-fid does beforehand
    (Pillow's bicubic filter in float32, any size of image). ``as_given``: the Inception score's parts are consecutive
    images as they come, not of the order of their digests. ``pixels``: figures of pairs, by their functions' names.
    ``lpips_again``: LPIPS is given images in [-1, 1] in the place of [0, 1], which it scales once more.
    """

    name: str
    what: str
    resize: Resize = "tensorflow"
    as_given: bool = False
    pixels: tuple[str, ...] = ("psnr", "ssim")
    lpips_again: bool = False


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "unified",
            "uint8, RGB, range 1, means over images; parts and subsets in the order of the images' digests",
        ),
        Protocol(
            "adm",
            "ADM's evaluator (Dhariwal & Nichol 2021): parts of the Inception score as the images come",
            as_given=True,
        ),
        Protocol(
            "vqgan_lc",
            "VQGAN-LC (Zhu et al. 2024): clean-fid, luma's PSNR, LPIPS of images in [-1, 1] taken for [0, 1]",
            resize="clean",
            pixels=("psnr_y", "ssim"),
            lpips_again=True,
        ),
        Protocol(
            "fqgan",
            "FQGAN and LlamaGen: ADM's features, SSIM of window 7 and a range taken for 2",
            pixels=("psnr", "ssim_llamagen"),
        ),
    )
}


def protocol_named(name: str) -> Protocol:
    """Returns a protocol; ValueError if there is none of this name."""
    if name not in PROTOCOLS:
        raise ValueError(unknown("protocol", name, list(PROTOCOLS)))
    return PROTOCOLS[name]
