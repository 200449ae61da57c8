"""Single faults put into the code that results depend on, and whether a test notices: ``python
tests/reliability/mutants.py [--number 150] [--seed 0] [--figures docs/reliability.md]``.

Places are drawn by the seed from all that cosmic-ray can change, one change for each place. The tests that reach the
changed line run until one fails, the quickest first. Tests that read the smoke chain are left out: a fault must fall by
a test of its own value. Survivors that change no result are explained in equivalent.yaml. What was noticed is kept by
the contents of the program and of the test's file: the same command tries the others.
"""

import argparse
import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SOURCES = [
    "smalti/losses", "smalti/samplers", "smalti/codebooks", "smalti/priors/noise_schedule.py",
    "smalti/priors/masked.py", "smalti/artifact.py", "lit_modules", "datamodules/augmentation.py", "callbacks",
    "pipeline/store.py",
]  # fmt: skip
# Tests that run the code above in their own process.
TESTS = [
    "tests/smalti", "tests/lit_modules", "tests/datamodules", "tests/callbacks", "tests/stages", "tests/pipeline",
    "tests/configs", "tests/test_anything_written.py", "smalti", "lit_modules", "configs", "pipeline", "stages",
]  # fmt: skip
# Floats have no such operators: the mutant would end in a TypeError wherever it stands.
NO_NUMERICS = re.compile(r"LShift|RShift|BitAnd|BitOr|BitXor")
EQUIVALENT = HERE / "equivalent.yaml"
HEADING = "## Mutants"
NOTICED = PROJECT / ".pytest_cache" / "noticed.json"
SLOWEST = 600.0  # seconds; a mutant that loops forever counts as noticed, as a test run would be


@dataclass(frozen=True)
class Mutant:
    """One change: ``source`` is the whole file after it."""

    path: str
    line: int
    last_line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.path}:{self.line} `{self.before}` -> `{self.after}`"


def drawn(number: int, seed: int) -> Iterator[Mutant]:
    """Yields ``number`` mutants that parse, at different places: those with the first hashes of seed and line. A change
    of the code leaves the others drawn."""
    from cosmic_ray.commands.init import _all_work_items
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    places_of_source = [PROJECT / source for source in SOURCES]
    files = sorted(file for place in places_of_source for file in (place.glob("*.py") if place.is_dir() else [place]))
    lines = {file: [line.strip() for line in file.read_text().splitlines()] for file in files}
    places = defaultdict(list)
    for item in _all_work_items(files, {}):
        (mutation,) = item.mutations
        if not NO_NUMERICS.search(mutation.operator_name):
            places[mutation.module_path, mutation.start_pos, mutation.end_pos].append(mutation)

    def rank(mutation: Any, *more: str) -> bytes:
        own, at = lines[mutation.module_path], mutation.start_pos[0] - 1
        place = mutation.module_path.name, own[at], own[:at].count(own[at]), mutation.start_pos[1], mutation.end_pos[1]
        return hashlib.sha256(repr((seed, *place, *more)).encode()).digest()

    chosen = [min(mutations, key=lambda one: rank(one, one.operator_name)) for mutations in places.values()]
    chosen.sort(key=rank)  # by the place alone: one that can be changed in ten ways is drawn as often as any
    for mutation in chosen:
        code = mutation.module_path.read_text()
        changed = mutate_code(code, get_operator(mutation.operator_name)(), mutation.occurrence)
        assert changed is not None
        if not parses(changed):
            continue
        at = mutation.start_pos[0] - 1
        yield Mutant(
            str(mutation.module_path.relative_to(PROJECT)), mutation.start_pos[0], mutation.end_pos[0],
            code.splitlines()[at].strip(), changed.splitlines()[at].strip(), changed,
        )  # fmt: skip
        number -= 1
        if not number:
            return


def parses(code: str) -> bool:
    """Returns whether Python reads the code: the star in front of keywords, for one, is no product."""
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


class Reach:
    """Which tests reach a line, measured once in the unchanged clone by pytest-cov."""

    def __init__(self, folder: Path) -> None:
        from coverage import CoverageData

        seconds, data = folder / "seconds.json", folder / "coverage"
        code = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder",
             "-p", "no:cacheprovider", "-p", "own_value", "--seconds", seconds, "--cov-context=test", "--cov-report=",
             *sorted({f"--cov={source.partition('/')[0]}" for source in SOURCES}), *TESTS],
            cwd=PROJECT, env={**os.environ, "COVERAGE_FILE": str(data), "PYTHONPATH": str(HERE)}, check=False,
        ).returncode  # fmt: skip
        if code:
            raise SystemExit("error: the unchanged tests fail: mutants can't be judged by them")
        self.seconds: dict[str, float] = json.loads(seconds.read_text())
        self.data = CoverageData(str(data))
        self.data.read()

    def tests(self, mutant: Mutant) -> list[str]:
        """Returns the tests of a line, quickest first; of a line that runs at import alone, those of its file."""
        lines = self.data.contexts_by_lineno(str(PROJECT / mutant.path))
        here = {test for line in range(mutant.line, mutant.last_line + 1) for test in lines.get(line, [])}
        if not any(here):
            imported = mutant.line in lines
            here = {test for tests in lines.values() for test in tests} if imported else set()
        found = {context.rpartition("|")[0] for context in here if context}
        return sorted(found, key=lambda test: (self.seconds.get(test, SLOWEST), test))


@cache
def contents_of_the_program() -> bytes:
    """Returns one hash of all code that isn't of tests."""
    names = sorted(subprocess.run(["git", "-C", PROJECT, "ls-files", "*.py"], capture_output=True, text=True,
                                  check=True).stdout.split())  # fmt: skip
    code = [(PROJECT / name).read_bytes() for name in names if not name.startswith("tests/")]
    return hashlib.sha256(b"".join(code)).digest()


def fault(mutant: Mutant, test: str) -> str:
    """Returns one hash of a mutant, of the program around it and of the file of a test."""
    file = PROJECT / test.partition("::")[0]
    own = file.read_bytes() if file.is_file() else b""
    return hashlib.sha256(contents_of_the_program() + mutant.source.encode() + own).hexdigest()


class Noticed:
    """The faults that tests noticed before: the test's name by the mutant's."""

    def __init__(self) -> None:
        kept = json.loads(NOTICED.read_text()) if NOTICED.exists() else {}
        self.kept: dict[str, tuple[str, str]] = {name: (test, key) for name, (test, key) in kept.items()}

    def test(self, mutant: Mutant) -> str:
        """Returns the test that noticed the mutant in the same program, "" if none did or it has changed since."""
        test, key = self.kept.get(mutant.name, ("", ""))
        return test if test and key == fault(mutant, test) else ""

    def add(self, mutant: Mutant, test: str) -> None:
        self.kept[mutant.name] = test, fault(mutant, test)
        NOTICED.parent.mkdir(exist_ok=True)
        NOTICED.write_text(json.dumps(self.kept))


def noticed(mutant: Mutant, tests: list[str], before: str) -> tuple[str, float]:
    """Returns the test that fails, "" if none does, and the seconds that were taken; at once if one did ``before``."""
    begun = time.monotonic()
    if before or not tests:
        return before, 0.0
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy, log = Path(folder) / "clone", Path(folder) / "log"
        for name in subprocess.run(["git", "-C", PROJECT, "ls-files", "-co", "--exclude-standard", "-z"],
                                   capture_output=True, text=True, check=True).stdout.split("\0")[:-1]:  # fmt: skip
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(PROJECT / name, copy / name)
        (copy / mutant.path).unlink()
        (copy / mutant.path).write_text(mutant.source)
        child = os.fork()
        if not child:
            run_tests(copy, log, tests)
        while time.monotonic() - begun < SLOWEST:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            time.sleep(0.05)
        else:
            os.killpg(child, 9)
            os.waitpid(child, 0)
            return f"none: over {SLOWEST:.0f} s", time.monotonic() - begun
        text = log.read_text(errors="replace")
    if status == 0:
        return "", time.monotonic() - begun
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
    last_words = text.strip().splitlines() or [f"status {status}"]
    return failed[0] if failed else last_words[-1], time.monotonic() - begun


def run_tests(copy: Path, log: Path, tests: list[str]) -> None:
    """Runs tests of a copy of the clone in this process, which has imported libraries alone, and ends it."""
    import pytest

    os.setpgid(0, 0)
    stream = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    os.chdir(copy)
    sys.path[:] = [str(copy), *(path for path in sys.path if Path(path).resolve() not in (PROJECT, HERE))]
    code = pytest.main(["-q", "-x", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", *tests])
    sys.stdout.flush()
    os._exit(int(code) & 0xFF)


def explained(mutant: Mutant, reasons: list[dict[str, str]]) -> str | None:
    """Returns why a mutant changes no result, if equivalent.yaml says so."""
    for entry in reasons:
        change = entry["before"], entry["after"]
        if entry["file"] in ("*", mutant.path) and change == (mutant.before, mutant.after):
            return entry["why"]
    return None


def table(results: list[tuple[Mutant, str, str | None]], seed: int, minutes: float, earlier: int) -> str:
    """Returns the section of docs/reliability.md."""
    counted = [result for result in results if result[2] is None]
    killed = sum(bool(test) for _, test, _ in counted)
    places = Counter(mutant.path.rpartition("/")[0] for mutant, _, _ in counted)
    fell = Counter(mutant.path.rpartition("/")[0] for mutant, test, _ in counted if test)
    lines = [
        f"By `make mutants`, seed {seed}, in {minutes:.0f} minutes, {earlier} faults kept from an earlier run of the "
        f"same program: of {len(results)} single faults, drawn from all that cosmic-ray can put into "
        f"{', '.join(sorted(places))}, {len(results) - len(counted)} change no result "
        f"and {killed} of the other {len(counted)} ({killed / len(counted):.1%}) made a test fail that reaches their "
        "line. Tests that read the smoke chain were left out.", "",
        "| where | noticed |", "|---|---|",
        *(f"| {place} | {fell[place]} of {number} |" for place, number in sorted(places.items())), "",
    ]  # fmt: skip
    for title, chosen in (
        ("Not noticed:", [f"- {m.name}" for m, test, why in results if not test and not why]),
        ("Change no result:", [f"- {m.name}: {why}" for m, _, why in results if why]),
    ):
        lines += [title, "", *(chosen or ["- none"]), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=150, help="how many faults are tried (150)")
    parser.add_argument("--seed", type=int, default=0, help="which faults are drawn (0)")
    parser.add_argument("--figures", type=Path, help="the file whose section on mutants is written")
    parser.add_argument("--least", type=float, default=0.95, help="the share that must be noticed (0.95)")
    arguments = parser.parse_args()
    begun = time.monotonic()
    mutants = list(drawn(arguments.number, arguments.seed))
    reasons = yaml.safe_load(EQUIVALENT.read_text()) or []
    with tempfile.TemporaryDirectory(prefix="reach-") as folder:
        reach = Reach(Path(folder))
        tests = [reach.tests(mutant) for mutant in mutants]
    for module in ("torch", "lightning.pytorch", "torchmetrics", "torchvision", "timm", "scipy.stats", "pytest"):
        __import__(module)  # once, for all that are forked
    results, kept = [], Noticed()
    earlier = [kept.test(mutant) for mutant in mutants]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("fork")) as pool:
        for number, (mutant, (test, seconds)) in enumerate(
            zip(mutants, pool.map(noticed, mutants, tests, earlier), strict=True)
        ):
            if test:
                kept.add(mutant, test)
            why = None if test else explained(mutant, reasons)
            results.append((mutant, test, why))
            what = test or (f"changes no result: {why}" if why else f"NOT NOTICED by {len(tests[number])} tests")
            print(f"{number + 1}/{len(mutants)} {mutant.name}: {what} ({seconds:.0f} s)", flush=True)
    minutes = (time.monotonic() - begun) / 60
    text = table(results, arguments.seed, minutes, sum(map(bool, earlier)))
    print(text)
    if arguments.figures:
        before, _, after = arguments.figures.read_text().partition(f"{HEADING}\n")
        _, mark, rest = after.partition("\n## ")
        arguments.figures.write_text(f"{before.rstrip()}\n\n{HEADING}\n\n{text.rstrip()}\n{mark}{rest}")
    counted = [test for _, test, why in results if not why]
    share = sum(map(bool, counted)) / len(counted)
    if share < arguments.least:
        raise SystemExit(f"error: {share:.1%} of the faults were noticed: {arguments.least:.0%} are asked for")


if __name__ == "__main__":
    main()
