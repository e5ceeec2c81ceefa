"""From diaries to the table of contact events."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.synthetic.diary import Diary, Reach
from spi_analysis.synthetic.times import MINUTE


def contact_events(diary: Diary, reach: Reach, rows: np.ndarray) -> pd.DataFrame:
    """The events of the people in ``rows``: row, event, at, channel."""
    here = np.zeros(diary.starts.size, dtype=bool)
    here[rows] = True
    first = np.where(reach.phone, "whatsapp", "email")
    reached = np.where(diary.by_phone, "whatsapp", "email")
    invited_at, reached_at = diary.contacts[:, 0], diary.reached_at
    known = reach.phone | reach.email
    web = np.full(first.size, "web")
    blocks = [
        (known, "sent", invited_at, first),
        (diary.wrong_number, "invalid_number", invited_at + MINUTE, first),
        (diary.wrong_number & reach.email, "sent", reached_at, reached),
        (diary.delivered, "delivered", reached_at + MINUTE, reached),
        (diary.reads, "read", np.maximum(diary.read_at, reached_at + 2 * MINUTE), reached),
        *_reminders(diary, reach),
        (diary.refuses, "refused", diary.left_at, web),
        (diary.opts_out, "opted_out", diary.left_at, reached),
        (diary.starts, "started", diary.started_at, web),
        (diary.completes, "completed", diary.ended_at, web),
        (diary.found_ineligible, "ineligible", diary.ended_at, web),
    ]
    table = pd.concat([_block(here & mask, event, at, channel) for mask, event, at, channel in blocks])
    return table.sort_values(["at", "row"], kind="stable", ignore_index=True)


def _reminders(diary: Diary, reach: Reach) -> list[tuple[np.ndarray, str, np.ndarray, np.ndarray]]:
    """Further messages to those who are not done: by WhatsApp and e-mail in turn, where both reach the person."""
    blocks = []
    for number, at in enumerate(diary.contacts[:, 1:].T, start=1):
        by_email = ~diary.by_phone | (reach.email & (number % 2 == 0))
        waiting = diary.reachable & (at < diary.done_at)
        blocks.append((waiting, "sent", at, np.where(by_email, "email", "whatsapp")))
    return blocks


def _block(mask: np.ndarray, event: str, at: np.ndarray, channel: np.ndarray) -> pd.DataFrame:
    rows = np.flatnonzero(mask)
    return pd.DataFrame({"row": rows, "event": event, "at": at[rows], "channel": channel[rows].astype(object)})
