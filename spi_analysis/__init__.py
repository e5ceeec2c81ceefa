"""The SPI workbench: from lists of people to an integrity score that can be defended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spi_analysis.tables import RoundData, load_round

__version__ = "0.1.0"
__all__ = ["RoundData", "load_round"]


def __getattr__(name: str) -> object:
    """`load_round` on first use: importing the package alone loads no pandas."""
    if name in __all__:
        from spi_analysis.tables import round_data

        return getattr(round_data, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
