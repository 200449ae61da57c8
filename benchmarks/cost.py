"""Time and peak memory of a call, as every benchmark here takes them."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """``seconds`` of the fastest of several calls, ``megabytes`` that one call needs beyond what is there before."""

    seconds: float
    megabytes: float


def _status(field: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def measure(call: Callable[[], object], repeats: int = 3) -> Cost:
    """Returns the cost of ``call``, on Linux; the peak is the kernel's own high-water mark, set back before."""
    call()
    # What earlier calls left to the allocator can come back in between: the smallest peak is the call's own.
    peaks = [peak_of(call) for _ in range(2)]
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return Cost(min(seconds), max(0.0, min(peaks)))


def peak_of(call: Callable[[], object]) -> float:
    """Returns the megabytes that ``call`` needs beyond what is there before."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    call()
    return _status("VmHWM") - before


def table(title: str, rows: dict[str, Cost], reference: str) -> None:
    """Prints one row a contender, with its time and memory as multiples of ``reference``'s."""
    print(f"\n{title}")
    base = rows[reference]
    for name, cost in rows.items():
        times, memory = cost.seconds / base.seconds, cost.megabytes / max(base.megabytes, 0.1)
        own = f"{cost.seconds * 1e3:10.1f} ms{cost.megabytes:10.0f} MB"
        print(f"  {name:36}{own}   x{times:7.2f} time  x{memory:7.2f} memory")
