"""Runs of configs/smoke that are killed again and again, at chosen and at random moments."""

import contextlib
import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conftest import PROJECT
from tests_support import AS_ANYBODY

from pipeline.graph import Recipe
from pipeline.store import Store
from smalti.artifact import Artifact

SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM, "USR1": signal.SIGUSR1, "INT": signal.SIGINT}
LOOK = 0.2  # seconds between two looks for the process to kill
GRACE = 5.0  # seconds in which a stage whose parent died ends itself


def descendants(pid: int) -> list[int]:
    """Returns the living processes below ``pid``, parents first."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(entry.name)] = int(fields[1])
    found, pending = [], [pid]
    while pending:
        parent = pending.pop(0)
        below = sorted(child for child, its in parents.items() if its == parent)
        found += below
        pending += below
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def variable(pid: int, name: str) -> str | None:
    try:
        for item in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if item.startswith(f"{name}=".encode()):
                return item.partition(b"=")[2].decode()
    except OSError:
        pass
    return None


def victim(make: int, who: str) -> int | None:
    """Returns the process to kill: make, the runner, or the stage (of rank 0 or 1); None if it isn't there now."""
    if who in ("make", "group"):
        return make
    below = descendants(make)
    if who == "runner":
        return next((pid for pid in below if "-m pipeline run" in command_line(pid)), None)
    ranks = [pid for pid in below if variable(pid, "RANK") == who.removeprefix("rank ")]
    if ranks:
        return ranks[0]
    servers = [pid for pid in below if "pipeline/fork_server.py" in command_line(pid)]
    forks = [pid for pid in servers if any(pid in descendants(other) for other in servers if other != pid)]
    return forks[0] if forks and who == "rank 0" else None


@dataclass(frozen=True)
class Moment:
    """When to kill: ``marks`` of a folder of runs has something that it had not when the run was started."""

    name: str
    marks: Callable[[Path], frozenset[object]]


def _files(pattern: str) -> Callable[[Path], frozenset[object]]:
    """Returns the files of a pattern with their times, since an earlier kill leaves some behind."""

    def marks(runs: Path) -> frozenset[object]:
        found = []
        for path in runs.glob(pattern):
            with contextlib.suppress(FileNotFoundError):
                found.append((path, path.stat().st_mtime_ns))
        return frozenset(found)

    return marks


PUBLISH = Moment("publish", _files("artifacts/*/.*"))
CHECKPOINT = Moment("checkpoint", _files("work/*/*/checkpoints/*.partial"))
CHECKPOINTED = Moment("checkpointed", _files("work/*/*/checkpoints/*.ckpt"))
SHARDS = Moment("token_shards", _files("work/token_shards/*/*/state.npy"))
KMEANS = Moment("k-means", _files("work/codebook/*/centres/*.part*"))  # between two iterations


def after(seconds: float) -> Moment:
    """Returns a moment so long after a run in some folder was started."""
    begun: dict[Path, float] = {}

    def marks(runs: Path) -> frozenset[object]:
        now = time.monotonic()
        return frozenset(["passed"] if now - begun.setdefault(runs, now) >= seconds else [])

    return Moment(f"after {seconds:.1f} s", marks)


@dataclass(frozen=True)
class Outcome:
    """What came of one kill."""

    who: str
    signal: str
    moment: str
    code: int | None  # None: the run ended before the moment came
    inside: bool  # the aimed place was really caught half done
    seconds: float  # until all processes of the run were gone


def start(runs: Path, recipe: Path, changes: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """Starts ``make pipeline`` in a process group of its own, with this interpreter instead of .venv's, and without the
    rights of root: a plain user is stopped by what a kill leaves read-only."""
    words = [f"BIN={Path(sys.executable).parent}", "READY=", f"RECIPE={recipe}", f"RUNS={runs}"]
    words.append("SET=" + " ".join(f"--set={change}" for change in changes))
    with log.open("ab") as stream:
        return subprocess.Popen(
            [*(AS_ANYBODY or []), "make", "--no-print-directory", "pipeline", *words],
            cwd=PROJECT, stdout=stream, stderr=stream, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )  # fmt: skip


def catch(
    make: "subprocess.Popen[bytes]", runs: Path, who: str, moment: Moment, before: frozenset[object],
    send: Callable[[int], None],
) -> list[int]:  # fmt: skip
    """Calls ``send`` with the process at the moment; returns all processes of the run, none if it ended before."""
    target, family, looked = None, [make.pid], 0.0
    while make.poll() is None:
        if time.monotonic() - looked > LOOK:  # beforehand: a publication is over in the time that a look takes
            target, family = victim(make.pid, who), [make.pid, *descendants(make.pid)]
            looked = time.monotonic()
        if target is not None and moment.marks(runs) - before:
            try:
                send(target)
                return family
            except ProcessLookupError:  # this stage has just ended; its successor is another process
                target, looked = None, 0.0
        time.sleep(0.0002)
    return []


def kill_once(runs: Path, recipe: Path, changes: list[str], who: str, name: str, moment: Moment, log: Path) -> Outcome:
    """Starts the run, waits for the moment, kills, and waits until every process is gone."""
    before = moment.marks(runs)
    make = start(runs, recipe, changes, log)
    # make hands SIGINT on to nobody: a terminal's Ctrl-C goes to the group.
    kill = os.killpg if who == "group" or (who, name) == ("make", "INT") else os.kill
    family = catch(make, runs, who, moment, before, lambda target: kill(target, SIGNALS[name]))
    if not family:
        assert make.wait() == 0, f"failed before it was killed:\n{log.read_text()[-3000:]}"
        return Outcome(who, name, moment.name, None, False, 0.0)
    begun = time.monotonic()
    code = make.wait()
    while any(command_line(pid) for pid in family):
        time.sleep(0.01)
        if time.monotonic() - begun > 60:
            raise AssertionError(f"still alive: {[command_line(pid) for pid in family if command_line(pid)]}")
    seconds = time.monotonic() - begun
    return Outcome(who, name, moment.name, code, bool(moment.marks(runs) - before), seconds)


def check_nothing_half_done(runs: Path, recipe: Path, changes: list[str]) -> None:
    """Every visible artefact is whole, and no lock is held."""
    store = Store(runs)
    for status in Recipe(recipe, changes).status(store).values():
        if status.artifact:
            status.artifact.verify()
    for manifest in runs.glob("artifacts/*/[!.]*"):
        Artifact(manifest).verify()
    until = time.monotonic() + GRACE
    for lock in runs.glob("work/*/*/lock"):
        while not _is_free(lock):
            assert time.monotonic() < until, f"{lock} is held {GRACE} s after the kill"
            time.sleep(0.02)


def _is_free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def digests(runs: Path, recipe: Path, changes: list[str]) -> dict[str, str]:
    """Returns the digest of each stage's result files."""
    found = Recipe(recipe, changes).status(Store(runs))
    return {stage: status.artifact.digest for stage, status in found.items() if status.artifact}


def random_kill(seed: int, victims: list[str], longest: float) -> tuple[str, str, Moment]:
    """Returns victim, signal, and a moment up to ``longest`` seconds after the start. SIGUSR1 is sent to groups and
    runners alone: a stage that starts anew ignores it, GNU make takes it for a wish to see debugging, and the run would
    go on to its end."""
    dice = random.Random(seed)
    victim = dice.choice(victims)
    signals = [name for name in SIGNALS if name != "USR1" or victim in ("runner", "group")]
    return victim, dice.choice(signals), after(dice.uniform(0.5, longest))
