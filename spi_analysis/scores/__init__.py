"""The SPI's scores: items, index, categories, change, experiences, published years, ranks, recommendations."""

from spi_analysis.scores.categories import (
    category_in_year,
    category_of,
    category_probabilities,
    probability_at_least,
)
from spi_analysis.scores.change import bridge, composition
from spi_analysis.scores.dimension_weights import data_weights
from spi_analysis.scores.experiences import experience_rates, institutions_reporting
from spi_analysis.scores.index import (
    IndexEstimate,
    combine_index,
    dimension_shares,
    index_from_scores,
    satterthwaite,
    score_estimates,
    score_influence,
    scores_from_shares,
)
from spi_analysis.scores.items import item_nonresponse, item_scores
from spi_analysis.scores.names import institution_slug, unjoined
from spi_analysis.scores.published import (
    categories_by_year,
    conduct_correction,
    corrections_by_year,
    history,
    load_published,
    means_by_type,
    movers,
    published_bridge,
    recompute,
    yearly_means,
)
from spi_analysis.scores.ranks import rank_sets
from spi_analysis.scores.recommendations import applicable
from spi_analysis.scores.release import Release, release_of
from spi_analysis.scores.reliability import reliability
from spi_analysis.scores.round_change import IndexRule, SourcePair, SourceRound, change_between
from spi_analysis.scores.tracker import follow_up, load_tracker
from spi_analysis.scores.units import domain_scores
from spi_analysis.scores.weak_sides import weak_sides

__all__ = [
    "IndexEstimate",
    "IndexRule",
    "Release",
    "SourcePair",
    "SourceRound",
    "applicable",
    "bridge",
    "categories_by_year",
    "category_in_year",
    "category_of",
    "category_probabilities",
    "change_between",
    "combine_index",
    "composition",
    "conduct_correction",
    "corrections_by_year",
    "data_weights",
    "dimension_shares",
    "domain_scores",
    "experience_rates",
    "follow_up",
    "history",
    "index_from_scores",
    "institution_slug",
    "institutions_reporting",
    "item_nonresponse",
    "item_scores",
    "load_published",
    "load_tracker",
    "means_by_type",
    "movers",
    "probability_at_least",
    "published_bridge",
    "rank_sets",
    "recompute",
    "release_of",
    "reliability",
    "satterthwaite",
    "score_estimates",
    "score_influence",
    "scores_from_shares",
    "unjoined",
    "weak_sides",
    "yearly_means",
]
