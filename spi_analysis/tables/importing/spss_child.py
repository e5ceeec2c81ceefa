"""Run as a program of its own: leaves the columns, labels and missing values of an SPSS or Stata file in a pickle.

pyreadstat is a C library that a damaged file can bring down; here only this process dies with it.
It imports nothing of the project, so that it starts fast.
"""

import pickle
import sys

import pyreadstat

FAILED = 3


def main(source: str, target: str) -> int:
    """Read ``source``, write ``target``; the exit code says whether the library could read it."""
    try:
        # Codes such as 8 "do not know" are missing to SPSS, but an answer to us.
        read = pyreadstat.read_dta if source.lower().endswith(".dta") else pyreadstat.read_sav
        columns, meta = read(source, output_format="dict", user_missing=True)
    except Exception as error:
        print(type(error).__name__, file=sys.stderr)
        return FAILED
    columns = {name: list(values) for name, values in columns.items()}
    with open(target, "wb") as handle:
        pickle.dump((columns, meta.variable_value_labels, meta.missing_ranges), handle)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
