"""The hooks of pre-commit and the workflow of GitHub run what `make lint` and .ci/run run, and nothing else."""

import os
import re
from typing import Any

import yaml
from conftest import PROJECT


def test_hooks_are_the_commands_of_make_lint() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    binaries = re.search(r"^BIN := (.+)$", makefile, re.M)
    recipe = re.search(r"^lint:.*\n((?:\t.+\n)+)", makefile, re.M)
    assert binaries and recipe
    commands = [line.strip().replace("$(BIN)", binaries[1]) for line in recipe[1].splitlines()]
    config: dict[str, Any] = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())
    (source,) = config["repos"]
    assert source["repo"] == "local"  # other sources would bring versions of their own
    assert [hook["entry"] for hook in source["hooks"]] == commands
    assert all(hook["language"] == "system" and hook["pass_filenames"] is False for hook in source["hooks"])


def test_the_workflow_runs_what_a_change_must_pass() -> None:
    workflow: dict[Any, Any] = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())
    assert set(workflow[True]) == {"push", "pull_request"}  # YAML 1.1 reads "on" as a truth value
    (job,) = workflow["jobs"].values()
    assert job["runs-on"] == "ubuntu-latest" and job["container"].startswith("python:3.11")
    assert [step["run"] for step in job["steps"] if "run" in step] == ["bash .ci/run"]
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)
    assert "Python 3.11" in (PROJECT / "constraints.txt").read_text().splitlines()[0]
