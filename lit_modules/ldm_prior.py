"""Training of the LDM prior: the noise in latents (Rombach et al. 2022; VQGAN-LC section 3.3)."""

from torch import Tensor

from lit_modules.latent_prior import PREVIEW_STEPS, Batch, LitLatentPrior, random_times
from smalti.config.latent_sampling import LdmSamplingConfig
from smalti.losses.diffusion import epsilon_loss
from smalti.priors.latent import LatentPrior
from smalti.priors.noise_schedule import scaled_linear_schedule
from smalti.samplers.diffusion import ldm_sampler

SCHEDULE = scaled_linear_schedule()


class LitLdmPrior(LitLatentPrior):
    """Predicts the noise that was added to latents (DDPM eq. 14), by LDM's schedule."""

    def losses(self, network: LatentPrior, latents: Tensor, labels: Tensor, batch: Batch) -> dict[str, Tensor]:
        noise, times = batch["latent_noise"], random_times(batch["noise"][:, 1], len(SCHEDULE))
        noisy = SCHEDULE.add_noise(latents, noise, times)
        return {"noise": epsilon_loss(network(noisy, times.float(), labels), noise)}

    def sample(self, labels: Tensor) -> Tensor:
        settings = LdmSamplingConfig(steps=PREVIEW_STEPS)
        return ldm_sampler(self.averaged_network, settings, 0)(labels, range(len(labels)))
