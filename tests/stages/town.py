"""A town of 400 people, generated here with known rules: lists, contact events and answers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.params import RoundParams, RoundSetup
from spi_analysis.stages.announce import bound_parts, plan_draws
from spi_analysis.stages.announcement_log import keep_announcement
from spi_analysis.stages.draw import draw_institution
from spi_analysis.survey.sampling.draw import record_seal
from spi_analysis.tables.contracts import checked, tenure_bands
from spi_analysis.tables.store import Store

TOWN = "kota-mojokerto"
SECRET = b"only for tests, not a secret"
UNITS = {
    "internal": {"Dinas Satu": 80, "Dinas Dua": 60, "Dinas Tiga": 40, "Kecamatan": 20},
    "external": {"Dinas Satu": 80, "Puskesmas": 60, "Dinas Dua": 30},
    "expert": {None: 14},
}
# The public value of 2024 is that of 22 July.
BEFORE = dt.date(2024, 7, 15)
SENT = pd.Timestamp("2024-08-01 09:00")


def with_steps(round_: RoundParams, *steps: dict[str, object], source: str = "internal") -> RoundParams:
    """The round with another recipe for a source."""
    part = round_.sources[source]
    weighting = type(part.weighting)(steps=list(steps), source="a test", as_of="2024-07-01")
    return round_.model_copy(
        update={"sources": round_.sources | {source: part.model_copy(update={"weighting": weighting})}}
    )


def draw_announced(
    setup: RoundSetup, store: Store, institution_id: str, secret: bytes, day: dt.date = BEFORE
) -> dict[str, Any]:
    """Announce on a day before the public value's, and draw: what the tests of a drawn round begin with."""
    keep_announced(setup, store, institution_id, secret, day)
    return draw_institution(setup, store, institution_id, secret)


def keep_announced(
    setup: RoundSetup, store: Store, institution_id: str, secret: bytes, day: dt.date = BEFORE
) -> dict[str, Any]:
    """An announcement of that day, whatever the parameters carry as public value."""
    frame, round_ = store.read("frame", institution_id), setup.round_for(institution_id)
    bound = bound_parts(round_, frame, plan_draws(setup, store, institution_id, frame), secret)
    at = dt.datetime(day.year, day.month, day.day, 9, tzinfo=dt.UTC)
    return keep_announcement(store, institution_id, bound, secret, at)


def draw_as_before(setup: RoundSetup, store: Store, institution_id: str, secret: bytes) -> dict[str, Any]:
    """A draw of the time when none was announced: neither the record nor a log says anything of it."""
    record = draw_announced(setup, store, institution_id, secret)
    for part in record["sources"].values():
        del part["context"]["announcement"]
        part["seal"] = record_seal(part, secret)
    store.write_record("draw", institution_id, record)
    (store.root / "announcements" / f"{institution_id}.json").unlink()
    return record


def steps_of(round_: RoundParams, source: str = "internal") -> list[dict[str, object]]:
    """The recipe of a source, as its file says it."""
    return [dict(step.given) for step in round_.sources[source].weighting.steps]


@dataclass(frozen=True)
class Town:
    """Frame, and what became of the people invited."""

    frame: pd.DataFrame
    setup: RoundSetup

    def fieldwork(self, sample: pd.DataFrame, rate: float = 0.6, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Events and responses of a sample: everyone gets the message, a share answers, three prove ineligible."""
        rng = np.random.default_rng(seed)
        ordered = sample.sort_values(["source", "person_id"]).reset_index(drop=True)
        answers = (rng.random(len(ordered)) < rate) | (ordered["source"] == "expert")
        ineligible = ordered.index.isin(ordered[(ordered["source"] == "internal") & ~answers].index[:3])
        events = [self._events(ordered, "sent"), self._events(ordered[~answers], "read")]
        events += [self._events(ordered[ineligible], "ineligible"), self._events(ordered[answers], "started")]
        responses = [self._answered(ordered[answers], source, rng) for source in ("internal", "external", "expert")]
        return checked("events", pd.concat(events)), checked("responses", pd.concat(responses))

    @staticmethod
    def _events(people: pd.DataFrame, event: str) -> pd.DataFrame:
        facts = {"event": event, "at": SENT, "channel": "whatsapp"}
        return people[["institution_id", "person_id", "source"]].assign(**facts)

    def _answered(self, people: pd.DataFrame, source: str, rng: np.random.Generator) -> pd.DataFrame:
        people = people.loc[people["source"] == source, ["institution_id", "person_id", "source"]]
        columns = {}
        for question in self.setup.instrument.questions[source]:
            scale = self.setup.instrument.scales[question.scale]
            codes = rng.integers(scale.minimum, scale.maximum + 1, len(people)).astype(float)
            columns[question.code] = np.where(rng.random(len(people)) < 0.05, 8.0, codes)
        return people.assign(started_at=SENT, completed_at=SENT + pd.Timedelta(minutes=12), **columns)


def make_town(setup: RoundSetup, seed: int = 1) -> Town:
    """Lists of three sources; two internal people are not eligible and two external ones registered themselves."""
    rng = np.random.default_rng(seed)
    rows = [
        {"source": source, "unit": unit, "person_id": f"{source}-{unit}-{i:03d}".replace(" ", "").lower()}
        for source, units in UNITS.items()
        for unit, size in units.items()
        for i in range(size)
    ]
    frame = pd.DataFrame(rows)
    n, internal = len(frame), frame["source"] == "internal"
    frame = frame.assign(
        institution_id=TOWN,
        position_class=pd.Series(rng.choice(["staff", "structural", "functional"], n, p=[0.6, 0.15, 0.25])).where(
            internal
        ),
        service=None,
        expert_group=pd.Series(["academic"] * n).where(frame["source"] == "expert"),
        is_asn=pd.Series(rng.random(n) < 0.8).astype("boolean").where(internal),
        sex=rng.choice(["female", "male"], n),
        age_group=rng.choice(["<30", "30-39", "40-49", ">=50"], n),
        tenure_band=tenure_bands(pd.Series(rng.uniform(2, 20, n).round(1)).where(internal)),
        unit_tenure_band=tenure_bands(pd.Series([1.5] * n).where(internal)),
        channels="whatsapp",
        stream="list",
        n_listings=1,
        also_listed_as=None,
        is_eligible=True,
        frame_status="clean",
        frame_problem=None,
    )
    frame.loc[frame.index[internal][[0, 50]], "is_eligible"] = False
    frame.loc[frame.index[frame["source"] == "external"][[3, 100]], "stream"] = "self_registered"
    return Town(checked("frame", frame), setup)
