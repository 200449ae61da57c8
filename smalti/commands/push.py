"""``smalti push``: a saved folder to the Hugging Face hub."""

import argparse
from pathlib import Path

TEXT = "puts a folder that save() or 'smalti import' wrote into a repository of the Hugging Face hub"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="folder of a saved tokenizer or prior")
    parser.add_argument("name", help="the repository, OWNER/NAME; it is made if it isn't there")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--revision", metavar="BRANCH", help="branch to commit to (default main)")


def run(options: argparse.Namespace) -> None:
    """Pushes all three files in one commit."""
    from smalti.hub import push

    print(f"{options.name}: commit {push(options.folder, options.name, options.private, options.revision)}")
