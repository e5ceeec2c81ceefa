"""Fisher scoring of binary models: for one sample from R's starting values, and for many weight vectors at once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from formulaic import ModelSpec, SimpleFormula
from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor, Term
from scipy import linalg, sparse, special

from spi_analysis.errors import WeightingError, nearest
from spi_analysis.survey.formulas import names_in, parsed, reason
from spi_analysis.survey.groups import group_sums, require_columns

# Products with blocks X' (p, b) of a model matrix, and systems of their X'WX (p, p).

# Products are made in pieces below these sizes, for which a BLAS starts no threads: threads wait for each other where
# cores are busy (20 times slower), and pieces give the same digits on any number of cores.
PIECE, PIECE_OF_VECTOR = 2**18, 9000
# A column whose (squared) residual on the columns before it is below this share is a linear combination of them.
ALIASED = 1e-11


def predictors(block: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """X b for coefficients (p, K): (b, K)."""
    pieces, end = _pieces(block, coefficients.shape[1])
    made = np.matmul(pieces.transpose(0, 2, 1), coefficients).reshape(end, -1)
    return np.vstack([made, block[:, end:].T @ coefficients])


def products(block: np.ndarray, values: np.ndarray) -> np.ndarray:
    """X'v for values (b, K): (p, K)."""
    pieces, end = _pieces(block, values.shape[1])
    made = np.matmul(pieces, values[:end].reshape(len(pieces), -1, values.shape[1])).sum(axis=0)
    return made + block[:, end:] @ values[end:]


def weighted_grams(block: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """X'WX for every column of ``weights`` (b, K), none negative: (K, p, p)."""
    return np.stack([_gram(block * root) for root in np.sqrt(weights.T)])


def _gram(block: np.ndarray) -> np.ndarray:
    pieces, end = _pieces(block, 1)
    return np.matmul(pieces, pieces.transpose(0, 2, 1)).sum(axis=0) + block[:, end:] @ block[:, end:].T


def _pieces(block: np.ndarray, width: int) -> tuple[np.ndarray, int]:
    """The block as (pieces, p, c), and how many columns these are; the rest is one more, smaller piece."""
    p, b = block.shape
    size = max(1, min(PIECE_OF_VECTOR // max(1, p), PIECE // max(1, p * max(p, width)), b))
    end = b // size * size
    return block[:, :end].reshape(p, -1, size).transpose(1, 0, 2), end


def solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """gram^-1 right (p, K) by Cholesky on a gram scaled to ones; directions without information get 0."""
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, np.inf)
    scaled = gram / np.outer(size, size)
    scaled[np.isinf(size), np.isinf(size)] = 1.0
    right = right / size[:, None]
    try:
        solved = linalg.cho_solve(linalg.cho_factor(scaled), right)
    except linalg.LinAlgError:
        solved = linalg.pinvh(scaled) @ right
    return solved / size[:, None]


def inverse(gram: np.ndarray) -> np.ndarray:
    """gram^-1."""
    return solve(gram, np.eye(len(gram)))


def independent_columns(gram: np.ndarray) -> np.ndarray:
    """Positions of the columns of X that are no linear combination of the columns before them."""
    size = np.sqrt(np.diag(gram))
    size[size == 0] = 1.0
    left, kept = gram / np.outer(size, size), []
    for j in range(len(left)):
        if left[j, j] > ALIASED:
            kept.append(j)
            # Gaussian elimination: the projection on this column is subtracted from the others.
            left = left - np.outer(left[:, j], left[j]) / left[j, j]
    return np.array(kept, dtype=int)


# Links of a response model: from a linear predictor to a propensity, and back.

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Link:
    """``at``: propensity, inside (0, 1), and its derivative at a linear predictor; ``predictor``: the way back."""

    at: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    predictor: Callable[[np.ndarray], np.ndarray]


def _logit(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # mu = 1 / (1 + exp(-eta)), mu' = mu (1 - mu).
    share = special.expit(eta)
    return _inside(share), np.maximum(share * (1 - share), EPS)


def _probit(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # mu = Phi(eta), mu' = phi(eta), the normal distribution and its density.
    return _inside(special.ndtr(eta)), np.maximum(np.exp(-eta * eta / 2) / np.sqrt(2 * np.pi), EPS)


def _cloglog(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # mu = 1 - exp(-exp(eta)), mu' = exp(eta) exp(-exp(eta)).
    hazard = np.exp(np.minimum(eta, 700.0))
    return _inside(-np.expm1(-hazard)), np.maximum(hazard * np.exp(-hazard), EPS)


def _inside(share: np.ndarray) -> np.ndarray:
    return np.clip(share, EPS, 1 - EPS)


LINKS = {
    "logit": Link(_logit, special.logit),
    "probit": Link(_probit, special.ndtri),
    "cloglog": Link(_cloglog, lambda share: np.log(-np.log1p(-share))),
}


def link_of(name: str) -> Link:
    """The link by its name."""
    if name not in LINKS:
        raise WeightingError("a link is not known", got=name, expected=", ".join(LINKS), hint=nearest(name, LINKS))
    return LINKS[name]


# Formulas: read, checked, and turned into a sparse model matrix.

# In a product of columns a small number type would overflow or lose digits.
WIDE: dict[str, Literal["int64", "float64"]] = {"i": "int64", "u": "int64", "f": "float64"}


def read_formula(formula: str, status: str | None = None) -> SimpleFormula:
    """The terms of the right-hand side; where ``status`` is given, the left-hand side may only be that.

    Raises
    ------
    WeightingError   a formula that cannot be read, of several parts, without terms, of another column.
    """
    try:
        read = parsed(formula)
    except FormulaicError as error:
        raise _unreadable(formula, error) from error
    outcome, right = getattr(read, "lhs", None), getattr(read, "rhs", read)
    if not isinstance(right, SimpleFormula):
        raise WeightingError("the formula has several parts", got=formula, expected="one right-hand side")
    if outcome is not None and status not in (None, str(outcome)):
        raise WeightingError(
            "the formula explains another column than the status",
            column=str(outcome),
            expected=status,
            hint="leave out what stands before '~'",
        )
    if not right:
        raise WeightingError("the formula has no terms", got=formula, expected="at least one, such as '1'")
    return right


def columns_in(formula: SimpleFormula) -> tuple[str, ...]:
    """The names in a formula that are not functions such as C(...): its columns, each once."""
    factors = [factor for term in formula for factor in term.factors]
    names = ((name, factor.expr) for factor in factors for name in names_in(factor))
    return tuple(dict.fromkeys(name for name, code in names if not re.search(rf"\b{re.escape(name)}\s*[.(]", code)))


def variables_of(term: Term, df: pd.DataFrame) -> tuple[str, ...]:
    """The columns of ``df`` that a term is made of."""
    names = dict.fromkeys(name for factor in term.factors for name in names_in(factor))
    return tuple(name for name in names if name in df.columns)


def matrix_of(df: pd.DataFrame, formula: SimpleFormula) -> tuple[sparse.csc_array, ModelSpec]:
    """The model matrix (n, p), finite, and what its columns are.

    Raises
    ------
    WeightingError   columns that are not there, missing or infinite predictors.
    """
    names = dict.fromkeys(name for term in formula for factor in term.factors for name in names_in(factor))
    data = pd.DataFrame({name: _complete(df[name]) for name in names if name in df.columns}, index=df.index)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            made = formula.get_model_matrix(data, context={}, output="sparse", na_action="ignore")
        except FormulaicError as error:
            # The others are functions.
            require_columns(df, [name for name in names if name.split(".")[0] in formula.required_variables])
            raise _unreadable(str(formula), error) from error
    matrix = sparse.csc_array(made, dtype=float)
    _require_finite(matrix, made.model_spec)
    return matrix, made.model_spec


def _complete(column: pd.Series) -> pd.Series:
    missing = column.isna().to_numpy()
    if missing.any():
        raise WeightingError(
            "a predictor is missing",
            column=str(column.name),
            row=int(missing.argmax()) + 1,
            got=f"{int(missing.sum())} people without a value",
            expected="a value for everyone in the model",
            hint="give the missing a level of their own, or leave the column out of the formula",
        )
    wide = WIDE.get(column.dtype.kind)
    return column if wide is None else column.astype(wide)


def _require_finite(matrix: sparse.csc_array, spec: ModelSpec) -> None:
    bad = ~np.isfinite(matrix.data)
    if bad.any():
        first = int(bad.argmax())
        column = int(np.searchsorted(matrix.indptr, first, side="right")) - 1
        raise WeightingError(
            "a predictor is not a finite number",
            column=spec.column_names[column],
            row=int(matrix.indices[first]) + 1,
            got=f"{matrix.data[first]:g} ({int(bad.sum())} values)",
            expected="a number for everyone in the model",
        )


def _unreadable(formula: str, error: FormulaicError) -> WeightingError:
    return WeightingError(
        "the formula cannot be read",
        got=formula,
        expected="such as 'age_group + C(unit) * sex'",
        hint=reason(error),
    )


# The model matrix of a response model: sparse, one row for all people who are alike, dense only block by block.

# Numbers held at once by one block of work.
BLOCK = 2**18


@dataclass(frozen=True)
class Design:
    """The model matrix X (rows, kept).

    ``names``, ``variables`` (p,): columns of the formula, and of the data behind each; ``kept``: those
    that are columns of X. Numbers are shifted by ``centres`` (kept,) in the blocks, so that large values such as years
    and incomes do not cost digits of X'WX. ``cells`` (n,): the row of every person, or None where everyone has their
    own.
    """

    names: list[str]
    variables: list[tuple[str, ...]]
    kept: np.ndarray
    matrix: sparse.csr_array
    centres: np.ndarray
    cells: np.ndarray | None

    def blocks(self, width: int = 1) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows, and X' (kept, b) of these rows, for work on ``width`` numbers per row."""
        size, rows = max(32, BLOCK // max(1, len(self.names), width)), self.matrix.shape[0]
        for start in range(0, rows, size):
            part = slice(start, min(start + size, rows))
            yield part, np.ascontiguousarray(self.matrix[part].toarray().T) - self.centres[:, None]

    def without_aliases(self, gram: np.ndarray) -> Design:
        """The design without the columns that are linear combinations of columns before them, by X'WX (p, p)."""
        kept = independent_columns(gram)
        if len(kept) == len(gram):
            return self
        return replace(self, kept=kept, matrix=self.matrix[:, kept], centres=self.centres[kept])

    def of_variable(self, name: str, df: pd.DataFrame) -> Design:
        """The design of the intercept and the terms of one variable alone, for the rows of ``df``."""
        chosen = np.array([j for j, variables in enumerate(self.variables) if variables in ((), (name,))])
        names, variables = [self.names[j] for j in chosen], [self.variables[j] for j in chosen]
        cells, rows = cells_of(df, variables), self.matrix[:, chosen]
        if cells is None:
            rows = rows if self.cells is None else rows[self.cells]
        else:
            first = first_rows(cells)
            rows = rows[first if self.cells is None else self.cells[first]]
        return Design(names, variables, np.arange(len(chosen)), rows, self.centres[chosen], cells)

    def uncentred(self) -> np.ndarray:
        """The matrix (kept, kept) that turns coefficients of X into those of the columns before they were centred."""
        turn = np.eye(len(self.kept))
        turn[0] -= self.centres
        return turn

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n, K) over the people of every row: (rows, K)."""
        return values if self.cells is None else group_sums(self.cells, values, self.matrix.shape[0])

    def spread(self, values: np.ndarray) -> np.ndarray:
        """The value of the row of every person: (rows, ...) to (n, ...)."""
        return values if self.cells is None else values[self.cells]

    def predict(self, coefficients: np.ndarray) -> np.ndarray:
        """X b: (kept, K) to (rows, K)."""
        return np.vstack([predictors(block, coefficients) for _, block in self.blocks(coefficients.shape[1])])


def dense_design(x: np.ndarray) -> Design:
    """The design of a matrix (rows, p) that is there, all of its columns kept as they are."""
    p = x.shape[1]
    return Design([""] * p, [()] * p, np.arange(p), sparse.csr_array(x), np.zeros(p), None)


def design_of(df: pd.DataFrame, formula: SimpleFormula) -> Design:
    """The model matrix of ``formula`` for the rows of ``df``; raises as ``matrix_of``."""
    matrix, spec = matrix_of(df, formula)
    variables: list[tuple[str, ...]] = [()] * matrix.shape[1]
    for term, columns in spec.term_slices.items():
        variables[columns] = [variables_of(term, df)] * (columns.stop - columns.start)
    cells, centres, rows = cells_of(df, variables), _centres(matrix, spec), matrix.tocsr()
    if cells is not None:
        rows = rows[first_rows(cells)]
    return Design(list(spec.column_names), variables, np.arange(len(variables)), rows, centres, cells)


def _centres(matrix: sparse.csc_array, spec: ModelSpec) -> np.ndarray:
    """Means of the columns of numeric terms, in a formula with an intercept; else 0."""
    centres = np.zeros(matrix.shape[1])
    for term, columns in spec.term_slices.items():
        kinds = {spec.encoder_state[f.expr][0] for f in term.factors if f.expr in spec.encoder_state}
        if kinds == {Factor.Kind.NUMERICAL} and "1" in spec.terms:
            centres[columns] = [matrix[:, [j]].toarray()[:, 0].mean() for j in range(columns.start, columns.stop)]
    return centres


def cells_of(df: pd.DataFrame, variables: list[tuple[str, ...]]) -> np.ndarray | None:
    """A code per person, the same for people alike in all variables; None where codes are half as many as people."""
    joint = np.zeros(len(df), dtype=np.int64)
    for name in dict.fromkeys(name for names in variables for name in names):
        joint = combined_codes([joint, pd.factorize(df[name])[0]])
        if joint.max() >= len(df) / 2:
            return None
    return joint


def combined_codes(codes: list[np.ndarray]) -> np.ndarray:
    """One code 0, 1, ... per distinct combination of codes (n,)."""
    joint = codes[0].astype(np.int64)
    for further in codes[1:]:
        joint = pd.factorize(joint * (int(further.max()) + 1) + further)[0]
    return joint


def first_rows(codes: np.ndarray) -> np.ndarray:
    """The first row of every code 0, 1, ..."""
    first = np.empty(int(codes.max()) + 1, dtype=int)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first


# Fisher scoring (McCullagh & Nelder 1989, section 2.5): steps (X'WX)^-1 X'(score), W the expected information.

# The rule by which R's glm stops: relative change of the deviance, and steps at most.
TOLERANCE = 1e-8
MAX_ITERATIONS = 25
# A fit has converged when one more step moves no linear predictor by more than this; one that has not is given
# MORE_STEPS to come below STILL. A coefficient that diverges moves by about the same amount in every step.
SETTLED, STILL, MORE_STEPS = 1e-2, 1e-3, 10


@dataclass(frozen=True)
class Fit:
    """Coefficients (p, K), X'WX of the last step taken (K, p, p), deviances (K,), the step that would follow (p, K)."""

    coefficients: np.ndarray
    information: np.ndarray
    deviance: np.ndarray
    following: np.ndarray
    iterations: int
    converged: np.ndarray


def fit_people(
    design: Design,
    answered: np.ndarray,
    weights: np.ndarray,
    link: Link,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> tuple[Design, Fit]:
    """The fit, and the design without aliased columns; the first step is R's, from shares (w y + 1/2) / (w + 1)."""
    share, working, response = working_response(answered, weights, link)
    sums = design.sums(np.column_stack([working, response, weights * answered, weights]))
    working, response, taken, total = np.ascontiguousarray(sums.T)[:, :, None]
    design, gram, right = normal_equations(design, working, response)
    fit = fit_columns(
        design,
        taken,
        total,
        link,
        solve(gram, right),
        information=gram[None],
        before=-2 * float((weights * np.where(answered > 0, np.log(share), np.log1p(-share))).sum()),
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    _require_converged(design, fit, taken, total, link)
    return design, fit


def working_response(
    answered: np.ndarray, weights: np.ndarray, link: Link
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where R starts: shares (w y + 1/2) / (w + 1), working weights W, and W z with the working response z, (n,) each.

    Iteratively reweighted least squares: W = w mu'(eta)**2 / (mu (1 - mu)), z = eta + (y - mu) / mu'(eta).
    """
    # McCullagh & Nelder (1989), section 2.5: adjusted dependent variable z and working weights W at the starting mu.
    share = (weights * answered + 0.5) / (weights + 1)
    eta = link.predictor(share)
    slope = link.at(eta)[1]
    working = weights * slope**2 / (share * (1 - share))
    return share, working, working * (eta + (answered - share) / slope)


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


def fit_columns(
    design: Design,
    taken: np.ndarray,
    total: np.ndarray,
    link: Link,
    start: np.ndarray,
    *,
    information: np.ndarray | None = None,
    before: float = np.inf,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    offset: np.ndarray | None = None,
) -> Fit:
    """Fits of K weight vectors.

    Parameters
    ----------
    design : Design                             X (rows, p)
    taken, total : ndarray (rows, K)            weight of respondents, and of all, in every row of X
    start : ndarray (p, K)                      coefficients to start from
    information (K, p, p), before               X'WX and deviance of the step that led to ``start``, where there was one
    tolerance, max_iterations                   stops at a relative change of the deviance below ``tolerance``
    offset : ndarray (rows, 1)                  part of the predictor that is known; None: 0
    """
    columns = taken.shape[1]
    known = np.zeros((len(taken), 1)) if offset is None else offset
    beta, steps = start.copy(), np.zeros_like(start)
    used = np.zeros((columns, len(start), len(start))) if information is None else information.copy()
    old, deviance = np.full(columns, before), np.zeros(columns)
    open_, iteration = np.arange(columns), 1
    while True:
        score, gram, deviance[open_] = _derivatives(
            design, beta[:, open_], taken[:, open_], total[:, open_], link, known
        )
        steps[:, open_] = np.hstack([solve(gram[k], score[:, [k]]) for k in range(len(open_))])
        still = ~(np.abs(deviance - old)[open_] / (np.abs(deviance[open_]) + 0.1) < tolerance)
        if not still.any() or iteration >= max_iterations:
            break
        open_ = open_[still]
        used[open_], old[open_] = gram[still], deviance[open_]
        beta[:, open_] += steps[:, open_]
        iteration += 1
    converged = np.ones(columns, dtype=bool)
    converged[open_[still]] = False
    return Fit(beta, used, deviance, steps, iteration, converged)


def _derivatives(
    design: Design, beta: np.ndarray, taken: np.ndarray, total: np.ndarray, link: Link, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score (p, K), expected information (K, p, p) and deviance (K,) at coefficients (p, K)."""
    (p, columns), deviance = beta.shape, np.zeros(beta.shape[1])
    score, gram = np.zeros((p, columns)), np.zeros((columns, p, p))
    for rows, block in design.blocks(columns):
        share, slope = link.at(predictors(block, beta) + offset[rows])
        per_share = slope / (share * (1 - share))
        left = total[rows] - taken[rows]
        # Score X'((y - w mu) mu' / (mu (1 - mu))), information X' diag(w mu'**2 / (mu (1 - mu))) X, -2 log-likelihood.
        score += products(block, (taken[rows] - total[rows] * share) * per_share)
        gram += weighted_grams(block, total[rows] * slope * per_share)
        deviance += -2 * (taken[rows] * np.log(share) + left * np.log1p(-share)).sum(axis=0)
    return score, gram, deviance


def _require_converged(design: Design, fit: Fit, taken: np.ndarray, total: np.ndarray, link: Link) -> None:
    """Raise where a coefficient of a single fit runs to infinity, or the fit did not converge."""
    beta, step = fit.coefficients, fit.following
    if fit.converged.all() and _moves(design, step, total).max() <= SETTLED:
        return
    for _ in range(MORE_STEPS):
        beta = beta + step
        score, gram, _ = _derivatives(design, beta, taken, total, link, np.zeros((len(taken), 1)))
        step = solve(gram[0], score)
    moves = _moves(design, step, total)
    if moves.max() > STILL:
        raise _separated(design, step, taken, total, moves > 0.5 * moves.max())
    if not fit.converged.all():
        raise WeightingError(
            "the response model does not converge",
            got=f"{fit.iterations} steps, deviance {fit.deviance[0]:.10g}",
            expected="a deviance that converges",
            hint="raise max_iterations, or take fewer predictors",
        )


def _moves(design: Design, step: np.ndarray, total: np.ndarray) -> np.ndarray:
    """The change of the linear predictor by ``step``, for every row with weight."""
    return np.abs(design.predict(step)) * (total > 0)


def _separated(
    design: Design, step: np.ndarray, taken: np.ndarray, total: np.ndarray, away: np.ndarray
) -> WeightingError:
    size = np.max([np.abs(block).max(axis=1) for _, block in design.blocks()], axis=0)
    run = np.abs(step[:, 0]) * size
    running = [j for j in design.kept[run > 0.1 * run.max()] if design.variables[j]]
    everybody, nobody = (taken[away] > 0).any(), (taken[away] < total[away]).any()
    who = "everybody or nobody" if everybody and nobody else "everybody" if everybody else "nobody"
    return WeightingError(
        f"the response model separates: {who} answered where it grows without end",
        column=", ".join(dict.fromkeys(name for j in running for name in design.variables[j])),
        got=f"coefficients that run to infinity: {', '.join(design.names[j] for j in running[:10])}",
        expected="respondents and nonrespondents at every level of the formula",
        hint="merge thin levels, or leave the column out of the formula",
    )
