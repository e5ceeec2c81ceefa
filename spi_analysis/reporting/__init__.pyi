# The face of this package: each name and the module that defines it; loaded on first use.
from .display import (
    MIME as MIME,
)
from .display import (
    Pages as Pages,
)
from .display import (
    Shown as Shown,
)
from .display import (
    Together as Together,
)
from .display import (
    saved_note as saved_note,
)
from .display import (
    show as show,
)
from .display import (
    show_in as show_in,
)
from .display import (
    shown_pages as shown_pages,
)
from .exporter import (
    DESIGNS_PAGE as DESIGNS_PAGE,
)
from .exporter import (
    EXPLORER_PAGE as EXPLORER_PAGE,
)
from .exporter import (
    METHOD_CHECKS_PAGE as METHOD_CHECKS_PAGE,
)
from .exporter import (
    STYLE_SLOT as STYLE_SLOT,
)
from .exporter import (
    about_page as about_page,
)
from .exporter import (
    language_name as language_name,
)
from .exporter import (
    page_of_its_own as page_of_its_own,
)
from .exporter import (
    render as render,
)
from .exporter import (
    warm_exporter as warm_exporter,
)
from .exporter import (
    with_style as with_style,
)
from .kept_back import (
    count_of as count_of,
)
from .kept_back import (
    ineligible_sentence as ineligible_sentence,
)
from .kept_back import (
    is_panel as is_panel,
)
from .kept_back import (
    panel_dash as panel_dash,
)
from .kept_back import (
    panel_note as panel_note,
)
from .kept_back import (
    without_panel_counts as without_panel_counts,
)
from .names import (
    EXCLUDED as EXCLUDED,
)
from .names import (
    card_name as card_name,
)
from .names import (
    category_limits as category_limits,
)
from .names import (
    glossary_entries as glossary_entries,
)
from .names import (
    institution_names as institution_names,
)
from .names import (
    measure_label as measure_label,
)
from .names import (
    part_label as part_label,
)
from .names import (
    question_label as question_label,
)
from .names import (
    readable as readable,
)
from .own_results import (
    result_view as result_view,
)
from .pdf import (
    has_pdfs as has_pdfs,
)
from .pdf import (
    has_report as has_report,
)
from .pdf import (
    pdfs_of as pdfs_of,
)
from .pdf import (
    with_pdf_links as with_pdf_links,
)
from .pdf import (
    write_pdfs as write_pdfs,
)
from .pictures import (
    Chart as Chart,
)
from .plots import (
    chart as chart,
)
from .plots import (
    composition as composition,
)
from .plots import (
    heatmap as heatmap,
)
from .plots import (
    history as history,
)
from .plots import (
    intervals as intervals,
)
from .plots import (
    lines as lines,
)
from .plots import (
    on_scale as on_scale,
)
from .plots import (
    spread as spread,
)
from .sensitivity_sentences import (
    odds_columns as odds_columns,
)
from .sensitivity_sentences import (
    odds_notes as odds_notes,
)
from .sensitivity_sentences import (
    silence_sentences as silence_sentences,
)
from .sensitivity_sentences import (
    with_odds as with_odds,
)
from .sheets import (
    ENDINGS as ENDINGS,
)
from .sheets import (
    sheet_files as sheet_files,
)
from .sheets import (
    write_sheets as write_sheets,
)
from .simulator_page import (
    designs_file as designs_file,
)
from .tables import (
    Column as Column,
)
from .tables import (
    csv_link as csv_link,
)
from .tables import (
    figures as figures,
)
from .tables import (
    file_links as file_links,
)
from .tables import (
    hidden_sentences as hidden_sentences,
)
from .tables import (
    html_links as html_links,
)
from .tables import (
    html_list as html_list,
)
from .tables import (
    html_paragraphs as html_paragraphs,
)
from .tables import (
    html_table as html_table,
)
from .tables import (
    text as text,
)
from .translations import (
    languages as languages,
)
from .translations import (
    speak_of as speak_of,
)
from .translations import (
    untranslated as untranslated,
)
from .translations import (
    with_marks as with_marks,
)
from .translations import (
    without_marks as without_marks,
)
from .view_columns import (
    AnyText as AnyText,
)
from .view_columns import (
    chance as chance,
)
from .view_columns import (
    coded as coded,
)
from .view_columns import (
    count as count,
)
from .view_columns import (
    counted as counted,
)
from .view_columns import (
    estimate as estimate,
)
from .view_columns import (
    exact as exact,
)
from .view_columns import (
    figure_text as figure_text,
)
from .view_columns import (
    give_or_take as give_or_take,
)
from .view_columns import (
    in_words as in_words,
)
from .view_columns import (
    interval as interval,
)
from .view_columns import (
    number as number,
)
from .view_columns import (
    p_value as p_value,
)
from .view_columns import (
    percent as percent,
)
from .view_columns import (
    plain as plain,
)
from .view_columns import (
    series_of as series_of,
)
from .view_columns import (
    signed as signed,
)
from .view_columns import (
    sum_of_signed as sum_of_signed,
)
from .view_columns import (
    worded as worded,
)
from .view_columns import (
    written as written,
)
from .view_columns import (
    years as years,
)
from .views import (
    View as View,
)
from .wording import (
    MISSING as MISSING,
)
from .wording import (
    WEAK as WEAK,
)
from .wording import (
    Phrase as Phrase,
)
from .wording import (
    Words as Words,
)
from .wording import (
    message as message,
)
from .wording import (
    phrase as phrase,
)
from .wording import (
    phrases as phrases,
)
from .wording import (
    words as words,
)
