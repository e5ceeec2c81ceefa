# The face of this package: each name and the module that defines it; loaded on first use.
from .earlier_forms import (
    upgrade_parameters as upgrade_parameters,
)
from .instrument import (
    ContactItem as ContactItem,
)
from .instrument import (
    ExperienceItem as ExperienceItem,
)
from .instrument import (
    Instrument as Instrument,
)
from .instrument import (
    Item as Item,
)
from .instrument import (
    ModuleQuestion as ModuleQuestion,
)
from .instrument import (
    Scale as Scale,
)
from .instrument import (
    SourceInstrument as SourceInstrument,
)
from .loading import (
    SAVE_AGAIN as SAVE_AGAIN,
)
from .loading import (
    BrokenText as BrokenText,
)
from .loading import (
    Frozen as Frozen,
)
from .loading import (
    Language as Language,
)
from .loading import (
    Source as Source,
)
from .loading import (
    Text as Text,
)
from .loading import (
    build_models as build_models,
)
from .loading import (
    lines_of as lines_of,
)
from .loading import (
    read_csv_table as read_csv_table,
)
from .loading import (
    read_yaml as read_yaml,
)
from .loading import (
    refuse_nul as refuse_nul,
)
from .loading import (
    strict_rows as strict_rows,
)
from .loading import (
    uneven_rows as uneven_rows,
)
from .loading import (
    utf8_text as utf8_text,
)
from .loading import (
    validate as validate,
)
from .mapping import (
    MODELS as MODELS,
)
from .mapping import (
    AnswerStream as AnswerStream,
)
from .mapping import (
    ContactMapping as ContactMapping,
)
from .mapping import (
    DateField as DateField,
)
from .mapping import (
    DateOrder as DateOrder,
)
from .mapping import (
    DateRules as DateRules,
)
from .mapping import (
    EventMapping as EventMapping,
)
from .mapping import (
    FrameMapping as FrameMapping,
)
from .mapping import (
    HeaderRules as HeaderRules,
)
from .mapping import (
    Interview as Interview,
)
from .mapping import (
    Mode as Mode,
)
from .mapping import (
    NameRules as NameRules,
)
from .mapping import (
    NonDataRowRules as NonDataRowRules,
)
from .mapping import (
    PhoneRules as PhoneRules,
)
from .mapping import (
    ResponseMapping as ResponseMapping,
)
from .mapping import (
    TimeField as TimeField,
)
from .mapping import (
    TimeRules as TimeRules,
)
from .mapping import (
    UnitRules as UnitRules,
)
from .mapping import (
    Words as Words,
)
from .mapping import (
    codes_by_word as codes_by_word,
)
from .mapping import (
    frame_mapping as frame_mapping,
)
from .mapping import (
    load_mapping as load_mapping,
)
from .mapping import (
    normalised as normalised,
)
from .mapping import (
    overlay as overlay,
)
from .published import (
    Aliases as Aliases,
)
from .published import (
    ChanceParams as ChanceParams,
)
from .published import (
    EffectParams as EffectParams,
)
from .published import (
    ExpertPlanParams as ExpertPlanParams,
)
from .published import (
    PublishedYears as PublishedYears,
)
from .published import (
    TypeSpread as TypeSpread,
)
from .recommendations import (
    Recommendation as Recommendation,
)
from .recommendations import (
    RecommendationRules as RecommendationRules,
)
from .roster import (
    CORRECTIONS as CORRECTIONS,
)
from .roster import (
    NAMED_CORRECTIONS as NAMED_CORRECTIONS,
)
from .roster import (
    OTHER_CORRECTION as OTHER_CORRECTION,
)
from .roster import (
    ComponentScore as ComponentScore,
)
from .roster import (
    Institution as Institution,
)
from .roster import (
    InstitutionInputs as InstitutionInputs,
)
from .roster import (
    InstitutionType as InstitutionType,
)
from .roster import (
    Province as Province,
)
from .roster import (
    Roster as Roster,
)
from .roster import (
    load_inputs as load_inputs,
)
from .roster import (
    load_roster as load_roster,
)
from .round import (
    CoachingParams as CoachingParams,
)
from .round import (
    ConductParams as ConductParams,
)
from .round import (
    DisclosureParams as DisclosureParams,
)
from .round import (
    DispositionParams as DispositionParams,
)
from .round import (
    FieldworkParams as FieldworkParams,
)
from .round import (
    ForecastParams as ForecastParams,
)
from .round import (
    Form as Form,
)
from .round import (
    FormParams as FormParams,
)
from .round import (
    FrameParams as FrameParams,
)
from .round import (
    PublicationParams as PublicationParams,
)
from .round import (
    RankParams as RankParams,
)
from .round import (
    ReleaseParams as ReleaseParams,
)
from .round import (
    RoundParams as RoundParams,
)
from .round import (
    SensitivityParams as SensitivityParams,
)
from .round import (
    SmallAreaParams as SmallAreaParams,
)
from .round_files import (
    LEFT_OVER as LEFT_OVER,
)
from .round_files import (
    left_over as left_over,
)
from .round_files import (
    load_setup as load_setup,
)
from .round_files import (
    read_round as read_round,
)
from .round_files import (
    round_inputs as round_inputs,
)
from .setup import (
    Overrides as Overrides,
)
from .setup import (
    RoundSetup as RoundSetup,
)
from .sources import (
    CategoryLevel as CategoryLevel,
)
from .sources import (
    CategoryParams as CategoryParams,
)
from .sources import (
    ComparisonParams as ComparisonParams,
)
from .sources import (
    DesignParams as DesignParams,
)
from .sources import (
    EligibilityParams as EligibilityParams,
)
from .sources import (
    GeneratorParams as GeneratorParams,
)
from .sources import (
    ListKind as ListKind,
)
from .sources import (
    SourceParams as SourceParams,
)
from .sources import (
    UnitFacts as UnitFacts,
)
from .sources import (
    ValueForm as ValueForm,
)
from .sources import (
    WeightingParams as WeightingParams,
)
from .sources import (
    load_units as load_units,
)
from .targets import (
    NATIONAL as NATIONAL,
)
from .targets import (
    Target as Target,
)
from .targets import (
    Targets as Targets,
)
from .targets import (
    load_targets as load_targets,
)
from .workspace import (
    Workspace as Workspace,
)
from .workspace import (
    find_workspace as find_workspace,
)
from .workspace import (
    the_round as the_round,
)
