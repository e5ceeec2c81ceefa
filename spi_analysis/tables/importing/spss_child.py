"""Run as a program of its own: gives the columns, labels and missing values of an SPSS or Stata file as a pickle.

pyreadstat is a C library that a damaged file can bring down; here only this process dies with it.
It imports nothing of the project, so that it starts fast. The pickle goes through a pipe and never onto a disk: a file
would hold a whole list of people, readable, and stay there when both processes are killed.
"""

import os
import sys

import pandas as pd
import pyreadstat

FAILED = 3


def main(source: str) -> int:
    """Read ``source``, write to the standard output; the exit code says whether the library could read it."""
    # Whatever else is printed, the library's own words included, must not get between the bytes of the pickle.
    pipe = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        # Codes such as 8 "do not know" are missing to SPSS, but an answer to us.
        read = pyreadstat.read_dta if source.lower().endswith(".dta") else pyreadstat.read_sav
        columns, meta = read(source, output_format="dict", user_missing=True)
    except Exception as error:
        print(type(error).__name__, file=sys.stderr)
        return FAILED
    columns = {name: list(values) for name, values in columns.items()}
    with open(pipe, "wb") as handle:
        pd.to_pickle((columns, meta.variable_value_labels, meta.missing_ranges), handle)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
