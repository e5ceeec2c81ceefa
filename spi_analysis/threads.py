"""How libraries are loaded: one thread, no grammars that nobody asks for, and the large ones only when they are used.

Commands that only look (`spi status`), and those that refuse, check parameters with the classes of the library's
methods. Loading numpy, pandas and scipy for this would take longer than all else that they do, so the modules on their
way take these three from here.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["SINGLE_THREAD", "np", "pd", "scipy", "skip_grammars"]

# Threads of the linear algebra libraries, which get in each other's way where several processes run.
SINGLE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


def skip_grammars() -> None:
    """Keep jsonschema, which nbformat loads, from building grammars of IRIs: over a second, and no notebook has one."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


class _Later(ModuleType):
    """A module that is loaded when one of its names is first used."""

    def __init__(self, name: str, load: Callable[[], ModuleType]) -> None:
        super().__init__(name)
        self.__load = load

    def __getattr__(self, name: str) -> Any:
        module = self.__load()
        # From now on names are found without coming here; submodules that a library itself loads late still are not.
        vars(self).update({one: value for one, value in vars(module).items() if not one.startswith("__")})
        return getattr(module, name)


def _numpy() -> ModuleType:
    import numpy

    return numpy


def _pandas() -> ModuleType:
    import pandas

    return pandas


def _scipy() -> ModuleType:
    import scipy

    return scipy


if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import scipy
else:
    np, pd, scipy = _Later("numpy", _numpy), _Later("pandas", _pandas), _Later("scipy", _scipy)
