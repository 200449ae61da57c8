"""Stage dit_prior: the diffusion transformer prior."""

from lit_modules.dit_prior import LitDitPrior
from pipeline.job import Job, run_stage
from stages.training.prior_training import train_prior

STAGE = "dit_prior"


def build(job: Job) -> None:
    """Trains and publishes the diffusion transformer prior."""
    train_prior(job, LitDitPrior)


if __name__ == "__main__":
    run_stage(STAGE, build)
