# The face of this package: each name and the module that defines it; loaded on first use.
from .announce import (
    announce_institution as announce_institution,
)
from .announce import (
    cell_map as cell_map,
)
from .announcement_log import (
    announcements as announcements,
)
from .announcement_log import (
    draws as draws,
)
from .announcement_log import (
    entry_digest as entry_digest,
)
from .announcement_log import (
    entry_text as entry_text,
)
from .announcement_log import (
    log_entries as log_entries,
)
from .audit import (
    FrameAudit as FrameAudit,
)
from .audit import (
    audit_frame as audit_frame,
)
from .audit import (
    is_changed as is_changed,
)
from .audit import (
    keep_release as keep_release,
)
from .audit import (
    release_problems as release_problems,
)
from .audit import (
    save_audit as save_audit,
)
from .change import (
    CORRECTION as CORRECTION,
)
from .draw import (
    draw_institution as draw_institution,
)
from .draw import (
    draw_source as draw_source,
)
from .draw import (
    draw_table as draw_table,
)
from .draw import (
    planned_table as planned_table,
)
from .explorer import (
    NOT_SCORED as NOT_SCORED,
)
from .explorer import (
    Changes as Changes,
)
from .explorer import (
    Explorer as Explorer,
)
from .explorer import (
    explore_published as explore_published,
)
from .explorer import (
    explore_round as explore_round,
)
from .explorer import (
    round_rank_sets as round_rank_sets,
)
from .fieldwork_status import (
    REASONS as REASONS,
)
from .fieldwork_status import (
    fieldwork_progress as fieldwork_progress,
)
from .fieldwork_status import (
    has_enough as has_enough,
)
from .fieldwork_status import (
    keep_progress as keep_progress,
)
from .fieldwork_status import (
    progress_is_old as progress_is_old,
)
from .fieldwork_status import (
    shown_progress as shown_progress,
)
from .fieldwork_status import (
    with_outlook as with_outlook,
)
from .interventions import (
    PLAN_DIGESTS as PLAN_DIGESTS,
)
from .interventions import (
    note_changes as note_changes,
)
from .open_answers import (
    open_answer_counts as open_answer_counts,
)
from .open_answers import (
    open_link_reading as open_link_reading,
)
from .outside_survey import (
    FinishedSurvey as FinishedSurvey,
)
from .outside_survey import (
    read_survey as read_survey,
)
from .overview import (
    KindsAgree as KindsAgree,
)
from .overview import (
    Overview as Overview,
)
from .overview import (
    agreement as agreement,
)
from .overview import (
    agreement_of_kinds as agreement_of_kinds,
)
from .overview import (
    disagreements as disagreements,
)
from .overview import (
    national_overview as national_overview,
)
from .overview import (
    overview_of as overview_of,
)
from .overview import (
    overview_tables as overview_tables,
)
from .overview import (
    save_overview as save_overview,
)
from .overview import (
    save_published_years as save_published_years,
)
from .peers import (
    RESPONSE as RESPONSE,
)
from .peers import (
    Peers as Peers,
)
from .peers import (
    peers_path as peers_path,
)
from .peers import (
    write_peers as write_peers,
)
from .plan import (
    LEVELS_JOINED as LEVELS_JOINED,
)
from .plan import (
    PANEL as PANEL,
)
from .plan import (
    ExpertPlan as ExpertPlan,
)
from .plan import (
    History as History,
)
from .plan import (
    SourcePlan as SourcePlan,
)
from .plan import (
    drawn_again as drawn_again,
)
from .plan import (
    expert_plan as expert_plan,
)
from .plan import (
    plan_source as plan_source,
)
from .plan import (
    response_history as response_history,
)
from .plan import (
    strata_columns as strata_columns,
)
from .plan import (
    with_strata as with_strata,
)
from .report import (
    MOST_MESSAGES as MOST_MESSAGES,
)
from .report import (
    InstitutionPage as InstitutionPage,
)
from .report import (
    RoundResult as RoundResult,
)
from .report import (
    freeze_peers as freeze_peers,
)
from .report import (
    institution_page as institution_page,
)
from .report import (
    last_day as last_day,
)
from .report import (
    page_expectations as page_expectations,
)
from .report import (
    page_low_limit as page_low_limit,
)
from .report import (
    round_experiences as round_experiences,
)
from .report import (
    round_results as round_results,
)
from .report import (
    round_store as round_store,
)
from .research import (
    Pooled as Pooled,
)
from .research import (
    ResearchRound as ResearchRound,
)
from .research import (
    load_all as load_all,
)
from .research import (
    load_round as load_round,
)
from .reserves import (
    activate_reserve as activate_reserve,
)
from .reserves import (
    activation_table as activation_table,
)
from .reserves import (
    drawn_of as drawn_of,
)
from .reserves import (
    log_of as log_of,
)
from .reserves import (
    undo_activation as undo_activation,
)
from .respondents import (
    item_weights as item_weights,
)
from .respondents import (
    nonrespondent_count as nonrespondent_count,
)
from .respondents import (
    respondents_design as respondents_design,
)
from .score import (
    ExperienceModel as ExperienceModel,
)
from .score import (
    Scored as Scored,
)
from .score import (
    experience_models as experience_models,
)
from .score import (
    expert_readings as expert_readings,
)
from .score import (
    save_estimates as save_estimates,
)
from .score import (
    score_round as score_round,
)
from .score import (
    sources_without_score as sources_without_score,
)
from .sensitivity import (
    Comparison as Comparison,
)
from .sensitivity import (
    Sensitivity as Sensitivity,
)
from .sensitivity import (
    SourceSensitivity as SourceSensitivity,
)
from .sensitivity import (
    compare_forms as compare_forms,
)
from .sensitivity import (
    compare_institutions as compare_institutions,
)
from .sensitivity import (
    conduct_of as conduct_of,
)
from .sensitivity import (
    conduct_round as conduct_round,
)
from .sensitivity import (
    response_share as response_share,
)
from .sensitivity import (
    sensitivity_round as sensitivity_round,
)
from .tracker_files import (
    import_tracker as import_tracker,
)
from .tracker_files import (
    load_tracker as load_tracker,
)
from .unit_scores import (
    area_rows as area_rows,
)
from .unit_scores import (
    model_state as model_state,
)
from .unit_scores import (
    people_rows as people_rows,
)
from .unit_scores import (
    unit_level_scores as unit_level_scores,
)
from .verify import (
    check_record as check_record,
)
from .verify import (
    verify_institution as verify_institution,
)
from .weight import (
    Representativity as Representativity,
)
from .weight import (
    WeightedSample as WeightedSample,
)
from .weight import (
    Weighting as Weighting,
)
from .weight import (
    begin_weighting as begin_weighting,
)
from .weight import (
    people_with_disposition as people_with_disposition,
)
from .weight import (
    representativity as representativity,
)
from .weight import (
    response_model as response_model,
)
from .weight import (
    save_weights as save_weights,
)
from .weight import (
    weight_institution as weight_institution,
)
