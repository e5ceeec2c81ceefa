# The face of this package: each name and the module that defines it; loaded on first use.
from .change import (
    IndexRule as IndexRule,
)
from .change import (
    SourcePair as SourcePair,
)
from .change import (
    SourceRound as SourceRound,
)
from .change import (
    bridge as bridge,
)
from .change import (
    change_between as change_between,
)
from .change import (
    composition as composition,
)
from .change import (
    direction_of as direction_of,
)
from .consistency import (
    data_weights as data_weights,
)
from .consistency import (
    reliability as reliability,
)
from .effect import (
    ANY as ANY,
)
from .effect import (
    DETECTABLE as DETECTABLE,
)
from .effect import (
    EFFECTS as EFFECTS,
)
from .effect import (
    Expectation as Expectation,
)
from .effect import (
    Gain as Gain,
)
from .effect import (
    action_effects as action_effects,
)
from .effect import (
    detectable_gains as detectable_gains,
)
from .effect import (
    expected_index as expected_index,
)
from .effect import (
    expected_indices as expected_indices,
)
from .effect import (
    gain_of as gain_of,
)
from .effect import (
    has_acted as has_acted,
)
from .effect import (
    low_limit as low_limit,
)
from .effect import (
    with_types as with_types,
)
from .index import (
    BY_RULE as BY_RULE,
)
from .index import (
    SECRET as SECRET,
)
from .index import (
    IndexEstimate as IndexEstimate,
)
from .index import (
    Release as Release,
)
from .index import (
    category_in_year as category_in_year,
)
from .index import (
    category_of as category_of,
)
from .index import (
    combine_index as combine_index,
)
from .index import (
    dimension_shares as dimension_shares,
)
from .index import (
    index_from_scores as index_from_scores,
)
from .index import (
    plain_score as plain_score,
)
from .index import (
    release_of as release_of,
)
from .index import (
    satterthwaite as satterthwaite,
)
from .index import (
    score_estimates as score_estimates,
)
from .index import (
    score_influence as score_influence,
)
from .index import (
    scores_from_shares as scores_from_shares,
)
from .items import (
    CONTACTS as CONTACTS,
)
from .items import (
    RESPONDENTS as RESPONDENTS,
)
from .items import (
    answer_counts as answer_counts,
)
from .items import (
    domain_scores as domain_scores,
)
from .items import (
    experience_answers as experience_answers,
)
from .items import (
    experience_rates as experience_rates,
)
from .items import (
    indirect_checks as indirect_checks,
)
from .items import (
    indirect_rates as indirect_rates,
)
from .items import (
    institutions_reporting as institutions_reporting,
)
from .items import (
    item_answers as item_answers,
)
from .items import (
    item_nonresponse as item_nonresponse,
)
from .items import (
    item_scores as item_scores,
)
from .items import (
    item_shares as item_shares,
)
from .items import (
    module_columns as module_columns,
)
from .items import (
    module_sides as module_sides,
)
from .items import (
    person_scores as person_scores,
)
from .items import (
    said_yes as said_yes,
)
from .posterior import (
    Chances as Chances,
)
from .posterior import (
    History as History,
)
from .posterior import (
    Prior as Prior,
)
from .posterior import (
    chances as chances,
)
from .posterior import (
    kinds_correlation as kinds_correlation,
)
from .posterior import (
    moderated_panels as moderated_panels,
)
from .posterior import (
    panel_spread as panel_spread,
)
from .posterior import (
    prior_of as prior_of,
)
from .posterior import (
    repeated_interval as repeated_interval,
)
from .posterior import (
    with_agreement as with_agreement,
)
from .priority_areas import (
    applicable as applicable,
)
from .priority_areas import (
    clear_changes as clear_changes,
)
from .priority_areas import (
    find_priority_areas as find_priority_areas,
)
from .published import (
    categories_by_year as categories_by_year,
)
from .published import (
    conduct_correction as conduct_correction,
)
from .published import (
    corrections_by_year as corrections_by_year,
)
from .published import (
    load_published as load_published,
)
from .published import (
    means_by_type as means_by_type,
)
from .published import (
    movers as movers,
)
from .published import (
    published_bridge as published_bridge,
)
from .published import (
    published_parts as published_parts,
)
from .published import (
    recompute as recompute,
)
from .published import (
    unjoined as unjoined,
)
from .published import (
    yearly_means as yearly_means,
)
from .ranks import (
    rank_sets as rank_sets,
)
from .sensitivity import (
    LateAnswers as LateAnswers,
)
from .sensitivity import (
    SourceRange as SourceRange,
)
from .sensitivity import (
    late_answers as late_answers,
)
from .sensitivity import (
    nonresponse_range as nonresponse_range,
)
from .sensitivity import (
    source_range as source_range,
)
from .sensitivity import (
    tipping_points as tipping_points,
)
from .tracker import (
    CHECKED as CHECKED,
)
from .tracker import (
    COLUMNS as COLUMNS,
)
from .tracker import (
    KEYS as KEYS,
)
from .tracker import (
    follow_up as follow_up,
)
from .tracker import (
    with_rate as with_rate,
)
