"""One name per institution, whatever the year wrote."""

from __future__ import annotations

import difflib
import re
import unicodedata

import pandas as pd

_ABBREVIATIONS = {
    "kab": "kabupaten",
    "prov": "provinsi",
    "kem": "kementerian",
    "kemen": "kementerian",
    "kemenko": "kementerian koordinator",
}
_SET_ASIDE = {"pemerintah", "pemda", "pemkot", "pemkab"}


def institution_slug(name: str) -> str:
    """The name without case, punctuation, bracketed abbreviations and "Pemerintah", words joined by hyphens.

    ``"PEMERINTAH KOTA MOJOKERTO"`` and ``"Kota Mojokerto"`` become ``kota-mojokerto``;
    ``"Kab. Probolinggo"`` becomes ``kabupaten-probolinggo``: a kabupaten and a kota of
    the same name stay apart.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", " ", re.sub(r"\(.*?\)", " ", plain)).split()
    kept = [_ABBREVIATIONS.get(word, word) for word in words if word not in _SET_ASIDE]
    return "-".join("-".join(kept).split())


def institution_ids(names: pd.Series, aliases: dict[str, str]) -> pd.Series:
    """Slugs of all names, renamed institutions brought to their present one."""
    slugs = names.map({name: institution_slug(name) for name in names.unique()})
    return slugs.map(lambda slug: aliases.get(slug, slug)).rename("institution_id")


def unjoined(published: pd.DataFrame) -> pd.DataFrame:
    """Institutions that are not there in every year, with the nearest name of a year that lacks them.

    Returns
    -------
    DataFrame: institution_id, type, years, missing_years, nearest (a name that is itself missing in
    some year where this one is there: perhaps the same institution renamed; "" if none is close).
    """
    years = sorted(int(year) for year in published["year"].unique())
    present = published.groupby(["institution_id", "type"])["year"].agg(lambda y: sorted(map(int, y))).reset_index()
    partial = present[present["year"].map(len) < len(years)]
    rows = []
    for entry in partial.itertuples():
        rivals = partial[
            (partial["type"] == entry.type)
            & partial["year"].map(lambda other, own=entry.year: not set(other) & set(own))
        ]
        close = difflib.get_close_matches(entry.institution_id, list(rivals["institution_id"]), n=1, cutoff=0.75)
        rows.append(
            {
                "institution_id": entry.institution_id,
                "type": entry.type,
                "years": ", ".join(map(str, entry.year)),
                "missing_years": ", ".join(str(year) for year in years if year not in entry.year),
                "nearest": close[0] if close else "",
            }
        )
    return pd.DataFrame(rows, columns=["institution_id", "type", "years", "missing_years", "nearest"])
