"""The cheapest allocation that meets a CV ceiling for every domain and variable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import coo_array, csr_array, diags_array

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.groups import group_sums, require_columns, require_numbers
from spi_analysis.survey.sampling.allocation import Bound, column_of

# Precision targets: a CV ceiling for every domain and variable, as ceilings on sums of ``a (1/n - 1/N)``.
#
# A total over a domain, from a stratified simple random sample without replacement, has the variance
# ``sum N**2 S**2 (1/m - 1/N)`` with m completes of N people. With ``m = response * n`` a target says
# ``sum_h a_h (1/n_h - 1/N_h) <= b``, ``a_h = N_h**2 S_h**2 / response_h``,
# ``b = (cv Y)**2 - sum_h N_h S_h**2 (1/response_h - 1)``: what a census of the list leaves of the target. Here all
# is divided by b, so that every ceiling is 1.

TARGET_COLUMNS = ("domain", "variable", "cv")
# Sums of a / n are compared with 1 to this.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Ceilings:
    """``loads`` (H, K): a_h / b of stratum h for target k; ``places`` (H, K): the ceiling (of ``size``) it adds to."""

    loads: np.ndarray
    places: np.ndarray
    size: int
    people: np.ndarray

    def used(self, n: np.ndarray) -> np.ndarray:
        """The used share of each ceiling (J,), sum_h a_h (1/n_h - 1/N_h) / b: at most 1 is feasible."""
        with np.errstate(divide="ignore", invalid="ignore"):
            open_ = np.where(n < self.people, (self.people - n) / (n * self.people), 0.0)[:, None]
            shares = np.where(self.loads > 0, self.loads * open_, 0.0)
        return group_sums(self.places.ravel(), shares.ravel(), self.size)

    def of_a_census(self) -> np.ndarray:
        """The loads over N (J,): what ``sum a / n`` of a census would be, beside a ceiling of 1."""
        shares = self.loads / np.maximum(self.people, 1)[:, None]
        return group_sums(self.places.ravel(), shares.ravel(), self.size)

    def met(self, n: np.ndarray) -> bool:
        return bool((self.used(n) <= 1 + ROUNDING).all())

    def priced(self, prices: np.ndarray) -> np.ndarray:
        """Loads of each stratum, weighted by a price for each ceiling (H,)."""
        return (self.loads * prices[self.places]).sum(axis=1)


def ceilings_of(
    strata: pd.DataFrame, targets: pd.DataFrame, people: np.ndarray, response: np.ndarray
) -> tuple[Ceilings, list[Problem]]:
    """The ceilings, and the targets that even a census of the list would miss."""
    _check_targets(strata, targets)
    loads, places, problems, size = [], [], [], 0
    for domain, variable, cv in targets[list(TARGET_COLUMNS)].itertuples(index=False):
        levels, names = _levels(strata, domain)
        mean, sd = (strata[f"{kind}_{variable}"].to_numpy(dtype=float) for kind in ("mean", "sd"))
        counts = len(names)
        # Bethel (1989): V(Y_d) = sum N**2 S**2 (1/m - 1/N), held to (cv Y_d)**2, with m = response * n.
        total = group_sums(levels, people * mean, counts)
        spread = group_sums(levels, people * sd**2, counts)
        # The part of the variance that remains in a census of the list (nonresponse), and the rest for the sample.
        lacking = group_sums(levels, people * sd**2 * (1 / response - 1), counts)
        allowed = (cv * total) ** 2
        room = np.maximum(allowed - lacking, ROUNDING * allowed)
        load = people**2 * sd**2 / response
        scale = group_sums(levels, people * np.abs(mean), counts)
        centred = (np.abs(total) <= 1e-12 * scale) & (spread > 0)
        for level in np.flatnonzero(centred | (lacking > allowed * (1 + ROUNDING))):
            reached = np.inf if centred[level] else np.sqrt(lacking[level]) / abs(total[level])
            problems.append(
                _infeasible(domain, names[level], variable, float(cv), float(reached), bool(centred[level]))
            )
        loads.append(np.divide(load, room[levels], out=np.zeros_like(load), where=(load > 0) & (room[levels] > 0)))
        places.append(levels + size)
        size += counts
    return Ceilings(np.column_stack(loads), np.column_stack(places), size, people), problems


def _infeasible(domain: str, level: str, variable: str, cv: float, reached: float, centred: bool) -> Problem:
    key = f"{domain} = {level}, {variable}" if domain else f"all strata, {variable}"
    if centred:
        return Problem("a mean of 0 has no CV", column="mean_" + variable, key=key, expected="a mean other than 0")
    return Problem(
        "even inviting everyone does not meet a target",
        key=key,
        got=f"CV {cv:g}",
        expected=f"at least {reached:.4g}, what a census of the list would reach",
        hint="allow a larger CV, or leave the domain out",
    )


def _levels(strata: pd.DataFrame, domain: str) -> tuple[np.ndarray, list[str]]:
    if not domain:
        return np.zeros(len(strata), dtype=int), [""]
    codes, names = pd.factorize(strata[domain], sort=True)
    return codes, [str(name) for name in names]


def _with_domains(targets: pd.DataFrame) -> pd.DataFrame:
    """The targets, a missing domain being all strata."""
    require_columns(targets, TARGET_COLUMNS, SamplingError)
    return targets.assign(domain=targets["domain"].fillna(""))


def _check_targets(strata: pd.DataFrame, targets: pd.DataFrame) -> None:
    if targets.empty:
        expected = "one row per target with " + ", ".join(TARGET_COLUMNS)
        raise SamplingError("the targets are not complete", got="no rows", expected=expected)
    problems = []
    for row, (domain, variable, cv) in enumerate(targets[list(TARGET_COLUMNS)].itertuples(index=False), 1):
        needed = [f"mean_{variable}", f"sd_{variable}", *([domain] if domain else [])]
        problems += [
            Problem(
                "a target names a column that the strata lack", row=row, column=str(c), hint=nearest(c, strata.columns)
            )
            for c in needed
            if c not in strata.columns
        ]
        if not (np.isfinite(cv) and cv > 0):
            problems.append(Problem("a target is no CV", row=row, column="cv", got=str(cv), expected="above 0"))
    if problems:
        raise SamplingError(*problems)
    _check_values(strata, targets)


def _check_values(strata: pd.DataFrame, targets: pd.DataFrame) -> None:
    """Every mean a number, every deviation 0 or more, everyone in a domain."""
    problems = []
    for column in dict.fromkeys(f"{kind}_{variable}" for variable in targets["variable"] for kind in ("mean", "sd")):
        values = pd.to_numeric(strata[column], errors="coerce").to_numpy(dtype=float)
        bad = ~np.isfinite(values) | ((values < 0) if column.startswith("sd_") else False)
        problems += [
            Problem(
                "a stratum has no usable value",
                column=column,
                key=f"stratum {strata.index[i]}",
                got=str(strata[column].iloc[i]),
                expected="0 or more" if column.startswith("sd_") else "a number",
            )
            for i in map(int, np.flatnonzero(bad))
        ]
    problems += [
        Problem("a stratum belongs to no domain", column=str(domain), key=f"stratum {strata.index[i]}")
        for domain in dict.fromkeys(d for d in targets["domain"] if d)
        for i in map(int, np.flatnonzero(strata[domain].isna()))
    ]
    if problems:
        raise SamplingError(*problems)


def bounds_of(people: np.ndarray, min_n: Bound, strata: pd.DataFrame) -> np.ndarray:
    """The least of each stratum: ``min_n``, or all its people where they are fewer."""
    if isinstance(min_n, str):
        least = column_of(strata, min_n)
    else:
        require_numbers(SamplingError, min_n=min_n or 0)
        least = np.full(len(people), float(min_n or 0))
    if (least < 0).any():
        raise SamplingError("the minimum of a stratum is out of range", got=str(min_n), expected="0 or more")
    return np.minimum(np.ceil(least), people)


# An interior-point search for Bethel's real-valued allocation, for targets of very different size, for which Chromy's
# rule converges slowly.
#
# It moves in ``u = 1/n - 1/N``, where the ceilings are linear and a census (u = 0) is always inside.

# How far towards the border a step goes, and how much of the distance to it is kept as the aim of the next.
BORDER, CENTRE = 0.99, 0.15


class Interior:
    """Primal-dual steps: ``v`` (parts of the way from a census to ``least``) and the prices of all its limits."""

    def __init__(self, ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray) -> None:
        free = (most > least) & (ceilings.loads > 0).any(axis=1)
        self.least, self.most, self.free = least, most, free
        self.span = 1 / least[free] - 1 / most[free]
        self.cost, self.floor = cost[free], 1 / most[free]
        rows = np.repeat(np.arange(int(free.sum())), ceilings.loads.shape[1])
        loads = (ceilings.loads[free] * self.span[:, None]).ravel()
        shape = (int(free.sum()), ceilings.size)
        self.matrix = csr_array(coo_array((loads, (rows, ceilings.places[free].ravel())), shape=shape))
        most_used = float((self.matrix.sum(axis=0)).max())
        self.v = np.full(shape[0], 0.5 / max(most_used, 1.0))
        # Multipliers that match the gradient of the cost at the start.
        start = float(np.median(self.cost * self.span / (self.v * self.span + self.floor) ** 2 * self.v))
        self.prices = np.full(shape[1], start / shape[1])
        self.low, self.high = start / self.v, start / (1 - self.v)

    def allocation(self) -> np.ndarray:
        n = self.least.copy()
        n[self.free] = 1 / (self.v * self.span + self.floor)
        return np.clip(n, self.least, self.most)

    def step(self) -> bool:
        """One step towards the centre and the optimum; False where arithmetic allows no further one."""
        # Newton's step on the perturbed Karush-Kuhn-Tucker equations: minimise sum c_h n_h(v_h) under A'v <= 1 and
        # 0 <= v <= 1; slope and bend are the first and second derivative of the cost.
        v, room = self.v, 1 - self.matrix.T @ self.v
        up = 1 - v
        at = v * self.span + self.floor
        slope, bend = -self.cost * self.span / at**2, 2 * self.cost * self.span**2 / at**3
        products = self.prices @ room + self.low @ v + self.high @ up
        aim = CENTRE * products / (len(room) + 2 * len(v))
        diagonal = bend + self.low / v + self.high / up
        right = -(slope + self.matrix @ (aim / room) - aim / v + aim / up)
        move = self._solved(diagonal, right, self.prices / room)
        if move is None:
            return False
        used = self.matrix.T @ move
        prices = aim / room - self.prices + self.prices / room * used
        low, high = aim / v - self.low - self.low / v * move, aim / up - self.high + self.high / up * move
        first = _longest((v, move), (up, -move), (room, -used))
        second = _longest((self.prices, prices), (self.low, low), (self.high, high))
        self.v = v + first * move
        self.prices, self.low, self.high = (
            value + second * change for value, change in ((self.prices, prices), (self.low, low), (self.high, high))
        )
        return bool((1 - self.matrix.T @ self.v > 0).all())

    def _solved(self, diagonal: np.ndarray, right: np.ndarray, weight: np.ndarray) -> np.ndarray | None:
        """(diagonal + A W A') move = right, scaled to a diagonal of ones."""
        # The multipliers are eliminated, which leaves the normal equations of the step.
        full = (self.matrix @ diags_array(weight) @ self.matrix.T).toarray()
        full[np.diag_indices_from(full)] += diagonal
        scale = 1 / np.sqrt(np.diag(full))
        try:
            factor = cho_factor(full * scale[:, None] * scale[None, :], check_finite=True)
        except (np.linalg.LinAlgError, ValueError):
            return None
        return scale * cho_solve(factor, scale * right)


def _longest(*pairs: tuple[np.ndarray, np.ndarray]) -> float:
    """The longest step, at most 1, that keeps every value above 0."""
    longest = 1.0
    for value, change in pairs:
        falling = change < 0
        if falling.any():
            longest = min(longest, BORDER * float((value[falling] / -change[falling]).min()))
    return longest


# The convex problem behind Bethel's allocation: prices for the ceilings.
#
# For prices ``p_j >= 0`` of the ceilings the cheapest allocation is
# ``n_h = clip(sqrt(sum_j p_j a_hj / c_h), least_h, most_h)``, and its priced cost bounds every feasible cost
# from below: the bound limits the distance of an allocation from the optimum.

# The search ends when the relative gap of the cost is below this, or after so many steps of either kind.
GAP = 1e-6
CHROMY_STEPS = 2000
LOOK_EVERY = 50
INTERIOR_STEPS = 100
# A step of the interior search takes time of the order H**3; on longer lists Chromy's prices and their bound stand.
INTERIOR_MOST = 300


def cheapest_real(
    ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The real-valued optimum, and the prices that prove it."""
    if ceilings.met(least):
        return least, np.zeros(ceilings.size)
    dual = Dual(ceilings, cost, least, most)
    best = _Best(dual)
    prices = np.full(ceilings.size, float(cost @ most) / ceilings.size)
    for step in range(1, CHROMY_STEPS + 1):
        prices = dual.chromy(prices)
        if step % LOOK_EVERY == 0 and best.found(dual.feasible(prices), prices):
            return best.allocation, best.prices
    if len(cost) > INTERIOR_MOST:
        return best.allocation, best.prices
    search = Interior(ceilings, cost, least, most)
    for _ in range(INTERIOR_STEPS):
        if not search.step() or best.found(search.allocation(), search.prices):
            break
    return best.allocation, best.prices


class Dual:
    """Allocations for given prices, and the bound that they prove."""

    def __init__(self, ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray) -> None:
        self.ceilings, self.cost, self.least, self.most = ceilings, cost, least, most
        self.census = ceilings.of_a_census()

    def allocation(self, prices: np.ndarray) -> np.ndarray:
        # Bethel (1989): the minimum of c_h n_h + sum_j p_j a_hj / n_h is at n_h = sqrt(sum_j p_j a_hj / c_h).
        return np.clip(np.sqrt(self.ceilings.priced(prices) / self.cost), self.least, self.most)

    def bound(self, prices: np.ndarray) -> float:
        """The cost that no feasible allocation goes below."""
        # Lagrange's dual: min over n of c'n + p'(used(n) - 1), which weak duality puts below every feasible cost.
        n = self.allocation(prices)
        return float(self.cost @ n + prices @ (self.ceilings.used(n) - 1))

    def chromy(self, prices: np.ndarray) -> np.ndarray:
        """The multiplier of an exceeded ceiling grows, that of a ceiling with room falls."""
        # Chromy (1987): a multiplier is multiplied by the squared ratio of the variance to its ceiling, here with the
        # finite population part on both sides.
        used = self.ceilings.used(self.allocation(prices))
        return prices * ((used + self.census) / (1 + self.census)) ** 2

    def feasible(self, prices: np.ndarray) -> np.ndarray:
        """The priced allocation, enlarged or lowered as a whole until every ceiling is just met."""
        # Here, as in _searched: everyone who reads parameters loads this module.
        from scipy.optimize import brentq

        n = np.sqrt(self.ceilings.priced(prices) / self.cost)

        def enlarged(log_factor: float) -> np.ndarray:
            return np.clip(n * np.exp(log_factor), self.least, self.most)

        def excess(log_factor: float) -> float:
            return float(self.ceilings.used(enlarged(log_factor)).max() - 1 - ROUNDING / 2)

        low, high = -1.0, 0.0
        if excess(low) <= 0:
            return enlarged(low)
        while excess(high) > 0:
            low, high = high, 4 * high + 1e-6
            if high > 100:
                # A stratum without a multiplier stays at its minimum unless a target needs all of it.
                return self.most
        return enlarged(float(brentq(excess, low, high, xtol=1e-13)))


class _Best:
    """The cheapest allocation and the highest bound seen so far."""

    def __init__(self, dual: Dual) -> None:
        self.dual, self.allocation, self.prices = dual, dual.most, np.zeros(dual.ceilings.size)
        self.cost, self.bound = float(dual.cost @ dual.most), -np.inf

    def found(self, allocation: np.ndarray, prices: np.ndarray) -> bool:
        """Keep the better allocation and bound; True once the gap is closed."""
        cost, bound = float(self.dual.cost @ allocation), self.dual.bound(prices)
        if cost < self.cost and self.dual.ceilings.met(allocation):
            self.allocation, self.cost = allocation, cost
        if bound > self.bound:
            self.prices, self.bound = prices, bound
        return self.cost - self.bound <= GAP * self.cost


# Bethel's allocation in whole numbers: rounded up, lowered one by one, and searched to the end on small designs.

# All choices are searched while those left are at most this many; the search is cut after so many branches (never by
# the clock: the same input gives the same answer).
MOST_CHOICES = 600
MOST_BRANCHES = 300
# Tolerance of the integer solver in a ceiling.
SOLVER_ROUNDING = 2e-6


def cheapest_whole(
    ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray, real: np.ndarray, prices: np.ndarray
) -> np.ndarray:
    """Whole numbers that meet every ceiling: rounded up, lowered one by one; on small designs the cheapest of all."""
    rounded = np.clip(np.ceil(real - ROUNDING), least, most)
    n = _lowered(ceilings, cost, least, rounded if ceilings.met(rounded) else np.clip(rounded + 1, least, most))
    low, high = _window(ceilings, cost, least, most, prices, float(cost @ n))
    choices = int((high - low).sum())
    if 0 < choices <= MOST_CHOICES:
        for margin in (0.0, SOLVER_ROUNDING):
            found = _searched(ceilings, cost, low, high, margin)
            if found is not None and ceilings.met(found):
                n = found if cost @ found < cost @ n - ROUNDING else n
                break
    return n.astype(int)


def _lowered(ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Take one unit away where it saves most relative to the ceiling that it uses, as long as every ceiling is met."""
    n, open_ = n.copy(), np.flatnonzero(n > least)
    room = np.maximum(1 + ROUNDING - ceilings.used(n), 0)
    while open_.size:
        now = n[open_]
        step = np.where(now > 1, 1 / np.maximum(now - 1, 1) - 1 / now, np.inf)[:, None]
        loads, left = ceilings.loads[open_], room[ceilings.places[open_]]
        more = np.where(loads > 0, loads * step, 0.0)
        # A stratum that cannot be lowered now cannot be lowered later, since the room only shrinks.
        fits = (more <= left).all(axis=1)
        open_, more, left = open_[fits], more[fits], left[fits]
        if not open_.size:
            break
        used = np.divide(more, left, out=np.zeros_like(more), where=left > 0).sum(axis=1)
        best = int(np.argmax(cost[open_] / np.maximum(used, 1e-300)))
        h = open_[best]
        n[h] -= 1
        np.subtract.at(room, ceilings.places[h], more[best])
        room = np.maximum(room, 0)
        if n[h] <= least[h]:
            open_ = np.delete(open_, best)
    return n


def _window(
    ceilings: Ceilings, cost: np.ndarray, least: np.ndarray, most: np.ndarray, prices: np.ndarray, reached: float
) -> tuple[np.ndarray, np.ndarray]:
    """The sizes of each stratum between which a cheaper allocation can lie: outside, the bound exceeds the cost."""
    dual = Dual(ceilings, cost, least, most)
    loads, at = ceilings.priced(prices), dual.allocation(prices)
    spare = max(reached - dual.bound(prices), 0.0) + ROUNDING
    # c n + s / n <= its minimum + spare, a quadratic in n
    level = cost * at + np.divide(loads, at, out=np.zeros_like(loads), where=at > 0) + spare
    root = np.sqrt(np.maximum(level**2 - 4 * cost * loads, 0))
    low = np.ceil((level - root) / (2 * cost) - ROUNDING)
    high = np.floor((level + root) / (2 * cost) + ROUNDING)
    return np.clip(low, least, most), np.clip(high, least, most)


def _searched(
    ceilings: Ceilings, cost: np.ndarray, low: np.ndarray, high: np.ndarray, margin: float
) -> np.ndarray | None:
    """Branch and bound over the steps from low to high: each step of a stratum costs the same and helps less."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    strata = np.repeat(np.arange(len(low)), (high - low).astype(int))
    first = np.cumsum(high - low) - (high - low)
    step = low[strata] + 1 + np.arange(len(strata)) - first[strata]
    # A stratum without anybody yet has no load on any ceiling (see bethel._least).
    gain = 1 / np.maximum(step - 1, 1) - 1 / step
    columns = np.repeat(np.arange(len(strata)), ceilings.loads.shape[1])
    rows, values = ceilings.places[strata].ravel(), (ceilings.loads[strata] * gain[:, None]).ravel()
    matrix = coo_array((values, (rows, columns)), shape=(ceilings.size, len(strata))).tocsr()
    needed = ceilings.used(low) - 1 + margin
    found = milp(
        cost[strata],
        integrality=np.ones(len(strata)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, lb=needed),
        options={"node_limit": MOST_BRANCHES, "mip_rel_gap": 0.0},
    )
    return None if found.x is None else low + group_sums(strata, np.rint(found.x), len(low))


def bethel(
    strata: pd.DataFrame,
    targets: pd.DataFrame,
    pop_size: str = "N",
    cost: str | None = None,
    min_n: Bound = 2,
    response: str | None = None,
    integer: bool = True,
) -> pd.Series:
    """Allocate so that every domain's mean (or total) of every variable meets its CV, at the least cost.

    Minimises ``sum c_h n_h`` subject to ``CV(Ybar_dv) <= cv_dv`` for every level d of a domain column and
    every variable v, ``min_n <= n_h <= N_h``, for stratified simple random sampling without replacement.

    Parameters
    ----------
    strata : DataFrame (H, ...)   one row per stratum, with ``mean_<variable>``, ``sd_<variable>`` and domain columns
    targets : DataFrame (K, 3)    domain (a column of ``strata``, each level of it a domain of its own; "" = all
        strata), variable, cv
    pop_size : str                column with N_h
    cost : str or None            column with the cost per person; None: 1 each
    min_n : number or column      the least of a stratum; one with fewer people is taken whole
    response : str or None        column with the anticipated share of answers (0 to 1): n is then of invitations,
        and the completes ``response * n`` meet the targets
    integer : bool                whole numbers, or the real-valued optimum

    Returns
    -------
    Series (H,), index of ``strata``, name ``n``, that meets every target. Real-valued, its cost is right to 1e-6 (less
    where anticipated values differ by many powers of ten); whole numbers are the cheapest of all on small designs, on
    large ones none of them can be lowered by itself.

    Raises
    ------
    SamplingError   a column or value is missing; a target that even inviting everyone would miss (each is named).

    References
    ----------
    Bethel (1989), Survey Methodology 15; Chromy (1987), Proceedings of the ASA Section on Survey Research Methods.

    Examples
    --------
    In each region ``S**2 (1/n - 1/N) <= (cv Ybar)**2``: ``1/n <= 0.04 + 0.01`` in a, ``1/n <= 0.01 + 0.01`` in b.

    >>> strata = pd.DataFrame({"region": ["a", "b"], "N": 100, "mean_y": 10.0, "sd_y": [5.0, 10.0]})
    >>> targets = pd.DataFrame({"domain": ["region"], "variable": ["y"], "cv": [0.1]})
    >>> bethel(strata, targets).tolist()
    [20, 50]
    """
    targets = _with_domains(targets)
    people = np.floor(_positive(strata, pop_size, zero=True))
    prices = np.ones(len(strata)) if cost is None else _positive(strata, cost)
    answered = np.ones(len(strata)) if response is None else _positive(strata, response, most=1.0)
    ceilings, problems = ceilings_of(strata, targets, people, answered)
    if problems:
        raise SamplingError(*problems)
    least = _least(ceilings, bounds_of(people, min_n, strata), people)
    real, dual = cheapest_real(ceilings, prices, least, people)
    if not integer:
        return pd.Series(real, index=strata.index, name="n")
    return pd.Series(cheapest_whole(ceilings, prices, least, people, real, dual), index=strata.index, name="n")


def achieved_cv(
    strata: pd.DataFrame,
    n: pd.Series,
    targets: pd.DataFrame,
    pop_size: str = "N",
    response: str | None = None,
) -> pd.DataFrame:
    """The precision of an allocation: one row per target and domain level with the anticipated CV and its ceiling.

    Parameters
    ----------
    strata, targets, pop_size, response   as in ``bethel``
    n : Series (H,)                       people per stratum, in the order of ``strata``; with ``response`` invitations

    Returns
    -------
    DataFrame: ``domain``, ``level``, ``variable``, ``cv`` (the ceiling), ``reached``; infinite where nobody is drawn
    or the mean is 0.

    Raises
    ------
    SamplingError   a column of ``strata`` or ``targets`` is missing, or holds what is no number; sizes that are not one
        for every stratum.

    References
    ----------
    Cochran (1977), sections 5.3 and 5.4.

    Examples
    --------
    >>> strata = pd.DataFrame({"region": ["a", "b"], "N": 100, "mean_y": 10.0, "sd_y": [5.0, 10.0]})
    >>> targets = pd.DataFrame({"domain": ["region"], "variable": ["y"], "cv": [0.1]})
    >>> reached = achieved_cv(strata, pd.Series([20, 100]), targets)
    >>> reached["level"].tolist(), reached["reached"].round(3).tolist()
    (['a', 'b'], [0.1, 0.0])
    """
    require_columns(strata, [pop_size, *([response] if response else [])], SamplingError)
    targets = _with_domains(targets)
    _check_targets(strata, targets)
    if len(n) != len(strata):
        raise SamplingError("the sizes do not fit the strata", got=f"{len(n)} sizes", expected=f"{len(strata)}")
    share = 1.0 if response is None else strata[response].to_numpy(dtype=float)
    people, completes = strata[pop_size].to_numpy(dtype=float), n.to_numpy(dtype=float) * share
    parts = []
    for domain, variable, cv in targets[list(TARGET_COLUMNS)].itertuples(index=False):
        mean, sd = (strata[f"{kind}_{variable}"].to_numpy(dtype=float) for kind in ("mean", "sd"))
        with np.errstate(divide="ignore", invalid="ignore"):
            # Cochran (1977), section 5.3: V(Y) = sum N**2 S**2 (1/m - 1/N) over the domain's strata.
            variance = np.where(people * sd > 0, people**2 * sd**2 * (1 / completes - 1 / people), 0.0)
        level = strata[domain].astype(str).to_numpy() if domain else np.full(len(strata), "")
        sums = pd.DataFrame({"level": level, "v": variance, "y": people * mean}).groupby("level", as_index=False).sum()
        # The variance of a census is 0, up to rounding.
        with np.errstate(divide="ignore", invalid="ignore"):
            reached = np.sqrt(sums["v"].clip(lower=0)) / sums["y"].abs()
        parts.append(sums[["level"]].assign(domain=domain, variable=variable, cv=cv, reached=reached))
    return pd.concat(parts, ignore_index=True)[["domain", "level", "variable", "cv", "reached"]]


def _least(ceilings: Ceilings, least: np.ndarray, people: np.ndarray) -> np.ndarray:
    """At least one unit of a stratum that enters a target."""
    counts = (ceilings.loads > 0).any(axis=1)
    return np.minimum(np.where(counts, np.maximum(least, 1), least), people)


def _positive(strata: pd.DataFrame, column: str, *, zero: bool = False, most: float = np.inf) -> np.ndarray:
    require_columns(strata, [column], SamplingError)
    values = pd.to_numeric(strata[column], errors="coerce").to_numpy(dtype=float)
    bad = ~(np.isfinite(values) & ((values >= 0) if zero else (values > 0)) & (values <= most))
    if bad.any():
        limit = f", at most {most:g}" if np.isfinite(most) else ""
        raise SamplingError(
            *(
                Problem(
                    "a stratum has no usable value",
                    column=column,
                    key=f"stratum {strata.index[i]}",
                    got=str(strata[column].iloc[i]),
                    expected=("0 or more" if zero else "above 0") + limit,
                )
                for i in map(int, np.flatnonzero(bad))
            )
        )
    return values
