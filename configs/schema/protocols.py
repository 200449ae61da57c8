"""Names of the protocols by which the papers' figures were measured."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Protocol:
    """How a figure was measured, in one line; and the figure of scores.json that is measured alike, "" if none is."""

    how: str
    ours: str = ""


RECONSTRUCTION, GENERATION = "reconstruction/PHASE", "generation/PRIOR/PHASE"
CODEBOOK = "reconstruction/val_codebook"

PROTOCOLS = {
    "unified": Protocol("this project's own; scores.json says it in full", "any"),
    "unnamed": Protocol("the paper names no evaluator, reference or crop"),
    "copied": Protocol("copied from another paper; how isn't said"),
    "adm_val": Protocol(
        "FID by ADM's evaluator against the same 256 px centre crops of the val images", f"{RECONSTRUCTION}/frechet"
    ),
    "adm_train": Protocol(
        "FID or Inception score by ADM's evaluator of 50,000 samples; FID against its statistics of all train images",
        f"{GENERATION}/frechet, {GENERATION}/inception_score",
    ),
    "adm_in_order": Protocol(
        "Inception score by ADM's evaluator over ten parts of the reconstructions, class by class, as the released "
        "code leaves them: far below that of shuffled ones",
        f"{RECONSTRUCTION}/inception_score_in_order",
    ),
    "clean_fid_uncropped": Protocol(
        "clean-fid of the reconstructions, as PNG cut off to uint8, against the val folder: its whole images, squashed"
    ),
    "clean_fid_train": Protocol("clean-fid of samples against the folder of train images, squashed (FFHQ: all images)"),
    "pytorch_fid_float": Protocol("FID by pytorch-fid of float images, resized by torch, against the same val crops"),
    "psnr_rgb": Protocol(
        "PSNR of RGB in uint8, range 1, mean over images (Open-MAGVIT2 cuts off instead of rounding)",
        f"{RECONSTRUCTION}/psnr",
    ),
    "psnr_y": Protocol(
        "PSNR of the Y of ITU-R BT.601, range 255, mean over images: by pyiqa, without rounding to uint8",
        f"{RECONSTRUCTION}/psnr_y",
    ),
    "ssim_percent": Protocol(
        "100 times the SSIM by piq: RGB, Gaussian 11, range 1, without rounding to uint8", f"{RECONSTRUCTION}/ssim"
    ),
    "lpips_alex_misranged": Protocol(
        "LPIPS of AlexNet by pyiqa, which takes images in [0, 1] and was given [-1, 1]; lpips_alex takes them rightly"
    ),
    "usage_val": Protocol("share of the codes that occur among the tokens of all val images", f"{CODEBOOK}/usage"),
    "usage_generated": Protocol(
        "share of the codes that occur among the tokens of the samples", "generation/PRIOR/codebook/usage"
    ),
    "usage_last_65536": Protocol(
        "share of the codes among the last 65,536 tokens of one device in training; uniform draws give 98.2 % "
        "of 16,384 and 86.5 % of 32,768",
        f"{CODEBOOK}/usage_65536",
    ),
}
