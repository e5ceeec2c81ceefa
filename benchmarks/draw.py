"""One million people in 5,000 strata: numbers, draw, record and check, with growth. Run: python -m benchmarks.draw"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import pandas as pd

from spi_analysis.survey.sampling import (
    draw_record,
    from_start,
    permanent_random_numbers,
    select_pps,
    select_srs,
    select_systematic,
    start_of,
    verify_draw,
)

SECRET, PUBLIC_VALUE = b"generated for the benchmark", "4711"
LIMIT_SECONDS, LIMIT_GB = 10.0, 4.0


def people(count: int, strata: int) -> pd.DataFrame:
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "person_id": [f"p{i:09d}" for i in range(count)],
            "stratum": [f"s{h}" for h in random.integers(0, strata, count)],
            "sex": random.choice(["f", "m"], count),
            "age_group": random.choice(["<30", "30-49", "50+", None], count),
            "size": random.lognormal(0, 0.5, count),
        }
    )


def timed(count: int, strata: int) -> dict[str, float]:
    """Seconds of each step; ``cpu`` is what the draw itself took of the processor, however busy the machine is."""
    frame = people(count, strata)
    marks, cpu = [time.perf_counter()], [time.process_time()]

    def mark() -> None:
        marks.append(time.perf_counter())
        cpu.append(time.process_time())

    numbers = from_start(permanent_random_numbers(frame["person_id"], SECRET), start_of(PUBLIC_VALUE))
    mark()
    sample = select_srs(frame.assign(prn=numbers), 10, "stratum")
    mark()
    record = draw_record(frame, sample, {"secret": SECRET, "public_value": PUBLIC_VALUE})
    mark()
    assert verify_draw(record, frame, SECRET) == []
    mark()
    select_systematic(frame, 10, "stratum")
    mark()
    select_pps(frame, 10, "size", "stratum", "pareto")
    mark()
    steps = np.diff(marks)
    names = ("numbers", "select", "record", "verify", "systematic", "pareto")
    return {"draw": float(steps[:3].sum()), "cpu": cpu[3] - cpu[0]} | dict(zip(names, map(float, steps), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--strata", type=int, default=5_000)
    options = parser.parse_args()
    rows = {}
    for part in (4, 2, 1):
        count, strata = options.people // part, options.strata // part
        rows[f"{count:,} people, {strata:,} strata"] = timed(count, strata)
    table = pd.DataFrame(rows).T
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(table.round(2).to_string())
    print(
        f"growth of processor time from half to all: {table['cpu'].iloc[-1] / table['cpu'].iloc[-2]:.2f} (2 is linear)"
    )
    print(
        f"draw (numbers + select + record): {table['draw'].iloc[-1]:.1f} s "
        f"({table['cpu'].iloc[-1]:.1f} s of processor), limit {LIMIT_SECONDS:g} s"
    )
    print(f"largest memory: {memory:.2f} GB, limit {LIMIT_GB:g} GB")


if __name__ == "__main__":
    main()
