"""WebDataset: tar shards whose members of one name are one sample."""

import tarfile
from pathlib import Path, PurePosixPath

from datamodules.entry import Entry, Scan
from datamodules.folders import IMAGE_SUFFIXES


def _members(shard: Path) -> tuple[dict[str, tarfile.TarInfo], dict[str, str], int]:
    """Returns the image members of a tar shard and its labels, by sample key, and the number of its captions.

    Raises:
        tarfile.TarError: the shard is cut off or damaged anywhere.
        ValueError: a sample has two images.
    """
    images: dict[str, tarfile.TarInfo] = {}
    labels: dict[str, str] = {}
    captions = 0
    with tarfile.open(shard, "r:") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            if not member.isfile() or not path.name:
                continue
            key = str(path.with_name(path.name.partition(".")[0]))
            if path.suffix.lower() in IMAGE_SUFFIXES:
                if key in images:
                    raise ValueError(
                        f"{shard}: {images[key].name} and {member.name} are images of one sample; keep one of them"
                    )
                if member.issparse():
                    raise ValueError(f"{shard}: {member.name} is stored with holes; pack it without tar's --sparse")
                images[key] = member
            elif path.suffix == ".txt":
                captions += 1
            elif path.suffix == ".cls":
                stream = archive.extractfile(member)
                labels[key] = stream.read(1024).decode(errors="replace").strip() if stream else ""
        _check_end(archive)
    return images, labels, captions


def _check_end(archive: tarfile.TarFile) -> None:
    """Raises tarfile.ReadError unless only zeros follow the last member: tarfile takes a damaged header for the end."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    while data := archive.fileobj.read(2**20):
        if data.strip(b"\0"):
            raise tarfile.ReadError(f"damaged at byte {archive.offset}")


def scan_webdataset(root: Path) -> Scan:
    """Returns the image members of all tar shards below ``root``, with offsets by which they are read at random.

    Nothing is unpacked; a member's path is only its name.
    """
    entries: list[Entry] = []
    captions = 0
    shards = sorted(path for path in root.rglob("*.tar") if path.is_file())
    for shard in shards:
        file = str(shard.relative_to(root))
        try:
            images, labels, told = _members(shard)
        except tarfile.TarError as error:
            raise ValueError(f"{shard}: not a readable tar file ({error}); fetch it again or take it out") from error
        captions += told
        missing = len(images.keys() - labels.keys())
        if 0 < missing < len(images):
            raise ValueError(f"{shard}: {missing} images have no label; give all or none")
        entries += [
            Entry(file, member.size, member.offset_data, labels.get(key), name=key) for key, member in images.items()
        ]
    if len({entry.label is None for entry in entries}) == 2:
        raise ValueError(f"data root {root}: some shards have a label for every image and some don't; give all or none")
    notes = [f"{captions} captions (.txt) are left out; a class stands in a .cls file"] if captions else []
    return Scan(root, entries, by_number=True, notes=notes)
