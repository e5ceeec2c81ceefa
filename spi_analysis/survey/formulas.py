"""The one formula language of the library (formulaic's): formulas read, and the columns that they name."""

from __future__ import annotations

import re
from typing import Literal

from formulaic import Formula
from formulaic.parser.types import Factor


def parsed(formula: str, ordering: Literal["degree", "none"] = "degree") -> Formula:
    """A formula as its terms, by degree or as written; Q("org.unit") is another way to write `org.unit`."""
    return Formula(re.sub(r"""\bQ\((['"])(.+?)\1\)""", r"`\2`", formula), _ordering=ordering)


def names_in(factor: Factor) -> list[str]:
    """The names in a factor: no texts, attributes or names of arguments."""
    if factor.eval_method is Factor.EvalMethod.LOOKUP:
        return [factor.expr]
    code = re.sub(r"'[^']*'|\"[^\"]*\"", "", factor.expr)
    found = re.findall(r"`([^`]+)`|(?<![\w.`])([^\W\d]\w*)(?!\w*\s*=[^=])", code)
    return [quoted or plain for quoted, plain in found]


def reason(error: Exception) -> str:
    """What is wrong with a formula: one line, without the marks that formulaic puts around the place."""
    return re.sub("⧛.*?m|⧚", "", str(error)).splitlines()[0]
