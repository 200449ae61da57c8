"""Data sets of the Hugging Face hub."""

from pathlib import Path

from configs.schema.sources import HubDataset
from datamodules.entry import Scan
from datamodules.parquet import scan_parquet
from smalti.hub import fetched


def scan_hub(source: HubDataset, folder: Path) -> Scan:
    """Returns the images of a data set's Parquet files, fetched unless they lie unpacked in ``folder``.

    Raises:
        ValueError: the hub can't be reached, or hasn't the data set; what ``scan_parquet`` refuses.
    """
    place = f"data set {source.name} of the hub"
    return scan_parquet(
        source, place, lambda: fetched(source.name, source.revision, [source.files], f"{place}:", "dataset"), folder
    )
