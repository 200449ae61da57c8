"""Stage ldm_prior: the latent diffusion prior, a UNet."""

from lit_modules.ldm_prior import LitLdmPrior
from pipeline.job import Job, run_stage
from stages.training.prior_training import train_prior

STAGE = "ldm_prior"


def build(job: Job) -> None:
    """Trains and publishes the latent diffusion prior, a UNet."""
    train_prior(job, LitLdmPrior)


if __name__ == "__main__":
    run_stage(STAGE, build)
