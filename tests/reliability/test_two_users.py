"""Two people with one folder of runs: each goes on where the other was, or reads in one line what is in the way."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import PROJECT, SMOKE
from kills import check_nothing_half_done, command_line, descendants, digests
from tests_support import AS_ANYBODY

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.skipif(bool(os.geteuid()) or AS_ANYBODY is None, reason="needs root, to be two others"),
]
ALICE, BOB, GROUP = 40_001, 40_002, 40_000
CHANGES = ["tokenizer.runtime.checkpoint_every=1"]
# A user of this machine, with an umask. An interpreter below a closed folder, such as /root, is shown to them by a
# mount that is theirs alone.
PYTHON = Path(sys.base_prefix).resolve()
CLOSED = next((above for above in reversed(PYTHON.parents) if not above.stat().st_mode & 0o001), None)
SHOW = (
    'mkdir "$5/python"; mount --bind "$3" "$5/python"; mount -t tmpfs -o mode=755 none "$4"; mkdir -p "$3"; '
    'mount --move "$5/python" "$3"; rmdir "$5/python"; '
)
BECOME = (
    f"umask $2; exec setpriv --reuid=$1 --regid={GROUP} --clear-groups env HOME=/nonexistent "
    f"{sys.executable} -m pipeline run {SMOKE} --until tokenizer {' '.join(f'--set={change}' for change in CHANGES)} "
    '--runs "$6"'
)
SCRIPT = ("set -e; " + (SHOW if CLOSED else "") + BECOME).replace("$5/python", "$5/python$$")


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that both can reach and write in."""
    with tempfile.TemporaryDirectory(prefix="shared-") as folder:
        os.chown(folder, -1, GROUP)
        Path(folder).chmod(0o2775)
        yield Path(folder)


def begin(user: int, umask: str, room: Path) -> "subprocess.Popen[str]":
    words = [str(user), umask, str(PYTHON), str(CLOSED), str(room), str(room / "runs")]
    return subprocess.Popen(
        ["unshare", "-m", "sh", "-c", SCRIPT, "sh", *words], cwd=PROJECT, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def run(user: int, umask: str, room: Path) -> tuple[int, str]:
    process = begin(user, umask, room)
    text, _ = process.communicate()
    return process.returncode, text


def killed_when(user: int, umask: str, room: Path, pattern: str) -> bool:
    """Starts the run of a user, and kills all its processes when a file is there; returns whether it was seen before
    the run ended."""
    process = begin(user, umask, room)
    while not any((room / "runs").glob(pattern)):
        if process.poll() is not None:
            said = process.communicate()[0]
            assert process.returncode == 0, said
            return False
        time.sleep(0.0002)
    family = [process.pid, *descendants(process.pid)]
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    while any(command_line(pid) for pid in family):
        time.sleep(0.01)
    return True


def test_each_goes_on_where_the_other_was_killed(
    room: Path, smoke_runs: Path, figure: Callable[[str, str], None]
) -> None:
    places = ["work/codebook/*/centres/*", "work/tokenizer/*/checkpoints/step=00000002.ckpt", "artifacts/tokenizer/.*"]
    kills = [killed_when((ALICE, BOB)[number % 2], "002", room, place) for number, place in enumerate(places)]
    assert kills[:2] == [True, True]  # a publication is over in milliseconds
    code, text = run(BOB, "002", room)
    assert code == 0, text
    check_nothing_half_done(room / "runs", SMOKE, CHANGES)
    expected = digests(smoke_runs, SMOKE, [])
    found = digests(room / "runs", SMOKE, CHANGES)
    assert found == {stage: expected[stage] for stage in ("data", "codebook", "tokenizer")}
    assert {path.stat().st_uid for path in (room / "runs").rglob("*")} == {ALICE, BOB}
    figure("two users in turn on one folder of runs, kills survived", str(sum(kills)))


@pytest.mark.parametrize(
    ("umask", "line"),
    [
        ("022", "cannot be written (Permission denied); have its owner give it to a group that you share"),
        ("077", "cannot be read (Permission denied); have its owner give it to a group that you share"),
    ],
)
def test_a_folder_kept_to_oneself_is_named(umask: str, line: str, room: Path) -> None:
    assert killed_when(ALICE, umask, room, "artifacts/data/*/manifest.json")
    code, text = run(BOB, "002", room)
    errors = [error for error in text.splitlines() if error.startswith("error: ")]
    assert code == 1 and line in errors[0] and "Traceback" not in text, text
