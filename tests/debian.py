"""Programs of Debian's packages that tests need."""

import shutil
import subprocess


def program(name: str, package: str, required: bool) -> str | None:
    """Returns where a program is; one that is required is installed, as root; else None if it isn't there."""
    if shutil.which(name) is None and required:
        for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", package]):
            subprocess.run(["apt-get", *words], check=True, capture_output=True)
    return shutil.which(name)
