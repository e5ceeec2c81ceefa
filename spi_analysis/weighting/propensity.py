"""Response propensities: who answers, modelled from what is known of everyone sampled.

A term of the formula is kept as a small table of its distinct rows and a code per person, never expanded
for everyone. Where people share few distinct rows, the model is fitted on the table of those.
"""

from __future__ import annotations

import functools
import itertools
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import linalg, special

from spi_analysis.errors import WeightingError, nearest
from spi_analysis.weighting.groups import Groups, require_columns, weights_of
from spi_analysis.weighting.statuses import INELIGIBLE, RESPONDENT, UNKNOWN, classify

# The rule by which R's glm stops: relative change of the deviance, and steps at most.
TOLERANCE = 1e-8
MAX_ITERATIONS = 25
# A fit has settled when one more step moves no linear predictor by more than this; one that has not is given
# MORE_STEPS to come below STILL. Where a coefficient runs to infinity every step moves it by about as much again.
SETTLED, STILL, MORE_STEPS = 1e-2, 1e-3, 10
# A column of which less than this share (squared) is left beside the columns before it is one of their sums.
ALIASED = 1e-11
# Numbers held at once by one block of work.
BLOCK = 2**18
# Products of matrices are made in pieces below these sizes, for which a BLAS starts no threads: threads wait for each
# other where cores are busy (20 times slower), and pieces give the same digits on any number of cores.
PIECE, PIECE_OF_VECTOR = 2**18, 9000
PROBE_ROWS = 100
INTERCEPT = "Intercept"

Unknown = Literal["nonresponse", "outside"]


# --- links


@dataclass(frozen=True)
class Link:
    """How a linear predictor becomes a propensity: ``at`` gives it and its derivative; ``predictor`` goes back."""

    name: str
    at: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    predictor: Callable[[np.ndarray], np.ndarray]

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return self.at(eta)[0]


def _logit(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = special.expit(eta)
    return _inside(share), np.maximum(share * (1 - share), EPS)


def _probit(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _inside(special.ndtr(eta)), np.maximum(np.exp(-eta * eta / 2) / np.sqrt(2 * np.pi), EPS)


def _cloglog(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hazard = np.exp(np.minimum(eta, 700.0))
    return _inside(-np.expm1(-hazard)), np.maximum(hazard * np.exp(-hazard), EPS)


def _inside(share: np.ndarray) -> np.ndarray:
    return np.clip(share, EPS, 1 - EPS)


EPS = float(np.finfo(float).eps)
LINKS = {
    link.name: link
    for link in (
        Link("logit", _logit, special.logit),
        Link("probit", _probit, special.ndtri),
        Link("cloglog", _cloglog, lambda share: np.log(-np.log1p(-share))),
    )
}


def link_of(name: str) -> Link:
    """The link by its name."""
    if name not in LINKS:
        raise WeightingError("a link is not known", got=name, expected=", ".join(LINKS), hint=nearest(name, LINKS))
    return LINKS[name]


# --- from a formula to columns


@dataclass(frozen=True)
class Part:
    """Columns ``columns`` of a design, row by row: the column of ``table`` (c, L) by ``codes``, times ``values``.

    A part without codes is shifted by its mean ``centre`` where the design has an intercept, so that years and
    incomes do not drown the digits of X'WX.
    """

    columns: slice
    table: np.ndarray
    codes: np.ndarray | None
    values: np.ndarray | None
    centre: float = 0.0

    def at(self, rows: slice) -> np.ndarray:
        """X' (c, b) of these rows."""
        block = self.table if self.codes is None else np.take(self.table, self.codes[rows], axis=1)
        return block if self.values is None else block * self.values[rows] - self.centre

    def only(self, rows: np.ndarray) -> Part:
        codes, values = (part if part is None else part[rows] for part in (self.codes, self.values))
        return replace(self, codes=codes, values=values)


@dataclass(frozen=True)
class Design:
    """The model matrix X (rows, p), made block by block.

    ``cells`` (n,) is the row of every person, or None where each person has a row of their own;
    ``variables`` are the columns of the data behind each column of X.
    """

    names: list[str]
    variables: list[tuple[str, ...]]
    parts: list[Part]
    rows: int
    cells: np.ndarray | None
    kept: np.ndarray

    def blocks(self, width: int = 1) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows, and X' (kept, b) of these rows, for work on ``width`` numbers per row."""
        size = max(32, BLOCK // max(1, len(self.names), width))
        for start in range(0, self.rows, size):
            rows = slice(start, min(start + size, self.rows))
            block = np.empty((len(self.names), rows.stop - start))
            for part in self.parts:
                block[part.columns] = part.at(rows)
            yield rows, block if len(self.kept) == len(self.names) else block[self.kept]

    def without_aliases(self, gram: np.ndarray) -> Design:
        """The design with the columns that are no sum of columns before them, by X'WX (p, p)."""
        return replace(self, kept=independent_columns(gram))

    def uncentred(self) -> np.ndarray:
        """The matrix (kept, kept) that turns coefficients of X into those of the columns before they were centred."""
        turn, centres = np.eye(len(self.names)), np.zeros(len(self.names))
        for part in self.parts:
            centres[part.columns] = part.centre
        if centres.any():
            turn[self.names.index(INTERCEPT)] -= centres
        return turn[np.ix_(self.kept, self.kept)]

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n, K) over the people of every row: (rows, K)."""
        if self.cells is None:
            return values
        if values.shape[1] == 1:
            return np.bincount(self.cells, values[:, 0], self.rows)[:, None]
        return Groups(self.cells, [""] * self.rows).sums(values)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """The value of every person's row: (rows, ...) to (n, ...)."""
        return values if self.cells is None else values[self.cells]

    def predict(self, coefficients: np.ndarray) -> np.ndarray:
        """X b: (kept, K) to (rows, K)."""
        return np.vstack([predictors(block, coefficients) for _, block in self.blocks(coefficients.shape[1])])


def design_of(df: pd.DataFrame, formula: str, status: str | None = None) -> Design:
    """The model matrix of ``formula`` for the rows of ``df``.

    Raises
    ------
    WeightingError   a formula that cannot be read, columns that are not there, missing or infinite predictors,
        a left-hand side that is not ``status``.
    """
    from formulaic.errors import FormulaicError

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return _design(df, _terms(formula, df, status))
        except FormulaicError as error:
            raise WeightingError(
                "the formula cannot be read",
                got=formula,
                expected="such as 'age_group + C(unit) * sex'",
                hint=re.sub("⧛.*?m|⧚", "", str(error)).splitlines()[0],
            ) from error


def _terms(formula: str, df: pd.DataFrame, status: str | None) -> list[tuple[str, ...]]:
    """Factors of every term of the right-hand side; () is the intercept."""
    from formulaic import Formula, SimpleFormula

    parsed = Formula(_readable(formula, df))
    if not isinstance(parsed, SimpleFormula):
        left = getattr(parsed, "lhs", None)
        if left is None or not isinstance(parsed.rhs, SimpleFormula):
            raise WeightingError("the formula has several parts", got=formula, expected="one right-hand side")
        outcome = " + ".join(str(term) for term in left)
        if status is not None and outcome != status:
            raise WeightingError(
                "the formula explains another column than the status",
                column=outcome,
                expected=status,
                hint="leave out what stands before '~'",
            )
        parsed = parsed.rhs
    terms = [tuple(f for f in map(_factor_text, term.factors) if f != "1") for term in parsed]
    if not terms:
        raise WeightingError("the formula has no terms", got=formula, expected="at least one, such as '1'")
    return terms


def _factor_text(factor: object) -> str:
    """A factor as it is written in a formula: names that are no Python names stand in backticks."""
    text = str(factor)
    return text if re.fullmatch(r"\w+", text) or re.search(r"[`(]", text) else f"`{text}`"


def _readable(formula: str, df: pd.DataFrame) -> str:
    """R's ``factor(x)`` and patsy's ``Q("x")`` and names with a dot, in the words of formulaic."""
    text = re.sub(r"\b(?:as\.)?factor\(", "C(", formula)
    text = re.sub(r"""\bQ\((['"])(.+?)\1\)""", r"`\2`", text)
    dotted = sorted((c for c in map(str, df.columns) if re.fullmatch(r"[A-Za-z_][\w.]*\.[\w.]*", c)), key=len)
    for name in reversed(dotted):
        text = re.sub(rf"(?<![\w.`]){re.escape(name)}(?![\w.`(])", f"`{name}`", text)
    return text


def variables_of(factor: str, df: pd.DataFrame) -> tuple[str, ...]:
    """The columns of ``df`` that a factor is made of."""
    found = re.findall(r"`([^`]+)`|(?<![\w.`])([A-Za-z_]\w*)(?!\w*\s*[(.`])", factor)
    names = dict.fromkeys(quoted or plain for quoted, plain in found)
    absent = [name for name in names if name not in df.columns and factor in (name, f"`{name}`", f"C({name})")]
    if absent:
        require_columns(df, absent)
    return tuple(name for name in names if name in df.columns)


def terms_of(df: pd.DataFrame, formula: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every term but the intercept, and the columns of ``df`` that it is made of."""
    return [
        (":".join(term), tuple(dict.fromkeys(v for factor in term for v in variables_of(factor, df))))
        for term in _terms(formula, df, None)
        if term
    ]


Term = tuple[str, ...]
Carriers = dict[str, np.ndarray]


def _design(df: pd.DataFrame, terms: list[Term]) -> Design:
    factors = list(dict.fromkeys(factor for term in terms for factor in term))
    behind = {factor: variables_of(factor, df) for factor in factors}
    _require_values(df, list(dict.fromkeys(name for names in behind.values() for name in names)))
    numeric = _numeric_factors(df, behind)
    carriers = {name: values for carried in numeric.values() for name, values in carried.items()}
    behind |= {name: behind[factor] for factor, carried in numeric.items() for name in carried}
    # A numeric factor is carried beside the tables: in them, a stand-in of value 1 takes its place.
    expanded = [
        choice for term in terms for choice in itertools.product(*(list(numeric.get(f, {f: None})) for f in term))
    ]
    levels = {name: pd.factorize(df[name])[0] for f in factors if f not in numeric for name in behind[f]}
    codes = [_codes([levels[v] for f in term if f not in carriers for v in behind[f]]) for term in expanded]
    names, places, tables = _tables(df, expanded, levels, codes, list(carriers))
    parts, variables = [], []
    for term, place, table, code in zip(expanded, places, tables, codes, strict=True):
        numbers = [carriers[f] for f in term if f in carriers]
        product = functools.reduce(np.multiply, numbers) if numbers else None
        centre = float(product.mean()) if product is not None and code is None and () in expanded else 0.0
        parts.append(Part(place, table, code, product, centre))
        variables += [tuple(dict.fromkeys(v for f in term for v in behind[f]))] * len(table)
    names = [_with_names(name, numeric) for name in names]
    cells, rows = _cells(len(df), [c for c in codes if c is not None], list(carriers.values())), len(df)
    if cells is not None:
        one_each = first_rows(cells)
        parts, rows = [part.only(one_each) for part in parts], len(one_each)
    return Design(names, variables, parts, rows, cells, np.arange(len(names)))


def _numeric_factors(df: pd.DataFrame, behind: dict[str, Term]) -> dict[str, Carriers]:
    """The factors that are numbers, with their values."""
    numeric = [factor for factor, names in behind.items() if _is_number(df, factor, names)]
    return {factor: _carriers(df, factor, behind[factor], str(j)) for j, factor in enumerate(numeric)}


def _is_number(df: pd.DataFrame, factor: str, names: Term) -> bool:
    from formulaic import Formula
    from formulaic.parser.types import Factor

    if names and factor.strip("`") == names[0]:
        return pd.api.types.is_numeric_dtype(df[names[0]])
    if re.fullmatch(r"C\(.*\)", factor):
        return False
    probe = Formula([factor]).get_model_matrix(df.head(PROBE_ROWS), context={}).model_spec
    return any(state[0] is Factor.Kind.NUMERICAL for state in probe.encoder_state.values())


def _tables(
    df: pd.DataFrame,
    terms: list[Term],
    levels: dict[str, np.ndarray],
    codes: list[np.ndarray | None],
    stand_ins: list[str],
) -> tuple[list[str], list[slice], list[np.ndarray]]:
    """Names of all columns of X; of every term its columns and its table (columns, distinct rows)."""
    from formulaic import Formula

    first = [np.zeros(1, dtype=int) if code is None else first_rows(code) for code in codes]
    # One row per distinct row of every term, and after them every level of every column.
    rows = np.concatenate([*first, *(first_rows(code) for code in levels.values())])
    template = df.iloc[rows][list(levels)].reset_index(drop=True).assign(**dict.fromkeys(stand_ins, 1.0))
    made = Formula([_term_text(term) for term in terms]).get_model_matrix(template, context={})
    spec, matrix = made.model_spec, np.asarray(made, dtype=float)
    ends = np.cumsum([len(part) for part in first])
    places = list(spec.term_slices.values())
    tables = [
        matrix[end - len(part) : end, place].T.copy() for part, end, place in zip(first, ends, places, strict=True)
    ]
    return list(spec.column_names), places, tables


def _term_text(term: Term) -> str:
    return ":".join(term) or "1"


def _carriers(df: pd.DataFrame, factor: str, variables: Term, tag: str) -> Carriers:
    """Numbers of a numeric factor for everyone, one column or several, by the names of their stand-ins."""
    from formulaic import Formula

    if variables and factor.strip("`") == variables[0]:
        columns = [df[variables[0]].to_numpy(dtype=float)]
    else:
        values = np.asarray(Formula([factor]).get_model_matrix(df, context={}, na_action="ignore"), dtype=float)
        columns = list(values.T)
    for column in columns:
        bad = ~np.isfinite(column)
        if bad.any():
            raise WeightingError(
                "a predictor is not a finite number",
                column=factor.strip("`"),
                row=int(bad.argmax()) + 1,
                got=f"{column[bad][0]:g} ({int(bad.sum())} rows)",
                expected="a number for everyone in the model",
            )
    return {f"numeric_{tag}_{k}_": column for k, column in enumerate(columns)}


def _with_names(column: str, numeric: dict[str, Carriers]) -> str:
    """The name of a column with numeric factors instead of their stand-ins."""
    for factor, carried in numeric.items():
        for k, stand_in in enumerate(carried):
            column = column.replace(stand_in, factor.strip("`") + (f"[{k + 1}]" if len(carried) > 1 else ""))
    return column


def _require_values(df: pd.DataFrame, names: list[str]) -> None:
    for name in names:
        missing = df[name].isna().to_numpy()
        if missing.any():
            raise WeightingError(
                "a predictor is missing",
                column=name,
                row=int(missing.argmax()) + 1,
                got=f"{int(missing.sum())} people without a value",
                expected="a value for everyone in the model",
                hint="give the missing a level of their own, or leave the column out of the formula",
            )


def combined_codes(codes: list[np.ndarray]) -> np.ndarray:
    """One code 0, 1, ... per distinct combination of codes (n,)."""
    joint = codes[0].astype(np.int64)
    for further in codes[1:]:
        joint = pd.factorize(joint * (int(further.max()) + 1) + further)[0]
    return joint


def _codes(codes: list[np.ndarray]) -> np.ndarray | None:
    return combined_codes(codes) if codes else None


def first_rows(codes: np.ndarray) -> np.ndarray:
    """The first row of every code 0, 1, ..."""
    first = np.empty(int(codes.max()) + 1, dtype=int)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first


def _cells(n: int, codes: list[np.ndarray], numbers: list[np.ndarray]) -> np.ndarray | None:
    """The distinct row of everyone; None where distinct rows are more than half as many as people."""
    joint = np.zeros(n, dtype=np.int64)
    for column in itertools.chain(codes, numbers):
        joint = combined_codes([joint, pd.factorize(column)[0]])
        if joint.max() >= n / 2:
            return None
    return joint


def independent_columns(gram: np.ndarray) -> np.ndarray:
    """Positions of the columns that are no linear combination of the columns before them, by X'WX (p, p)."""
    size = np.sqrt(np.diag(gram))
    left = gram / np.outer(np.where(size > 0, size, 1), np.where(size > 0, size, 1))
    kept = []
    for j in range(len(left)):
        if left[j, j] > ALIASED:
            kept.append(j)
            left = left - np.outer(left[:, j], left[j]) / left[j, j]
    return np.array(kept, dtype=int)


# --- the fit


@dataclass(frozen=True)
class Fit:
    """Coefficients (p, K), X'WX of the last step taken (K, p, p), deviances (K,), the step that would follow (p, K)."""

    coefficients: np.ndarray
    information: np.ndarray
    deviance: np.ndarray
    following: np.ndarray
    iterations: int
    converged: np.ndarray


def fit_columns(
    design: Design,
    answered: np.ndarray,
    total: np.ndarray,
    link: Link,
    start: np.ndarray,
    *,
    information: np.ndarray | None = None,
    before: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> Fit:
    """Fisher scoring for K weight vectors at once.

    Parameters
    ----------
    design : Design                             X (rows, p)
    answered, total : ndarray (rows, K)         weight of respondents, and of all, in every row of X
    start : ndarray (p, K)                      coefficients to start from
    information, before : ndarray or None       X'WX and deviance of the step that led to ``start``
    tolerance, max_iterations                   stops at a relative change of the deviance below ``tolerance``
    """
    columns = answered.shape[1]
    beta = start.copy()
    used = np.zeros((columns, len(start), len(start))) if information is None else information.copy()
    old = np.full(columns, np.inf) if before is None else before.copy()
    steps, deviance = np.zeros_like(beta), np.zeros(columns)
    open_, iteration = np.arange(columns), 1
    while True:
        score, gram, deviance[open_] = _derivatives(design, beta[:, open_], answered[:, open_], total[:, open_], link)
        steps[:, open_] = np.column_stack([solve(g, s) for g, s in zip(gram, score.T, strict=True)])
        still = ~(np.abs(deviance - old)[open_] / (np.abs(deviance[open_]) + 0.1) < tolerance)
        if not still.any() or iteration >= max_iterations:
            break
        open_, gram = open_[still], gram[still]
        used[open_], old[open_] = gram, deviance[open_]
        beta[:, open_] += steps[:, open_]
        iteration += 1
    converged = np.ones(columns, dtype=bool)
    converged[open_[still]] = False
    return Fit(beta, used, deviance, steps, iteration, converged)


def _derivatives(
    design: Design, beta: np.ndarray, answered: np.ndarray, total: np.ndarray, link: Link
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score (p, K), expected information (K, p, p) and deviance (K,) at coefficients (p, K)."""
    (p, columns), deviance = beta.shape, np.zeros(beta.shape[1])
    score, gram = np.zeros((p, columns)), np.zeros((columns, p, p))
    for rows, block in design.blocks(columns):
        share, slope = link.at(predictors(block, beta))
        per_share = slope / (share * (1 - share))
        score += products(block, (answered[rows] - total[rows] * share) * per_share)
        gram += weighted_grams(block, total[rows] * slope * per_share)
        deviance += _deviance(share, answered[rows], total[rows])
    return score, gram, deviance


def _pieces(block: np.ndarray, width: int) -> tuple[np.ndarray, int]:
    """A block (p, b) as (pieces, p, c), and how many columns these are; the rest is one more, smaller piece."""
    p, b = block.shape
    size = max(1, min(PIECE_OF_VECTOR // max(1, p), PIECE // max(1, p * max(p, width)), b))
    end = b // size * size
    return block[:, :end].reshape(p, -1, size).transpose(1, 0, 2), end


def predictors(block: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """X b of a block X' (p, b) for coefficients (p, K): (b, K)."""
    pieces, end = _pieces(block, coefficients.shape[1])
    made = np.matmul(pieces.transpose(0, 2, 1), coefficients).reshape(end, -1)
    return np.vstack([made, block[:, end:].T @ coefficients])


def products(block: np.ndarray, values: np.ndarray) -> np.ndarray:
    """X'v of a block X' (p, b) for values (b, K): (p, K)."""
    pieces, end = _pieces(block, values.shape[1])
    made = np.matmul(pieces, values[:end].reshape(len(pieces), -1, values.shape[1])).sum(axis=0)
    return made + block[:, end:] @ values[end:]


def weighted_grams(block: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """X'WX of a block X' (p, b) for every column of ``weights`` (b, K), none negative: (K, p, p)."""
    return np.stack([_gram(block * root) for root in np.sqrt(weights.T)])


def _gram(block: np.ndarray) -> np.ndarray:
    pieces, end = _pieces(block, 1)
    return np.matmul(pieces, pieces.transpose(0, 2, 1)).sum(axis=0) + block[:, end:] @ block[:, end:].T


def _deviance(share: np.ndarray, answered: np.ndarray, total: np.ndarray) -> np.ndarray:
    return -2 * (answered * np.log(share) + (total - answered) * np.log1p(-share)).sum(axis=0)


def solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """gram^-1 right by Cholesky on a gram scaled to ones; directions without information get 0."""
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, np.inf)
    scaled = gram / np.outer(size, size)
    scaled[np.isinf(size), np.isinf(size)] = 1.0
    shape = size if right.ndim == 1 else size[:, None]
    try:
        solved = linalg.cho_solve(linalg.cho_factor(scaled), right / shape)
    except linalg.LinAlgError:
        solved = linalg.pinvh(scaled) @ (right / shape)
    return solved / shape


@dataclass(frozen=True)
class PropensityModel:
    """A fitted response model.

    ``coefficients`` (p,) on the scale of the link, NaN where a column is a sum of others;
    ``covariance`` (p, p) of the coefficients by the model (not the sampling design);
    ``loglik``: log-likelihood, with weights scaled to mean 1;
    ``propensity`` (n,): in (0, 1), NaN for those outside the model;
    ``n``: people in the model with weight; ``iterations``: steps taken.
    """

    coefficients: pd.Series
    covariance: pd.DataFrame
    loglik: float
    propensity: pd.Series
    link: str
    n: int
    iterations: int

    @property
    def standard_errors(self) -> pd.Series:
        """Standard error of every coefficient, by the model."""
        return pd.Series(np.sqrt(np.diag(self.covariance)), index=self.coefficients.index, name="se")


def response_propensity(
    df: pd.DataFrame,
    formula: str,
    status: str,
    weight: str | None = None,
    link: str = "logit",
    *,
    unknown: Unknown = "nonresponse",
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> pd.Series:
    """The probability to answer of everyone sampled, from a binary model of what is known of all.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per sampled person
    formula : str             right-hand side, as in R or patsy ("age + C(unit) * sex"); before a "~" only the status
    status : str              column: AAPOR codes, plain words, or 1/0 (see ``statuses.classify``)
    weight : str or None      column, in persons, >= 0; None: everyone counts the same
    link : "logit" | "probit" | "cloglog"
    unknown : "nonresponse" | "outside"   what people of unknown eligibility are to the model
    tolerance, max_iterations   the fit stops at this relative change of the deviance, as R's glm; 1e-14 gives the
        exact maximum of the likelihood

    Returns
    -------
    Series (n,), name ``propensity``, in (0, 1); NaN for the known ineligible, who can not respond (and for those of
    unknown eligibility where these are outside).

    Raises
    ------
    WeightingError   a column is missing or has missing values, the formula cannot be read, everybody or nobody
        answered, a coefficient runs to infinity (the column that separates is named), no convergence.

    References
    ----------
    Little (1986), International Statistical Review 54; Valliant, Dever & Kreuter (2018), ch. 13; McCullagh & Nelder
    (1989), ch. 2.5 (scoring).
    """
    return fit_propensity(
        df, formula, status, weight, link, unknown=unknown, tolerance=tolerance, max_iterations=max_iterations
    ).propensity


def fit_propensity(
    df: pd.DataFrame,
    formula: str,
    status: str,
    weight: str | None = None,
    link: str = "logit",
    *,
    unknown: Unknown = "nonresponse",
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> PropensityModel:
    """The response model behind ``response_propensity``: same parameters, errors and reference.

    Returns
    -------
    PropensityModel: coefficients, their covariance, log-likelihood and propensities.
    """
    inside, answered, weights = people_of(df, status, weight, unknown)
    design = design_of(df[inside], formula, status)
    design, fit = fit_people(design, answered, weights, link_of(link), tolerance, max_iterations)
    share = design.spread(link_of(link).mean(design.predict(fit.coefficients))[:, 0])
    propensity = np.full(len(df), np.nan)
    propensity[inside] = share
    names, p = design.names, len(design.names)
    coefficients, covariance = np.full(p, np.nan), np.full((p, p), np.nan)
    turn = design.uncentred()
    coefficients[design.kept] = turn @ fit.coefficients[:, 0]
    covariance[np.ix_(design.kept, design.kept)] = turn @ inverse(fit.information[0]) @ turn.T
    return PropensityModel(
        pd.Series(coefficients, index=names, name="coefficient"),
        pd.DataFrame(covariance, index=names, columns=names),
        -0.5 * float(fit.deviance[0]),
        pd.Series(propensity, index=df.index, name="propensity"),
        link,
        int((weights > 0).sum()),
        fit.iterations,
    )


def people_of(
    df: pd.DataFrame, status: str, weight: str | None, unknown: Unknown = "nonresponse"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who is in the response model (n,), who of them answered (m,), and their weights scaled to mean 1 (m,)."""
    if unknown not in ("nonresponse", "outside"):
        raise WeightingError("an option is not known", got=f"unknown={unknown}", expected="nonresponse or outside")
    require_columns(df, [status])
    classes = classify(df[status])
    inside = classes != INELIGIBLE
    if unknown == "outside":
        inside &= classes != UNKNOWN
    weights = np.ones(len(df)) if weight is None else weights_of(df, weight)
    answered, weights = (classes == RESPONDENT)[inside], weights[inside]
    with_weight = weights > 0
    if not with_weight.any() or answered[with_weight].all() or not answered[with_weight].any():
        raise WeightingError(
            "there is no response to model",
            column=status,
            got=f"{int(answered[with_weight].sum())} respondents among {int(with_weight.sum())} people with weight",
            expected="at least one respondent and one nonrespondent",
        )
    return inside, answered.astype(float), weights / weights[with_weight].mean()


def fit_people(
    design: Design,
    answered: np.ndarray,
    weights: np.ndarray,
    link: Link,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> tuple[Design, Fit]:
    """One fit from nothing, and the design without aliased columns.

    The first step is R's: from the shares (w y + 1/2) / (w + 1) of single people.
    """
    share = (weights * answered + 0.5) / (weights + 1)
    eta = link.predictor(share)
    slope = link.at(eta)[1]
    working = weights * slope**2 / (share * (1 - share))
    response = working * (eta + (answered - share) / slope)
    working, response, taken, total = (
        design.sums(values[:, None]) for values in (working, response, weights * answered, weights)
    )
    design, gram, right = normal_equations(design, working, response)
    start = solve(gram, right)
    before = -2 * (weights * np.where(answered > 0, np.log(share), np.log1p(-share))).sum()
    fit = fit_columns(
        design,
        taken,
        total,
        link,
        start,
        information=gram[None],
        before=np.array([before]),
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    _require_settled(design, fit, taken, total, link)
    return design, fit


def normal_equations(
    design: Design, weights: np.ndarray, response: np.ndarray
) -> tuple[Design, np.ndarray, np.ndarray]:
    """The design without aliased columns, X'WX (p, p) and X'r (p, 1), for weights and responses (rows, 1)."""
    p = len(design.names)
    gram, right = np.zeros((p, p)), np.zeros((p, 1))
    for rows, block in design.blocks():
        gram, right = gram + weighted_grams(block, weights[rows])[0], right + products(block, response[rows])
    design = design.without_aliases(gram)
    return design, gram[np.ix_(design.kept, design.kept)], right[design.kept]


def inverse(gram: np.ndarray) -> np.ndarray:
    """gram^-1 (p, p)."""
    return solve(gram, np.eye(len(gram)))


def _require_settled(design: Design, fit: Fit, taken: np.ndarray, total: np.ndarray, link: Link) -> None:
    """Raise where a coefficient runs to infinity, or the fit did not converge."""
    beta, step = fit.coefficients, fit.following
    moves = _moves(design, step, total)
    if moves <= SETTLED and fit.converged.all():
        return
    for _ in range(MORE_STEPS):
        beta = beta + step
        score, gram, _ = _derivatives(design, beta, taken, total, link)
        step = solve(gram[0], score)
        moves = _moves(design, step, total)
    if moves > STILL:
        raise _separation(design, beta, step, taken, total, moves)
    if not fit.converged.all():
        raise WeightingError(
            "the response model does not converge",
            got=f"{fit.iterations} steps, deviance {fit.deviance[0]:.10g}",
            expected="a deviance that settles",
            hint="raise max_iterations, or take fewer predictors",
        )


def _moves(design: Design, step: np.ndarray, total: np.ndarray) -> float:
    """The largest change of a linear predictor by ``step``."""
    return max(float(np.abs(predictors(block, step) * (total[rows] > 0)).max()) for rows, block in design.blocks())


def _separation(
    design: Design, beta: np.ndarray, step: np.ndarray, taken: np.ndarray, total: np.ndarray, moves: float
) -> WeightingError:
    size = np.max([np.abs(block).max(axis=1) for _, block in design.blocks()], axis=0)
    run = np.abs(step[:, 0]) * size
    running = [design.kept[j] for j in np.flatnonzero(run > 0.1 * run.max())]
    away = np.abs(design.predict(step)) > 0.5 * moves
    everyone = bool((taken[away] > 0).any())
    nobody = bool((taken[away] < total[away]).any())
    names = [design.names[j] for j in running if design.variables[j]] or [design.names[j] for j in running]
    columns = dict.fromkeys(v for j in running for v in design.variables[j])
    who = "everybody or nobody" if everyone and nobody else "everybody" if everyone else "nobody"
    return WeightingError(
        f"the response model separates: {who} answered where it grows without end",
        column=", ".join(columns),
        got=f"coefficients that run to infinity: {', '.join(names[:10])}",
        expected="respondents and nonrespondents at every level of the formula",
        hint="merge thin levels, or leave the column out of the formula",
    )


# --- classes


def propensity_classes(propensity: pd.Series, n_classes: int = 5, weight: pd.Series | None = None) -> pd.Series:
    """Classes of about equal size between the quantiles of the propensities.

    Parameters
    ----------
    propensity : Series (n,)   NaN: outside, gets no class
    n_classes : int            2 or more
    weight : Series (n,) or None   persons that each row stands for; a weight of 2 counts as two rows

    Returns
    -------
    Series (n,) of Int64, name ``propensity_class``: 1 (least likely to answer) to ``n_classes``; fewer classes where
    quantiles coincide. A class holds its upper limit (quantiles of type 7, cut with include.lowest = TRUE in R).

    Raises
    ------
    WeightingError   ``n_classes`` below 2, a weight missing or negative, nobody with a propensity.

    References
    ----------
    Hyndman & Fan (1996), The American Statistician 50, type 7; Rosenbaum & Rubin (1984), JASA 79 (five classes);
    Valliant, Dever & Kreuter (2018), section 13.5.
    """
    values = propensity.to_numpy(dtype=float)
    counts = np.ones(len(values)) if weight is None else weights_of(weight.to_frame("weight"), "weight")
    inside = np.isfinite(values) & (counts > 0)
    if n_classes < 2 or not inside.any():
        raise WeightingError(
            "classes cannot be formed",
            got=f"{n_classes} classes of {int(inside.sum())} people",
            expected="two classes or more, and someone with a propensity",
        )
    breaks = class_limits(values[inside, None], counts[inside, None], n_classes)
    classes = pd.Series(pd.NA, index=propensity.index, dtype="Int64", name="propensity_class")
    has_value = np.isfinite(values)
    raw = classes_between(values[has_value, None], breaks)[:, 0]
    classes[has_value] = np.unique(raw, return_inverse=True)[1] + 1
    return classes


def class_limits(values: np.ndarray, counts: np.ndarray, n_classes: int) -> np.ndarray:
    """Quantiles 1/C ... (C-1)/C of every column of ``values`` (m, K), each row counted ``counts`` times: (C-1, K)."""
    order = np.argsort(values, axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0)
    upto = np.cumsum(np.take_along_axis(counts, order, axis=0), axis=0)
    columns = np.arange(values.shape[1])
    limits = []
    for k in range(1, n_classes):
        # 1 + (N - 1) k / C; a whole number up to rounding is meant as one.
        place = 1 + (upto[-1] - 1) * k / n_classes
        low = np.where(np.abs(place - np.rint(place)) < 1e-9 * place, np.rint(place), np.floor(place))
        share = np.where(np.abs(place - low) < 1e-9 * place, 0.0, place - low)
        below, above = (
            ranked[np.minimum((upto < at * (1 - 1e-12)).sum(axis=0), len(ranked) - 1), columns]
            for at in (low, np.minimum(low + 1, upto[-1]))
        )
        limits.append(below + share * (above - below))
    return np.array(limits)


def classes_between(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Class 0 ... C-1 of ``values`` (m, K): how many of the limits (C-1, K) each value exceeds."""
    return np.sum([values > limit for limit in limits], axis=0, dtype=int)
