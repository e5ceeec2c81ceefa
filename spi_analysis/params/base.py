"""What all parameter models share: frozen, no unknown keys, and a source for every judgement."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, ConfigDict

Language = Literal["id", "en"]
Source = Literal["internal", "external", "expert"]


class Frozen(BaseModel):
    """A parameter model: immutable, a misspelt key is an error, and so is a number that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


class Text(Frozen):
    """The same words in Indonesian and English."""

    id: str
    en: str

    def __getitem__(self, language: Language) -> str:
        return self.id if language == "id" else self.en


class Cited(Frozen):
    """Values whose source is named on a page: ``cite`` is how."""

    cite: Text


class Judgement(Frozen):
    """A group of values somebody decided: who or what says so (``source``), and when (``as_of``)."""

    source: str
    as_of: dt.date
