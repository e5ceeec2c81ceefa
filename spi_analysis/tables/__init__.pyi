# The face of this package: each name and the module that defines it; loaded on first use.
from .cells.contacts import (
    Contacts as Contacts,
)
from .cells.contacts import (
    mask_email as mask_email,
)
from .cells.contacts import (
    mask_number as mask_number,
)
from .cells.contacts import (
    mask_text as mask_text,
)
from .cells.contacts import (
    read_emails as read_emails,
)
from .cells.contacts import (
    read_phones as read_phones,
)
from .cells.contacts import (
    shown as shown,
)
from .cells.contacts import (
    without_contacts as without_contacts,
)
from .cells.dates import (
    OUT_OF_RANGE as OUT_OF_RANGE,
)
from .cells.dates import (
    day_put_first as day_put_first,
)
from .cells.dates import (
    first_of as first_of,
)
from .cells.dates import (
    from_1904 as from_1904,
)
from .cells.dates import (
    is_day_count as is_day_count,
)
from .cells.dates import (
    read_date as read_date,
)
from .cells.dates import (
    read_time as read_time,
)
from .cells.dates import (
    read_years as read_years,
)
from .cells.dates import (
    whole_months as whole_months,
)
from .cells.text import (
    Reading as Reading,
)
from .cells.text import (
    bare_number as bare_number,
)
from .cells.text import (
    class_of_position as class_of_position,
)
from .cells.text import (
    coded as coded,
)
from .cells.text import (
    is_nothing as is_nothing,
)
from .cells.text import (
    likeness as likeness,
)
from .cells.text import (
    lost_in_column as lost_in_column,
)
from .cells.text import (
    names_alike as names_alike,
)
from .cells.text import (
    read_employee_number as read_employee_number,
)
from .cells.text import (
    text_of as text_of,
)
from .cells.unit_names import (
    one_spelling as one_spelling,
)
from .codebook import (
    Meaning as Meaning,
)
from .codebook import (
    meanings as meanings,
)
from .contracts import (
    ARMS as ARMS,
)
from .contracts import (
    BY_CHANCE as BY_CHANCE,
)
from .contracts import (
    CHANNELS as CHANNELS,
)
from .contracts import (
    CONTRACTS as CONTRACTS,
)
from .contracts import (
    ESTIMATE_KEYS as ESTIMATE_KEYS,
)
from .contracts import (
    EXACT_SPANS as EXACT_SPANS,
)
from .contracts import (
    FOLLOW_UPS as FOLLOW_UPS,
)
from .contracts import (
    MODES as MODES,
)
from .contracts import (
    STREAMS as STREAMS,
)
from .contracts import (
    TENURE_BANDS as TENURE_BANDS,
)
from .contracts import (
    WEB as WEB,
)
from .contracts import (
    checked as checked,
)
from .contracts import (
    mask as mask,
)
from .contracts import (
    tenure_bands as tenure_bands,
)
from .contracts import (
    with_kinds as with_kinds,
)
from .contracts import (
    with_modes as with_modes,
)
from .demo_marks import (
    PUBLISHED as PUBLISHED,
)
from .demo_marks import (
    are_generated as are_generated,
)
from .demo_marks import (
    demo_is_whole as demo_is_whole,
)
from .demo_marks import (
    demo_key as demo_key,
)
from .demo_marks import (
    demo_secrets as demo_secrets,
)
from .demo_marks import (
    demo_seed as demo_seed,
)
from .demo_marks import (
    is_demonstration_name as is_demonstration_name,
)
from .demo_marks import (
    keep_generated as keep_generated,
)
from .demo_marks import (
    mark_demo as mark_demo,
)
from .demo_marks import (
    mark_national as mark_national,
)
from .demo_marks import (
    national_mark as national_mark,
)
from .demo_marks import (
    not_of_the_demo as not_of_the_demo,
)
from .demo_marks import (
    public_value_problem as public_value_problem,
)
from .demo_marks import (
    refuse_in_demo as refuse_in_demo,
)
from .end_of_life import (
    FORGOTTEN as FORGOTTEN,
)
from .end_of_life import (
    Forgotten as Forgotten,
)
from .end_of_life import (
    back_up as back_up,
)
from .end_of_life import (
    destroy_contacts as destroy_contacts,
)
from .end_of_life import (
    drill as drill,
)
from .end_of_life import (
    forget as forget,
)
from .end_of_life import (
    people_in as people_in,
)
from .end_of_life import (
    restore as restore,
)
from .end_of_life import (
    retention_reminder as retention_reminder,
)
from .export import (
    export_round as export_round,
)
from .files import (
    PRIVATE as PRIVATE,
)
from .files import (
    PRIVATE_FOLDER as PRIVATE_FOLDER,
)
from .files import (
    make_folder as make_folder,
)
from .files import (
    naming as naming,
)
from .files import (
    whole_file as whole_file,
)
from .files import (
    write_bytes as write_bytes,
)
from .files import (
    write_csv as write_csv,
)
from .files import (
    write_csv_rows as write_csv_rows,
)
from .files import (
    write_json as write_json,
)
from .files import (
    write_parquet as write_parquet,
)
from .files import (
    write_record as write_record,
)
from .files import (
    write_text as write_text,
)
from .identity import (
    ID_LENGTH as ID_LENGTH,
)
from .identity import (
    TOKEN_LENGTH as TOKEN_LENGTH,
)
from .identity import (
    answer_tokens as answer_tokens,
)
from .identity import (
    check_codes as check_codes,
)
from .identity import (
    is_identity as is_identity,
)
from .identity import (
    link_tokens as link_tokens,
)
from .identity import (
    open_tokens as open_tokens,
)
from .identity import (
    person_ids as person_ids,
)
from .invitations import (
    OBJECTION as OBJECTION,
)
from .invitations import (
    REDIRECTS as REDIRECTS,
)
from .invitations import (
    add_changes as add_changes,
)
from .invitations import (
    barred_people as barred_people,
)
from .invitations import (
    for_sender as for_sender,
)
from .invitations import (
    given_by_chance as given_by_chance,
)
from .invitations import (
    in_shape as in_shape,
)
from .invitations import (
    issue_invitations as issue_invitations,
)
from .invitations import (
    log_objections as log_objections,
)
from .invitations import (
    open_links as open_links,
)
from .invitations import (
    open_places as open_places,
)
from .invitations import (
    prepare_invitations as prepare_invitations,
)
from .invitations import (
    record_objections as record_objections,
)
from .invitations import (
    redirect_files as redirect_files,
)
from .invitations import (
    require_open as require_open,
)
from .invitations import (
    require_shape as require_shape,
)
from .invitations import (
    with_tokens as with_tokens,
)
from .invitations import (
    write_invitations as write_invitations,
)
from .neutral_texts import (
    is_neutral as is_neutral,
)
from .page_figures import (
    DECIMALS as DECIMALS,
)
from .page_figures import (
    P_DECIMALS as P_DECIMALS,
)
from .page_figures import (
    PAGE_DECIMALS as PAGE_DECIMALS,
)
from .page_figures import (
    as_shown as as_shown,
)
from .page_figures import (
    rounded as rounded,
)
from .preflight import (
    check_round as check_round,
)
from .published_table import (
    LAST_COLUMNS as LAST_COLUMNS,
)
from .published_table import (
    PUBLISHED_PARTS as PUBLISHED_PARTS,
)
from .published_table import (
    has_published as has_published,
)
from .published_table import (
    import_published as import_published,
)
from .published_table import (
    institution_slug as institution_slug,
)
from .published_table import (
    last_results_path as last_results_path,
)
from .published_table import (
    load_published as load_published,
)
from .published_table import (
    published_history as published_history,
)
from .published_table import (
    published_results as published_results,
)
from .published_table import (
    without_withheld as without_withheld,
)
from .published_table import (
    write_last_results as write_last_results,
)
from .questionnaires import (
    write_questionnaire as write_questionnaire,
)
from .remains import (
    BEFORE_IMPORT as BEFORE_IMPORT,
)
from .remains import (
    TRIAL as TRIAL,
)
from .remains import (
    clear_half_of as clear_half_of,
)
from .remains import (
    clear_remains as clear_remains,
)
from .remains import (
    drop_before_import as drop_before_import,
)
from .remains import (
    left_behind as left_behind,
)
from .remains import (
    passing_folder as passing_folder,
)
from .round_data import (
    NO_COLUMN as NO_COLUMN,
)
from .round_data import (
    RoundData as RoundData,
)
from .round_data import (
    eligible_list as eligible_list,
)
from .round_data import (
    load_round as load_round,
)
from .round_data import (
    misfits as misfits,
)
from .round_data import (
    released_estimates as released_estimates,
)
from .round_data import (
    released_rows as released_rows,
)
from .round_data import (
    replicate_lists as replicate_lists,
)
from .round_data import (
    replicate_values as replicate_values,
)
from .round_data import (
    require_answers_fit as require_answers_fit,
)
from .round_data import (
    unasked_items as unasked_items,
)
from .round_data import (
    workspace_of as workspace_of,
)
from .schema import (
    SCHEMA as SCHEMA,
)
from .store import (
    NEVER_AGAIN as NEVER_AGAIN,
)
from .store import (
    WRITTEN_BY as WRITTEN_BY,
)
from .store import (
    Store as Store,
)
from .stored_files import (
    AGAIN as AGAIN,
)
from .stored_files import (
    damaged as damaged,
)
from .stored_files import (
    read_record as read_record,
)
from .stored_files import (
    read_results as read_results,
)
from .stored_files import (
    read_table as read_table,
)
from .stored_files import (
    reading as reading,
)
from .stored_files import (
    without_half as without_half,
)
from .upgrade import (
    Upgrade as Upgrade,
)
from .upgrade import (
    estimates_from_schema_1 as estimates_from_schema_1,
)
from .upgrade import (
    upgrade_store as upgrade_store,
)
from .vault import (
    CONTACT_COLUMNS as CONTACT_COLUMNS,
)
from .vault import (
    FILE_VARIABLE as FILE_VARIABLE,
)
from .vault import (
    VARIABLE as VARIABLE,
)
from .vault import (
    Vault as Vault,
)
from .vault import (
    VaultKey as VaultKey,
)
from .vault import (
    create_key_file as create_key_file,
)
from .writer_lock import (
    join_writer as join_writer,
)
from .writer_lock import (
    one_writer as one_writer,
)
from .writer_lock import (
    one_writer_in_parts as one_writer_in_parts,
)
