"""How a process of ours is set up before libraries are loaded: one thread, and no grammars that nobody asks for."""

import sys

# Threads of the linear algebra libraries, which get in each other's way where several processes run.
SINGLE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


def skip_grammars() -> None:
    """Keep jsonschema, which nbformat loads, from building grammars of IRIs: over a second, and no notebook has one."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
