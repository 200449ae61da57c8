"""Nothing grows: memory, open files and threads after 2,000 updates are those after 200."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests_support import with_inputs_of
from trainings import Ranks, command, wait_for_update, work_folder

# The first validation, which samples a preview, lies before update 200.
SHORT = ["training.updates=2001", "training.validate_every=100", "training.batch_size=2", "runtime.log_every=100"]


def usage(pid: int) -> dict[str, int]:
    """Returns resident kB, open files and threads of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return {"kB": int(status["VmRSS"].split()[0]), "files": files, "threads": int(status["Threads"])}


@pytest.mark.reliability
@pytest.mark.parametrize("stage", ["tokenizer", "decoder", "ar_prior", "nar_prior"])
def test_two_thousand_updates(
    stage: str, ranks: Ranks, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    runs, seen = with_inputs_of(smoke_runs, stage, tmp_path / "runs"), {}
    words = [*SHORT, "runtime.checkpoint_every=200"]
    line = [word for word in command(stage, runs, tmp_path / "kept", 1, words) if "checkpoint_every=1" not in word]
    ranks.start(1, [*line, "runtime.checkpoint_every=200"])
    folder = work_folder(stage, runs, words)
    for update in range(200, 2001, 200):
        wait_for_update(folder, update, seconds=600)
        time.sleep(0.2)
        seen[update] = usage(ranks.nurseries[0].pid)
    assert ranks.wait(1) == [0]
    growth = seen[2000]["kB"] / seen[200]["kB"] - 1
    figure(f"2,000 updates of {stage}: resident memory since update 200", f"{growth:+.2%} of {seen[200]['kB']} kB")
    assert growth < 0.02 and seen[2000]["files"] == seen[200]["files"], seen
    assert seen[2000]["threads"] == seen[200]["threads"], seen
