"""Nothing grows: open files and threads after 2,000 updates are those after 200, and memory is that of before."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import pytest
from tests_support import with_inputs_of
from trainings import TRAININGS, Ranks, command, reached, work_folder

# The first validation, which samples a preview, lies before update 200; the last look before the last updates, since a
# training that ends has fewer threads.
SHORT = ["training.updates=2201", "training.validate_every=100", "training.batch_size=4", "runtime.log_every=100"]
PAIRS = [tuple(TRAININGS[i : i + 2]) for i in range(0, len(TRAININGS), 2)]


def usage(pid: int) -> dict[str, int]:
    """Returns resident kB, open files and threads of a process: the least of several looks, since it may be just about
    to read or write a file."""
    looks = []
    for _ in range(5):
        time.sleep(0.04)
        looks.append(usage_now(pid))
    return {name: min(look[name] for look in looks) for name in looks[0]}


def usage_now(pid: int) -> dict[str, int]:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return {"kB": int(status["VmRSS"].split()[0]), "files": files, "threads": int(status["Threads"])}


@pytest.mark.reliability
@pytest.mark.parametrize("stages", PAIRS, ids="-".join)
def test_two_thousand_updates(
    stages: tuple[str, ...], ranks: Ranks, smoke_runs: Path, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    """Two trainings, or one, side by side, each on a thread of its own."""
    folders, seen = {}, {stage: dict[int, dict[str, int]]() for stage in stages}
    for stage, server in zip(stages, ranks.servers, strict=False):
        runs = with_inputs_of(smoke_runs, stage, tmp_path / stage)
        folders[stage] = work_folder(stage, runs, SHORT)
        server.start(command(stage, runs, tmp_path / f"{stage}.ckpt", 1, SHORT, every=200), {"OMP_NUM_THREADS": "1"})
    until = time.monotonic() + 900
    while any(2000 not in found for found in seen.values()):
        assert time.monotonic() < until, seen
        time.sleep(0.1)
        for stage, server in zip(stages, ranks.servers, strict=False):
            assert 2000 in seen[stage] or Path(f"/proc/{server.pid}").exists(), f"{stage} ended after {seen[stage]}"
            update = 200 * (len(seen[stage]) + 1)
            if update <= 2000 and reached(folders[stage], update):
                seen[stage][update] = usage(server.pid)
    assert ranks.wait(len(stages)) == [0] * len(stages)
    for stage, found in seen.items():
        # The heap breathes by three percent: a leak is in the mean of several looks.
        early = mean(found[update]["kB"] for update in range(200, 1001, 200))
        late = mean(found[update]["kB"] for update in range(1200, 2001, 200))
        growth = f"{late / early - 1:+.2%} of {early:.0f} kB"
        figure(f"2,000 updates of {stage}: resident memory in the second half", growth)
        assert late / early - 1 < 0.02 and found[2000]["files"] == found[200]["files"], found
        assert found[2000]["threads"] == found[200]["threads"], found
