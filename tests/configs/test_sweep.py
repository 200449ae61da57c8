"""What is swept is checked when the recipe is read: nothing is drawn of settings that can't be."""

from pathlib import Path

import pytest

from configs.schema.sweep import SweepConfig
from pipeline.graph import Recipe
from smalti.config.latent_sampling import DdimConfig, LdmSamplingConfig
from smalti.config.parsing import ConfigError, parse
from smalti.config.sampling import ArSamplingConfig, GuidanceConfig

SMOKE = Path(__file__).resolve().parents[2] / "configs" / "smoke"
JUDGE = {"judge": {"kind": "efficientnet_lite2"}, "generation_tap": "block0", "num_samples": 10, "budget": 1000}
INPUTS = "{data: data, tokenizer: tokenizer, ar_prior: ar_prior}"


def vary(*axes: str) -> str:
    return f"sweep.ar.vary=[{', '.join(axes)}]"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([vary("{setting: temprature, values: [1]}")], "sweep.yaml: ar: vary[0]: unknown setting 'temprature'; did you "
         "mean 'temperature'?"),
        ([vary("{setting: steps, values: [4]}")], "ar: vary[0]: unknown setting 'steps'; "),
        ([vary("{setting: temperature, values: [1, -1]}")], "ar: vary[0]: temperature: -1 given, expected a number "),
        ([vary("{setting: top_k, values: [2.5]}")], "ar: vary[0]: top_k: 2.5 given, expected a whole number"),
        ([vary("{setting: temperature, values: []}")], "ar: vary[0].values: give at least one for temperature"),
        ([vary()], "ar: vary: name at least one setting"),
        ([vary("{setting: top_k, values: [9]}", "{setting: top_k, values: [8]}")], "of these list one, with all its"),
        ([vary("{setting: guidance, values: [{}]}", "{setting: guidance.scale, values: [8]}")], "of these list one"),
        ([vary("{setting: top_k, values: [9]}", "{setting: top_k_share, values: [0.1]}")],
         "ar: vary[1]: top_k 9 and top_k_share 0.1: give one of them"),
        ([vary("{setting: guidance.scale, values: [[1, 2, 3]]}")], "ar.guidance.scale: give one number, or one for"),
        ([vary("{setting: temperatures, values: [[1, 2]]}")], "ar.temperatures: give one for each of 1 books"),
        ([vary("{setting: guidance.scale, values: [2]}"), "ar_prior.label_dropout=0", "samples.ar={}"],
         "sweep.yaml: ar.guidance.scale: guidance needs a prior that was trained without labels now and then"),
        (["sweep.budget=71"], "sweep.yaml: budget 71: ar asks for up to 2 candidates of 36 samples, 72 in all"),
        (["sweep.passes=2"], "sweep.yaml: budget 72: ar asks for up to 3 candidates of 36 samples, 108 in all"),
        (["sweep.ldm={vary: [{setting: steps, values: [1]}]}"], "ldm: stage sweep has no input ldm_prior; take the"),
        (["sweep.ar=null"], "sweep.yaml: ar: missing; say what is tried of ar_prior (ar: {vary: [...]})"),
        (["sweep.judge={kind: efficientnet_lite0}"], "sweep.yaml: judge: stage codebook learns from package:"),
        (["samples.ldm=auto"], "samples.yaml: ldm: auto, and stage sweep has no block ldm; add it, or write the"),
        (["samples.nar=automatic"], "samples.yaml: nar: 'automatic' given, expected a mapping, 'auto' or null"),
        (["samples.seed=100000"], "samples.yaml: seed 100000: stage sweep chose nar by the noise of this seed"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(changes: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Recipe(SMOKE, changes)
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_auto_without_a_sweep_is_one_line(tmp_path: Path) -> None:
    """Of a tokenizer of another recipe too."""
    given = [name for name in Recipe(SMOKE).nodes["samples"].inputs if name != "sweep"]
    inputs = ", ".join(f"{name}: '{SMOKE}:{name}'" for name in given)
    (tmp_path / "pipeline.yaml").write_text(f"base: {SMOKE}\nstages:\n  samples: {{{inputs}}}\n")
    with pytest.raises(ConfigError, match="nar: auto, and stage samples has no input sweep; add it, or write the sett"):
        Recipe(tmp_path)


def test_a_tokenizer_and_a_sampler_that_do_not_go_together_are_named(tmp_path: Path) -> None:
    """A decoder of bounded codes is given no latents as they come."""
    (tmp_path / "pipeline.yaml").write_text(
        f"base: {SMOKE}\nstages:\n  data:\n  tokenizer: {{data: data}}\n  latent_shards: {{data: data, tokenizer: "
        "tokenizer}\n  ldm_prior: {latent_shards: latent_shards, tokenizer: tokenizer}\n"
        "  sweep: {data: data, tokenizer: tokenizer, ldm_prior: ldm_prior}\n"
        'set:\n  - "tokenizer.quantizer={kind: finite_scalar, levels: [3, 3, 3, 3, 3, 3, 3, 3]}"\n'
        '  - "sweep.ldm={vary: [{setting: quantise, values: [false]}]}"\n  - sweep.ar=null\n  - sweep.nar=null\n'
    )
    with pytest.raises(ConfigError, match=r"sweep\.yaml: ldm\.quantise: a decoder of \w+ codes knows no latents"):
        Recipe(tmp_path)


def test_settings_that_lie_deeper_are_varied_by_dotted_names() -> None:
    """Diffusion's too; a number where the setting is a list is a list of one, and the start's own value is tried."""
    tried = {
        "ar": {"start": {"top_p": 0.9}, "vary": [{"setting": "guidance.scale", "values": [2, "1e0", 4]}]},
        "ldm": {
            "vary": [
                {"setting": "steps", "values": [50, 100]}, {"setting": "method.eta", "values": [0, 0.5]},
            ],
        },
    }  # fmt: skip
    config = parse(SweepConfig, {**JUDGE, **tried}, "sweep.yaml", Path())
    ar, ldm = config.searches()["ar"], config.searches()["ldm"]
    assert ar.line(ar.start, 0) == [
        ArSamplingConfig(top_p=0.9, guidance=GuidanceConfig(scale=(scale,))) for scale in (1.0, 2.0, 4.0)
    ]
    assert ldm.line(ldm.start, 1) == [LdmSamplingConfig(method=DdimConfig(eta=eta)) for eta in (1.0, 0.0, 0.5)]
    assert len(ldm.around_start()) == 1 + 2 + 2


def test_a_setting_that_another_kind_has_is_named() -> None:
    block = {"start": {"method": {"kind": "ddpm"}}, "vary": [{"setting": "method.eta", "values": [0]}]}
    with pytest.raises(ConfigError, match=r"ldm: vary\[0\]: unknown setting 'method.eta'; did you mean 'method'"):
        parse(SweepConfig, {**JUDGE, "ldm": block}, "sweep.yaml", Path())


def test_the_order_of_settings_is_part_of_the_key() -> None:
    """It decides what is found."""
    axes = "{setting: top_p, values: [0.9]}", "{setting: temperature, values: [0.9]}"
    one, other = (
        Recipe(SMOKE, ["sweep.budget=999", vary(*order)]).nodes["sweep"].config for order in (axes, axes[::-1])
    )
    assert one != other
