"""Feeds the parsers of what comes from outside with bytes that reach new code in them, for a while each.

A parser may refuse in its own words; any other exception is a finding: its input is kept below `.fuzz/` and the command
exits 1. Inputs that reached new code are kept there too, so that the next run begins where this one ended. Needs
atheris (coverage-guided); without it, or with `--blind`, it changes the seeds at random, which finds less.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzz_targets import Target

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".fuzz"
INPUT_BYTES_MAX = 4096
LOOKED_INTO = ["vendomat.cloud.payments", "vendomat.protocol", "vendomat.simulator.gateways"]
START_S_MAX = 300
"""How long a target may take to begin: looking into code is slow work."""


def run_blind(target: Target, seconds: float, seed: int) -> int:
    """Random changes of the seeds, the same for the same `seed`; how many inputs were tried."""
    choice, tried = random.Random(seed), 0
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        data = changed(choice.choice(target.seeds), choice)
        target.feed(data)
        tried += 1
    return tried


def changed(data: bytes, choice: random.Random) -> bytes:
    """`data` with one to four changes."""
    made = bytearray(data)
    for _ in range(choice.randint(1, 4)):
        at = choice.randrange(len(made) + 1)
        match choice.randrange(4):
            case 0:
                made[at:at] = bytes(choice.randrange(256) for _ in range(choice.randint(1, 8)))
            case 1:
                del made[at : at + choice.randint(1, 8)]
            case 2 if made:
                made[at % len(made)] ^= 1 << choice.randrange(8)
            case _:
                made[at:at] = made[: choice.randint(0, len(made))]
    return bytes(made[:INPUT_BYTES_MAX])


def run_guided(name: str, seconds: int) -> None:
    """In this process, which ends here: the library never returns. Only what is imported under it is looked into."""
    import atheris

    with atheris.instrument_imports(include=LOOKED_INTO):
        from fuzz_targets import TARGETS
    target, folder = TARGETS[name], KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(target.seeds):
        (folder / f"seed-{index}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", f"-artifact_prefix={KEPT}/broken-{name}-"]
    options += ["-timeout=10", "-verbosity=0", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], str(folder), *options], target.feed)
    atheris.Fuzz()


def is_guided_possible() -> bool:
    try:
        import atheris  # noqa: F401
    except ImportError:
        return False
    return True


def main() -> int:
    """The command: every target in a process of its own, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", help="this one alone, in this process")
    parser.add_argument("--blind", action="store_true", help="random changes, without looking at what they reach")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    is_blind = given.blind or not is_guided_possible()
    if given.target and not is_blind:
        run_guided(given.target, given.seconds)
    from fuzz_targets import TARGETS

    if given.target:
        tried = run_blind(TARGETS[given.target], given.seconds, given.seed)
        print(f"fuzz: {given.target}: {tried} inputs at random, nothing broke")
        return 0
    broken = [name for name in TARGETS if not _is_whole(name, given.seconds, is_blind=is_blind)]
    print(f"fuzz: broken: {', '.join(broken)}; the inputs are in {KEPT.name}/" if broken else "fuzz: nothing broke")
    return 1 if broken else 0


def _is_whole(name: str, seconds: int, *, is_blind: bool) -> bool:
    """Feed one target in a process of its own."""
    print(f"fuzz: {name}", flush=True)
    command = [
        sys.executable,
        __file__,
        "--target",
        name,
        "--seconds",
        str(seconds),
        *(["--blind"] if is_blind else []),
    ]
    try:
        return subprocess.run(command, check=False, cwd=ROOT, timeout=seconds + START_S_MAX).returncode == 0
    except subprocess.TimeoutExpired:
        print(f"fuzz: {name} did not come to an end")
        return False


if __name__ == "__main__":
    sys.exit(main())
