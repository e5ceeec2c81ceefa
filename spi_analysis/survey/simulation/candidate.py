"""A design to be tried out: whom it invites, in which waves, and how it weights the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.weighting import Rates

METHODS = ("equal", "proportional", "neyman")
_WHOLE = 1e-9


@dataclass(frozen=True)
class Allocation:
    """How invitations are shared among strata.

    Parameters
    ----------
    method : str             equal, proportional or neyman, as in ``sampling.allocate``
    min_n : int              the least of a stratum (one with fewer people is invited whole)
    spread : str or None     numeric column of the frame whose SD in the strata Neyman's rule uses, such as last round's
        score
    response : str or None   column with the anticipated probability to answer. With it the rule holds for the answers
        to come, not for the invitations: equal and proportional invitations are divided by the stratum's mean r_h of
        it, Neyman's by its square root (the optimum of ``sum N_h^2 S_h^2 / (r_h n_h)``)

    Raises
    ------
    SamplingError   from ``Design``: an unknown method, neyman without ``spread``, a ``min_n`` below 0.

    References
    ----------
    Cochran (1977), Sampling Techniques, ch. 5.

    Examples
    --------
    >>> Allocation("neyman", spread="last_score").method
    'neyman'
    """

    method: str = "proportional"
    min_n: int = 0
    spread: str | None = None
    response: str | None = None


@dataclass(frozen=True)
class Waves:
    """A first wave and reserves, each a random part of the sample in every stratum.

    After a wave has been worked to its end the next one is activated while there are fewer than ``completes`` answers.
    Probabilities are those of what was activated.

    Parameters
    ----------
    shares : tuple of float   parts of the sample, above 0, summing to 1
    completes : int           answers at which no further wave is activated, 1 or more

    Raises
    ------
    SamplingError   from ``Design``: shares or completes that do not fit.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 6.

    Examples
    --------
    >>> Waves((0.6, 0.2, 0.2), completes=150).shares
    (0.6, 0.2, 0.2)
    """

    shares: tuple[float, ...]
    completes: int


@dataclass(frozen=True)
class Weighting:
    """Weighting classes, then raking, as ``weighting.WeightingClasses`` and ``weighting.Rake`` do it.

    Parameters
    ----------
    classes : tuple of str   columns of the nonresponse classes (none: one class)
    margins : tuple of str   columns raked to the counts of the frame (none: no raking)
    min_respondents : int         thin classes are merged until so many answered in each
    min_level_respondents : int   thin levels of a margin are merged until so many did
    rates : "observed" | "shrunken"   as in ``weighting.WeightingClasses``

    Raises
    ------
    SamplingError   from ``Design``: a minimum below 1.

    References
    ----------
    Valliant, Dever & Kreuter (2018), ch. 13 and 14.

    Examples
    --------
    >>> Weighting(classes=("unit",), margins=("sex",)).min_respondents
    5
    """

    classes: tuple[str, ...] = ()
    margins: tuple[str, ...] = ()
    min_respondents: int = 5
    min_level_respondents: int = 5
    rates: Rates = "observed"


@dataclass(frozen=True)
class Design:
    """A design to be tried out.

    Parameters
    ----------
    label : str                          names it in tables
    n : int, mapping stratum -> int, or None   people invited (before reserves are held back); a mapping holds the
        sizes themselves, such as those of ``sampling.bethel``; None: everyone
    strata : tuple of str                columns that divide the frame (none: one stratum), labelled as ``cell_labels``
    min_stratum_people : int             smaller strata are merged, by ``merge_thin_cells``
    allocation, waves : how n is shared and activated (waves None: all at once)
    weighting : Weighting or None        None: every answer counts the same
    cost_per_invitation, cost_per_complete : float   in any one unit, >= 0

    Raises
    ------
    SamplingError   an unknown allocation, neyman without ``spread``, shares of waves that do not sum to 1, a number out
        of range; all of them at once.

    References
    ----------
    Valliant, Dever & Kreuter (2018), ch. 3 and 6.

    Examples
    --------
    >>> design = Design("by unit", n=100, strata=("unit",), weighting=Weighting(margins=("sex",)))
    >>> design.columns
    ['unit', 'sex']
    """

    label: str
    n: int | Mapping[str, int] | None = None
    strata: tuple[str, ...] = ()
    min_stratum_people: int = 1
    allocation: Allocation = Allocation()
    waves: Waves | None = None
    weighting: Weighting | None = None
    cost_per_invitation: float = 1.0
    cost_per_complete: float = 0.0

    @property
    def columns(self) -> list[str]:
        """Columns of the frame that the design reads."""
        weighting = (*self.weighting.classes, *self.weighting.margins) if self.weighting else ()
        options = (self.allocation.spread, self.allocation.response)
        return list(dict.fromkeys([*self.strata, *weighting, *(name for name in options if name)]))

    def __post_init__(self) -> None:
        problems = [*self._allocation_problems(), *self._wave_problems(), *self._number_problems()]
        if problems:
            raise SamplingError(*problems)

    def _allocation_problems(self) -> list[Problem]:
        method = self.allocation.method
        if method not in METHODS:
            listed = ", ".join(METHODS)
            return [self._problem("unknown allocation", got=method, expected=listed, hint=nearest(method, METHODS))]
        if method == "neyman" and not self.allocation.spread:
            return [self._problem("Neyman's allocation needs to know how answers spread", hint="name spread=")]
        return []

    def _wave_problems(self) -> list[Problem]:
        if self.waves is None:
            return []
        shares = self.waves.shares
        if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > _WHOLE:
            return [
                self._problem("the shares of the waves do not fit", got=str(shares), expected="above 0, together 1")
            ]
        return []

    def _number_problems(self) -> list[Problem]:
        numbers = {
            "min_stratum_people": (self.min_stratum_people, 1),
            "allocation.min_n": (self.allocation.min_n, 0),
            "cost_per_invitation": (self.cost_per_invitation, 0),
            "cost_per_complete": (self.cost_per_complete, 0),
            **({"n": (self.n, 1)} if isinstance(self.n, int) else {}),
            **({"weighting.min_respondents": (self.weighting.min_respondents, 1)} if self.weighting else {}),
            **(
                {"weighting.min_level_respondents": (self.weighting.min_level_respondents, 1)} if self.weighting else {}
            ),
            **({"waves.completes": (self.waves.completes, 1)} if self.waves else {}),
        }
        return [
            self._problem(f"{name} is out of range", got=str(value), expected=f"{least} or more")
            for name, (value, least) in numbers.items()
            if not value >= least
        ]

    def _problem(self, what: str, got: str = "", expected: str = "", hint: str = "") -> Problem:
        return Problem(what, key=f"design {self.label}", got=got, expected=expected, hint=hint)
