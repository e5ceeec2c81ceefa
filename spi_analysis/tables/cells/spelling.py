"""How far two spellings lie apart."""

from __future__ import annotations


def edit_distance(one: str, other: str) -> int:
    """Letters to add, drop, change or swap with the next to get from one text to the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        older, before = before, row
        row = [i]
        for j, b in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


def likeness(one: str, other: str) -> float:
    """1 for the same text, 0 for nothing in common: one minus edits per letter of the longer text."""
    longer = max(len(one), len(other))
    return 1 - edit_distance(one, other) / longer if longer else 1.0
