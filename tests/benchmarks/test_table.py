"""The tables' rows are recipes that build."""

from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import codebooks, factorised
from benchmarks.table import PROJECT, Row
from pipeline.graph import Recipe
from stages.commands.params import parameter_counts


def test_rows_of_two_books_have_the_single_books_bits(tmp_path: Path) -> None:
    found: dict[tuple[str, ...], tuple[int, int, bool]] = {}
    for i, row in enumerate(factorised.table(64)):
        recipe = Recipe(row.write(tmp_path / str(i)))
        assert parameter_counts(recipe)["tokenizer"]["total"] > 0
        quantizer = recipe.nodes["tokenizer"].config.quantizer
        if quantizer.kind == "factorised":
            taught = bool(recipe.nodes["tokenizer"].config.representation)
            found[row.labels] = (
                quantizer.book.num_codes ** len(quantizer.names),
                quantizer.disentangle_weight > 0,
                taught,
            )
            assert (
                recipe.nodes["ar_prior"].config.network.head.kind
                == {"FAR": "ar", "linear": "linear", "MLP": "mlp"}[row.labels[2]]
            )
        else:
            found[row.labels] = (quantizer.num_codes, False, False)
    assert {codes for codes, _, _ in found.values()} == {4096} == {2 ** int(labels[1]) for labels in found}
    assert found["FQ dual, not disentangled", "12", "FAR"] == (4096, False, True)
    assert found["FQ dual, not taught", "12", "FAR"] == (4096, True, False)
    assert found["FQ dual, neither", "12", "FAR"] == (4096, False, False)


@pytest.mark.parametrize("name", codebooks.METHODS)
def test_codebooks_differ_in_the_codebook_alone(name: str, tmp_path: Path) -> None:
    base = Recipe(Row(("VQ",), "vqgan", ()).write(tmp_path / "base")).nodes
    nodes = Recipe(Row((name,), codebooks.METHODS[name], ()).write(tmp_path / "row")).nodes
    for stage in ("data", "token_shards", "ar_prior", "scores"):
        assert nodes[stage].config == base[stage].config
    assert nodes["tokenizer"].config.training == base["tokenizer"].config.training
    assert ("codebook" in nodes) == (name == "LC")


@pytest.mark.parametrize("benchmark", [codebooks, factorised], ids=lambda module: module.__name__)
def test_published_table_says_what_its_rows_differ_in_besides(benchmark: ModuleType) -> None:
    name = benchmark.__name__.rpartition(".")[2]
    assert benchmark.NOTE in (PROJECT / "docs" / "results" / f"{name}.md").read_text()
