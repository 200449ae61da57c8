"""``smalti weights``: the networks of ``smalti evaluate``, fetched where there is a network."""

import argparse

TEXT = "fetches those networks of smalti evaluate that aren't in $SMALTI_WEIGHTS yet; needs a connection"
NETWORKS = ("inception", "dinov2", "clip", "lpips")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = f"which of {', '.join(NETWORKS)} (default: all; lite2 comes as a package)"
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=what)


def run(options: argparse.Namespace) -> None:
    """Prints each file with its sha256; source and licence stand in ``weights.json`` beside it."""
    from smalti.config.parsing import unknown
    from smalti.evaluation.networks import LPIPS
    from smalti.evaluation.networks import NETWORKS as JUDGES
    from smalti.fetching import Source, fetch_missing

    wanted: dict[str, Source] = {}
    for name in options.networks or NETWORKS:
        if name not in NETWORKS:
            raise ValueError(unknown("network", name, list(NETWORKS)))
        configs = LPIPS if name == "lpips" else (JUDGES[name].config,)
        wanted |= {config.weights: config for config in configs}
    for path, said in fetch_missing(wanted):
        print(f"{path}: {said}")
