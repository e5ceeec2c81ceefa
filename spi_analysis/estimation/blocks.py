"""Covariance of estimates in disjoint domains, where every row is a primary unit, in one pass over blocks of rows.

A row adds to the estimates of its own domain only, so no column per domain is ever made. With cells
(stratum h, domain d), n_hd rows with mean influence m_hd and cross-products Q_hd around it,

    cov(d, d)  = sum_h c_h [Q_hd + n_hd (1 - n_hd/n_h) m_hd m_hd'],
    cov(d, d') = -sum_h c_h n_hd n_hd'/n_h m_hd m_hd'',     c_h = (1 - f_h) n_h/(n_h - 1):

nothing large is subtracted from anything large.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from spi_analysis.estimation.design import SurveyDesign
from spi_analysis.estimation.domains import Domains

# Rows at a time: a block of 25 variables stays in the processor's cache.
BLOCK = 8192
# Blocks that are added up by one thread.
RUN = 8


def domain_blocks_covariance(
    design: SurveyDesign, domains: Domains, sums: np.ndarray, influence: Callable[[slice], np.ndarray]
) -> np.ndarray:
    """Covariance (k D, k D).

    ``sums`` (k, D, H): weighted influence values summed by domain and stratum; ``influence`` gives them
    for a slice of rows, (k, rows), each in the row's own domain.
    """
    stage = design.stages[0]
    k, n_domains, n_strata = sums.shape
    # Rows outside all domains are in a last cell of their own, where every influence value is 0.
    cell = np.where(domains.codes >= 0, domains.codes * n_strata + stage.stratum, n_domains * n_strata)
    n = np.bincount(cell, minlength=n_domains * n_strata + 1)[:-1].astype(float).reshape(n_domains, n_strata)
    means = sums / np.maximum(n, 1)
    by_cell = np.concatenate([means.reshape(k, -1), np.zeros((k, 1))], axis=1)
    root = np.sqrt(stage.factor)

    def products(rows: slice) -> np.ndarray:
        values = influence(rows)
        values -= by_cell.take(cell[rows], axis=1)
        values *= root[stage.stratum[rows]]
        return _products_by_domain(values, domains.codes[rows], n_domains)

    return _assemble(_summed(products, len(cell)), means, n, stage.n, stage.factor)


def _summed(products: Callable[[slice], np.ndarray], n: int) -> np.ndarray:
    """Sum over all blocks of rows: on all cores, added up in an order that does not depend on their number."""
    blocks = [slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]
    runs = [blocks[i : i + RUN] for i in range(0, len(blocks), RUN)]
    if len(runs) == 1:
        return sum(map(products, blocks))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(lambda run: sum(map(products, run)), runs))


def _products_by_domain(values: np.ndarray, domain: np.ndarray, n_domains: int) -> np.ndarray:
    """Cross-products (D, k, k) of values (k, rows)."""
    if n_domains == 1:
        return (values @ values.T)[None]
    order, bounds = _runs(domain, n_domains)
    values = values.take(order, axis=1)
    parts = [values[:, bounds[d] : bounds[d + 1]] for d in range(n_domains)]
    return np.array([part @ part.T for part in parts])


def _runs(domain: np.ndarray, n_domains: int) -> tuple[np.ndarray, np.ndarray]:
    """Order that sorts rows by domain, and where the rows of each domain begin and end."""
    order = np.argsort(domain, kind="stable")
    return order, np.searchsorted(domain[order], np.arange(n_domains + 1))


def _assemble(
    within: np.ndarray, means: np.ndarray, n: np.ndarray, n_h: np.ndarray, factor: np.ndarray
) -> np.ndarray:
    k, n_domains, _ = means.shape
    inside = n * (1 - n / n_h)
    sums = (means * (n * np.sqrt(factor / n_h))).reshape(k * n_domains, -1)
    covariance = -(sums @ sums.T).reshape(k, n_domains, k, n_domains)
    for d in range(n_domains):
        spread = means[:, d] * np.sqrt(factor * inside[d])
        covariance[:, d, :, d] = within[d] + spread @ spread.T
    return covariance.reshape(k * n_domains, -1)
