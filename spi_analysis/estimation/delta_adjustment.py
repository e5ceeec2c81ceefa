"""Delta adjustment: what if those who did not answer differ by so much from what the weights make of them?"""

from __future__ import annotations


def delta_adjusted_mean(estimate: float, response_share: float, delta: float) -> float:
    """The mean over everyone, if the nonrespondents' mean is ``delta`` above what the weights take it for.

    Parameters
    ----------
    estimate : float         weighted mean; it takes nonrespondents to be like the respondents of their class
    response_share : float   share of the population that answers or would answer, 0 to 1
    delta : float            units of the mean

    References
    ----------
    Rubin (1977), Journal of the American Statistical Association 72; National Research Council (2010), The Prevention
    and Treatment of Missing Data in Clinical Trials, ch. 5.
    """
    return estimate + (1 - response_share) * delta


def tipping_delta(estimate: float, silent_share: float, limit: float) -> float:
    """The delta at which the adjusted mean is ``limit``; infinite where everyone answered.

    ``silent_share`` is the share of nonrespondents, for a composite the sum of weights times shares.
    """
    if silent_share <= 0:
        return float("inf") if limit > estimate else float("-inf")
    return (limit - estimate) / silent_share
