"""Whether a CPU computes in bfloat16, or emulates it."""

from pathlib import Path

UNITS = {"amx_bf16", "avx512_bf16", "bf16"}  # the flags of Intel and AMD; of ARM


def cpu_has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Returns whether the CPU has units for bfloat16, by what Linux says of it; True where that can't be read."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return True
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), None)
    return flags is None or bool(UNITS & set(flags))
