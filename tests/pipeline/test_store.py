"""The store: complete or absent, one writer, damage is loud."""

import errno
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests_support import say_otherwise

from pipeline.store import Store, make_key
from pipeline.work_folder import begun
from smalti.artifact import Artifact, misshapen


def publish(store: Store, text: str = "result", key: str = "k" * 16) -> Artifact:
    work = store.work("toy", key)
    work.mkdir(parents=True, exist_ok=True)
    (work / "a.txt").write_text(text)
    (work / "log.csv").write_text("record")
    files, records = {"a.txt": work / "a.txt"}, {"log.csv": work / "log.csv"}
    return store.publish(
        "toy", key, files=files, records=records, identity={"config": {}, "inputs": {}, "weights": {}}, facts={"n": 1},
        made_by={},
    )  # fmt: skip


def test_publish_and_find(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.find("toy", "k" * 16) is None
    publish(store)
    found = store.find("toy", "k" * 16)
    assert found and found.facts == {"n": 1} and found.file("a.txt").read_text() == "result"
    found.verify()
    assert not list((tmp_path / "artifacts" / "toy").glob(".*"))


def test_a_file_in_a_folder_of_a_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    work = store.work("toy", "k" * 16)
    work.mkdir(parents=True)
    (work / "a.txt").write_text("deep")
    identity: dict[str, Any] = {"config": {}, "inputs": {}, "weights": {}}
    files = {"train/first/a.txt": work / "a.txt"}
    made = store.publish("toy", "k" * 16, files=files, records={}, identity=identity, facts={}, made_by={})
    assert made.file("train/first/a.txt").read_text() == "deep"


def test_digest_covers_files_not_records(tmp_path: Path) -> None:
    one, two = Store(tmp_path / "1"), Store(tmp_path / "2")
    first, second = publish(one), publish(two)
    assert first.digest == second.digest
    assert publish(Store(tmp_path / "3"), "other").digest != first.digest


def test_changed_byte_is_named(tmp_path: Path) -> None:
    artifact = publish(Store(tmp_path))
    file = artifact.file("a.txt")
    file.chmod(0o644)
    file.write_text("Result")
    with pytest.raises(ValueError, match=r"a\.txt: damaged \(sha256 differs"):
        Artifact(artifact.path).verify()


@pytest.mark.parametrize(
    ("text", "expected"), [("recorD", "sha256 differs"), ("more", r"4 bytes, expected 6"), (None, "missing")]
)
def test_a_changed_record_is_named(text: str | None, expected: str, tmp_path: Path) -> None:
    """It stays out of the digest; people look at it all the same."""
    file = publish(Store(tmp_path)).file("log.csv")
    file.chmod(0o644)
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(ValueError, match=rf"log\.csv: damaged \({expected}"):
        Artifact(file.parent).verify()


def test_records_that_were_published_without_hashes_are_still_read(tmp_path: Path) -> None:
    artifact = publish(Store(tmp_path))
    entry = json.dumps(artifact.manifest["records"])
    manifest = artifact.path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text())))
    say_otherwise(manifest, entry, '["log.csv"]')
    older = Artifact(artifact.path)
    older.verify()
    assert older.file("log.csv").read_text() == "record"


def test_a_file_that_was_not_published_is_named(tmp_path: Path) -> None:
    """A further shard, say, which a reader of all shards would take for one of them."""
    artifact = publish(Store(tmp_path))
    (artifact.path / ".nfs0001").write_text("of a file that somebody still reads")
    artifact.verify()
    (artifact.path / "train").mkdir()
    (artifact.path / "train" / "tokens-00001.npy").write_text("more")
    with pytest.raises(ValueError, match=r"train/tokens-00001\.npy: wasn't published with k+; take it out"):
        artifact.verify()


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a.txt", "train/../../a.txt"])
def test_a_manifest_names_files_in_its_folder_alone(name: str, tmp_path: Path) -> None:
    """Sealed as it may be."""
    manifest = json.loads((publish(Store(tmp_path)).path / "manifest.json").read_text())
    assert not misshapen(manifest)
    manifest["files"][name] = manifest["files"].pop("a.txt")
    assert misshapen(manifest) == f"{name!r} is no name of a file in the folder"


def test_results_that_changed_places_are_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one, two = publish(store, "one", "a" * 16).path, publish(store, "two", "b" * 16).path
    aside = one.rename(tmp_path / "aside")
    assert Artifact(aside).facts == {"n": 1}, "outside of the store a copy may have any name"
    (tmp_path / "a" / "deep").mkdir(parents=True)
    aside = aside.rename(tmp_path / "a" / "deep" / "aside")
    assert Artifact(aside).facts == {"n": 1}
    two.rename(one)
    aside.rename(two)
    for key in ("a" * 16, "b" * 16):
        with pytest.raises(ValueError, match=r"holds toy [ab]+, so it was moved here; move it back to artifacts/toy/"):
            store.find("toy", key)


@pytest.mark.parametrize(
    ("facts", "name"),
    [({"val_loss": math.nan}, "val_loss: nan"), ({"a": {"b": [0.0, -math.inf]}}, r"a\.b\.1: -inf")],
)
def test_a_fact_that_is_not_finite_is_not_published(facts: dict[str, Any], name: str, tmp_path: Path) -> None:
    work = Store(tmp_path).work("toy", "key")
    work.mkdir(parents=True)
    (work / "a.txt").write_text("result")
    with pytest.raises(ValueError, match=rf"fact {name}; nothing that isn't finite is published"):
        Store(tmp_path).publish(
            "toy", "key", files={"a.txt": work / "a.txt"}, records={}, identity={}, facts=facts, made_by={},
        )  # fmt: skip
    assert not list((tmp_path / "artifacts").glob("toy/*")) and (work / "a.txt").exists()


def test_digest_of_other_files_is_refused(tmp_path: Path) -> None:
    """What was made from these files is keyed by the digest: it can't be another's."""
    artifact, manifest = publish(Store(tmp_path)), tmp_path / "artifacts" / "toy" / ("k" * 16) / "manifest.json"
    say_otherwise(manifest, artifact.digest, "0" * 64)
    with pytest.raises(ValueError, match=r"manifest\.json: damaged \(digest isn't that of the files\)"):
        Artifact(artifact.path).verify()


def test_a_changed_byte_of_the_manifest_is_named(tmp_path: Path) -> None:
    """Networks are rebuilt from facts and config, which the digest of the files doesn't cover."""
    manifest = publish(Store(tmp_path)).path / "manifest.json"
    whole = manifest.read_text()
    manifest.write_text(whole.replace('"n": 1', '"n": 3'))
    with pytest.raises(ValueError, match=r"manifest\.json: damaged \(what it says isn't what was sealed\)"):
        _ = Artifact(manifest.parent).facts
    unsealed = {name: value for name, value in json.loads(whole).items() if name != "seal"}
    manifest.write_text(json.dumps(unsealed))
    with pytest.raises(ValueError, match="isn't what was sealed"):
        _ = Artifact(manifest.parent).facts


def test_missing_file_is_named_when_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish(store).file("a.txt").unlink()
    with pytest.raises(ValueError, match=r"a\.txt: damaged \(missing"):
        store.find("toy", "k" * 16)


def test_manifest_of_another_schema_is_refused(tmp_path: Path) -> None:
    artifact = publish(Store(tmp_path))
    manifest = artifact.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"schema": 1', '"schema": 99'))
    with pytest.raises(ValueError, match="schema 99"):
        _ = Artifact(artifact.path).manifest


def test_second_writer_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    holder = store.lock("toy", "key")
    code = (
        "import sys; from pathlib import Path; from pipeline.store import Store; "
        "Store(Path(sys.argv[1])).lock('toy', 'key')"
    )
    other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert other.returncode != 0 and f"process {os.getpid()} on " in other.stderr
    assert "is working on stage toy; wait for it or end it" in other.stderr
    holder.close()
    store.lock("toy", "key").close()


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(ValueError, match=r"cannot be locked \(No locks available\); mount this file system with flock"):
        Store(tmp_path).lock("toy", "key")


def test_a_work_folder_that_cannot_be_cleared_yet_does_not_fail_the_publication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS keeps files that are deleted while they are mapped; the next run clears them."""

    def busy(work: Path) -> None:
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.store.clear", busy)
        publish(Store(tmp_path))
    assert begun(Store(tmp_path).work("toy", "k" * 16))
    Store(tmp_path).tidy("toy", "k" * 16)
    assert not begun(Store(tmp_path).work("toy", "k" * 16))


def test_left_over_of_a_killed_publish_is_cleared_by_the_next_writer(tmp_path: Path) -> None:
    store = Store(tmp_path)
    half = tmp_path / "artifacts" / "toy" / ".key.123"
    half.mkdir(parents=True)
    assert store.find("toy", "key") is None
    store.lock("toy", "key").close()
    assert not half.exists()


def test_a_publication_killed_half_way_leaves_files_that_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published files are read-only, and links of those in the work folder."""
    store, work = Store(tmp_path), tmp_path / "work" / "toy" / ("k" * 16)

    def killed(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", killed)
        publish(store)
    assert (work / "a.txt").stat().st_mode & 0o777 == 0o444
    store.lock("toy", "k" * 16).close()
    assert (work / "a.txt").stat().st_mode & 0o777 == 0o644
    assert (work / "a.txt").read_text() == "result"

    artifact = publish(store)
    os.link(artifact.file("a.txt"), work / "a.txt")  # killed before the work folder was cleared
    store.lock("toy", "k" * 16).close()
    assert [path.name for path in work.iterdir()] == ["lock"] and artifact.file("a.txt").read_text() == "result"


def test_a_forced_publication_killed_between_its_renames_keeps_the_old_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, key, rename = Store(tmp_path), "k" * 16, Path.rename
    publish(store, "old")

    def killed(self: Path, target: Path) -> Path:
        if target == store.path("toy", key):
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", killed)
        publish(store, "new")
    store.lock("toy", key).close()
    found = store.find("toy", key)
    assert found and found.file("a.txt").read_text() == "old"
    assert not list(found.path.parent.glob(".*"))
    assert publish(store, "new").file("a.txt").read_text() == "new"


def test_work_that_a_kill_left_behind_a_publication_is_tidied(tmp_path: Path) -> None:
    store, key = Store(tmp_path), "k" * 16
    artifact, work = publish(store), store.work("toy", key)
    os.link(artifact.file("a.txt"), work / "a.txt")
    (work / "step=1.ckpt").write_text("large")
    holder = store.lock("toy", "other")
    store.tidy("toy", key)
    assert [path.name for path in work.iterdir()] == ["lock"]
    (store.work("toy", "other") / "step=1.ckpt").write_text("of somebody at work")
    store.tidy("toy", "other")
    assert (store.work("toy", "other") / "step=1.ckpt").exists()
    holder.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_full_disk_at_publish_loses_nothing(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False)
    if mounted.returncode:
        pytest.skip("this sandbox doesn't allow mounts")
    try:
        store = Store(small)
        publish(store, key="a" * 16)
        big = tmp_path / "big.bin"
        big.write_bytes(b"x" * 200_000)
        work = store.work("toy", "b" * 16)
        work.mkdir(parents=True)
        with pytest.raises(
            ValueError, match=r"No space left on device.*free some space and run the same command again"
        ):
            store.publish("toy", "b" * 16, files={"big.bin": big}, records={}, identity={}, facts={}, made_by={})
        assert store.find("toy", "b" * 16) is None and store.find("toy", "a" * 16) is not None
        assert not list((small / "artifacts" / "toy").glob(".*"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_key_depends_on_every_part() -> None:
    base = {"stage": "toy", "config": {"a": 1}, "inputs": {"x": "digest"}}
    keys = {make_key(base), make_key({**base, "config": {"a": 2}}), make_key({**base, "inputs": {"x": "other"}})}
    assert len(keys) == 3 and make_key(dict(reversed(base.items()))) in keys
