"""What all parameter models share: frozen, no unknown keys, and a source for every judgement."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# The code of a language, such as jv (ISO 639); beside Indonesian and English a round may have any.
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
# A group of respondents; which there are, a round says.
Source = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Frozen(BaseModel):
    """A parameter model: immutable, a misspelt key is an error, and so is a number that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


class Text(Frozen):
    """The same words in Indonesian and English, and in whatever other language somebody has written them."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Language, str]

    id: str
    en: str

    def get(self, language: Language) -> str | None:
        """The words in a language; None where nobody has written them."""
        return self.by_language().get(language)

    def __getitem__(self, language: Language) -> str:
        """The words in a language; English where there are none."""
        return self.get(language) or self.en

    def by_language(self) -> dict[Language, str]:
        """All that is written."""
        return {"id": self.id, "en": self.en, **self.__pydantic_extra__}


class Cited(Frozen):
    """Values whose source is named on a page: ``cite`` is how."""

    cite: Text


class Judgement(Frozen):
    """A group of values somebody decided: who or what says so (``source``), and when (``as_of``)."""

    source: str
    as_of: dt.date
