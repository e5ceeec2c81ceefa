"""One stream of random numbers per purpose: more draws for one never shift another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Streams:
    """``streams("names")`` is a fresh generator, the same for the same institution, seeds and purpose."""

    institution_id: str
    seeds: tuple[int, ...]

    def __call__(self, purpose: str) -> np.random.Generator:
        digest = hashlib.sha256(f"{self.institution_id}|{purpose}".encode()).digest()
        return np.random.default_rng([*self.seeds, *np.frombuffer(digest[:16], dtype="<u4").tolist()])


def solve_increasing(
    function: Callable[[float], float], target: float, low: float, high: float, tolerance: float = 1e-12
) -> float:
    """Where an increasing function meets ``target``, by bisection (also for a function that rises in steps)."""
    for _ in range(200):
        middle = (low + high) / 2
        value = function(middle)
        if abs(value - target) <= tolerance or middle in (low, high):
            break
        low, high = (middle, high) if value < target else (low, middle)
    return middle
