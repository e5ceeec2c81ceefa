"""The questionnaire: items with scale and direction, indicators, dimensions, and experience items."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from spi_analysis.errors import nearest
from spi_analysis.params.loading import Frozen, Judgement, Source, Text, Wrong
from spi_analysis.threads import pd

# Answers at each end of a scale that count as favourable and unfavourable, unless an item sets other numbers.
USUAL_ENDS = 2
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Scale(Frozen):
    """Answer codes of an item: substantive ones from ``minimum`` to ``maximum``, and the missing ones."""

    minimum: int
    maximum: int
    labels: dict[int, Text]
    missing: dict[int, Literal["dont_know", "refused", "not_applicable"]]

    @model_validator(mode="after")
    def _codes_are_apart(self) -> Scale:
        if self.maximum <= self.minimum:
            raise Wrong("the scale has no width", (self.minimum, self.maximum), "minimum < maximum")
        inside = [code for code in self.missing if self.minimum <= code <= self.maximum]
        if inside:
            raise Wrong("a missing code lies inside the scale", inside, f"outside {self.minimum}-{self.maximum}")
        unlabelled = sorted({self.minimum, self.maximum, *self.missing} - set(self.labels))
        if unlabelled:
            raise Wrong("an answer code has no label", unlabelled, "a label for both ends and every missing code")
        return self

    @property
    def width(self) -> int:
        """The number of substantive answers."""
        return self.maximum - self.minimum + 1


class Item(Frozen):
    """One question that enters a score. ``direction`` says which end of the scale is good.

    ``ends``: how many answers at each end count as favourable and as unfavourable; None: two, on a scale of fewer than
    four answers one.
    """

    code: Code
    text: Text
    scale: str
    direction: Literal["positive", "negative"]
    weight: Annotated[float, Field(gt=0)] = 1.0
    ends: Annotated[int, Field(ge=1)] | None = None


class Indicator(Frozen):
    """A few items that measure one thing."""

    code: Code
    label: Text
    items: Annotated[list[Item], Field(min_length=1)]
    weight: Annotated[float, Field(gt=0)] = 1.0


class Dimension(Frozen):
    """One of the published dimensions of a source."""

    code: Code
    label: Text
    about: Text
    indicators: Annotated[list[Indicator], Field(min_length=1)]
    weight: Annotated[float, Field(gt=0)] = 1.0

    @property
    def items(self) -> list[Item]:
        """All items of the dimension, in order."""
        return [item for indicator in self.indicators for item in indicator.items]


class ContactItem(Frozen):
    """A question whether a person had contact, and so could have had the experience that is asked about.

    ``yes_from``: the answer code from which it counts as a "yes"; None: the top of the scale alone.
    """

    code: Code
    text: Text
    scale: str
    yes_from: int | None = None


class ExperienceItem(Frozen):
    """A question on what a person saw, was asked for or paid. It gives rates, never a score.

    ``contact`` names the contact item whose "yes" makes the denominator of the second rate.
    ``yes_from``: the answer code from which it counts as a "yes" (such as "once or twice" on a scale from never to
    often); None: the top of the scale alone.
    ``headline``: whether the number of institutions with a report is shown at the top of the page of all institutions.
    """

    code: Code
    label: Text
    text: Text
    scale: str
    contact: Code
    yes_from: int | None = None
    headline: bool = False


# Optional modules: questions that are put to those only whom the draw gave an arm, and enter no score.

Arm = Literal["list_short", "list_long", "crosswise"]
# Days of the months from January to December, with a fourth of a leap day, and of the year.
MONTH_DAYS = (31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class ModuleQuestion(Frozen):
    """A question of a module; ``arm``: who is asked (None: everybody with an arm)."""

    code: Code
    label: Text
    text: Text
    scale: str
    arm: Arm | None = None


class ListExperiment(Frozen):
    """Two lists of which people tell only how many apply: ``items``, and with ``sensitive`` among them.

    ``experience``: the item that asks the same directly. ``short`` and ``long`` are the two questions; their scales
    count from 0 to the length of the list.
    """

    experience: Code
    short: ModuleQuestion
    long: ModuleQuestion
    items: Annotated[list[Text], Field(min_length=2)]
    sensitive: Text

    @property
    def questions(self) -> list[ModuleQuestion]:
        """Both questions with their lists below; the sensitive item stands last but one."""
        among = [*self.items[:-1], self.sensitive, self.items[-1]]
        pairs = ((self.short, self.items, "list_short"), (self.long, among, "list_long"))
        return [one.model_copy(update={"text": _with_list(one.text, items), "arm": arm}) for one, items, arm in pairs]


class CrosswiseQuestion(Frozen):
    """Whether the answers to a sensitive question and to one about a birthday in ``months`` are the same.

    ``experience``: the item that asks the sensitive question directly.
    """

    experience: Code
    question: ModuleQuestion
    months: Annotated[list[Annotated[int, Field(ge=1, le=12)]], Field(min_length=1)]

    @property
    def share(self) -> float:
        """The share of birthdays in these months, if all days of a year were alike."""
        return sum(MONTH_DAYS[month - 1] for month in set(self.months)) / sum(MONTH_DAYS)

    @property
    def questions(self) -> list[ModuleQuestion]:
        """The one question."""
        return [self.question.model_copy(update={"arm": "crosswise"})]


class Modules(Frozen):
    """The optional modules for one source. ``climate``: yes-or-no questions on reporting what one has met."""

    list_experiment: ListExperiment | None = None
    crosswise: CrosswiseQuestion | None = None
    climate: tuple[ModuleQuestion, ...] = ()

    @cached_property
    def questions(self) -> list[ModuleQuestion]:
        """All questions of the modules, in order."""
        indirect = [one for one in (self.list_experiment, self.crosswise) if one is not None]
        return [*(question for one in indirect for question in one.questions), *self.climate]


def _with_list(text: Text, items: list[Text]) -> Text:
    """A question with its list below, in every language that it has."""
    return Text(**{language: _listed(said, items, language) for language, said in text.by_language().items()})


def _listed(said: str, items: list[Text], language: str) -> str:
    return "\n".join([said, *(f"- {item[language]}" for item in items)])


class SourceInstrument(Frozen):
    """The questions to one source."""

    dimensions: Annotated[list[Dimension], Field(min_length=1)]
    contacts: list[ContactItem]
    experiences: list[ExperienceItem]
    modules: Modules = Modules()


def _counted(part: SourceInstrument) -> str:
    """The numbers of questions to a source."""
    items = sum(len(dimension.items) for dimension in part.dimensions)
    return (
        f"{items} items in {len(part.dimensions)} dimensions, {len(part.contacts)} questions about contact, "
        f"{len(part.experiences)} about experiences"
    )


class Instrument(Judgement):
    """A questionnaire."""

    instrument_id: Code
    title: Text
    scales: dict[str, Scale]
    sources: dict[Source, SourceInstrument]

    @model_validator(mode="after")
    def _codes_are_sound(self) -> Instrument:
        own = [*self.questions.values(), *(part.modules.questions for part in self.sources.values())]
        codes = [question.code for questions in own for question in questions]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise Wrong("an item code is used twice", twice, "codes that differ")
        for questions in own:
            for question in questions:
                if question.scale not in self.scales:
                    raise Wrong(
                        f"item {question.code} has an unknown scale",
                        question.scale,
                        sorted(self.scales),
                        nearest(question.scale, self.scales),
                    )
        for source in self.sources:
            for item in self.items(source):
                width = self.scales[item.scale].width
                if item.ends is not None and 2 * item.ends > width:
                    raise Wrong(f"the two ends of item {item.code} overlap", item.ends, f"at most {width // 2}")
        for part in self.sources.values():
            for question in [*part.contacts, *part.experiences]:
                scale = self.scales[question.scale]
                if question.yes_from is not None and not scale.minimum < question.yes_from <= scale.maximum:
                    expected = f"a code above {scale.minimum}, at most {scale.maximum}"
                    raise Wrong(f"item {question.code} has no such yes", question.yes_from, expected)
            self._modules_fit(part)
            contacts = [contact.code for contact in part.contacts]
            for experience in part.experiences:
                if experience.contact not in contacts:
                    raise Wrong(
                        f"item {experience.code} has an unknown contact item",
                        experience.contact,
                        contacts,
                        nearest(experience.contact, contacts),
                    )
        return self

    def _modules_fit(self, part: SourceInstrument) -> None:
        """Modules name experiences of their source, and the scales of a list count its items."""
        known, found = [item.code for item in part.experiences], part.modules
        for one in (found.list_experiment, found.crosswise):
            if one is not None and one.experience not in known:
                hint = nearest(one.experience, known)
                raise Wrong("a module has an unknown experience item", one.experience, known, hint)
        if found.list_experiment is not None:
            items = len(found.list_experiment.items)
            for question, most in ((found.list_experiment.short, items), (found.list_experiment.long, items + 1)):
                scale = self.scales[question.scale]
                if (scale.minimum, scale.maximum) != (0, most):
                    got = f"{scale.minimum} to {scale.maximum}"
                    raise Wrong(f"the scale of {question.code} does not count its list", got, f"0 to {most}")

    def __repr__(self) -> str:
        lines = [f"  {source}: {_counted(part)}" for source, part in self.sources.items()]
        title = f"Instrument {self.instrument_id}: {self.title.en}"
        return "\n".join([title, *lines, f"  scales: {', '.join(self.scales)}", f"  source: {self.source}"])

    @cached_property
    def questions(self) -> dict[Source, list[Item | ContactItem | ExperienceItem]]:
        """All questions of each source, in the order of the questionnaire."""
        return {
            source: [item for dimension in part.dimensions for item in dimension.items]
            + list(part.contacts)
            + list(part.experiences)
            for source, part in self.sources.items()
        }

    def items(self, source: Source) -> list[Item]:
        """The scored items of a source."""
        return [item for dimension in self.sources[source].dimensions for item in dimension.items]

    def codes(self, source: Source) -> list[str]:
        """The response columns of a source."""
        return [question.code for question in self.questions[source]]

    def module_codes(self, source: Source) -> list[str]:
        """The response columns of the optional modules of a source."""
        return [question.code for question in self.sources[source].modules.questions]

    def yes_from(self, question: ContactItem | ExperienceItem) -> int:
        """The answer code from which a contact or experience item counts as a "yes"."""
        return self.scales[question.scale].maximum if question.yes_from is None else question.yes_from

    def ends(self, item: Item) -> int:
        """How many answers at each end of an item's scale are favourable, and how many unfavourable."""
        return item.ends or min(USUAL_ENDS, self.scales[item.scale].width // 2)

    def item_weights(self, source: Source) -> pd.DataFrame:
        """Weight of every item in every dimension and in the source score.

        Returns
        -------
        DataFrame (items, dimensions + 1), columns the dimension codes and ``"score"``;
        each column sums to 1. Items weigh inside indicators, indicators inside
        dimensions, dimensions inside the source.
        """
        dimensions = self.sources[source].dimensions
        columns = {}
        for dimension in dimensions:
            indicator_total = sum(indicator.weight for indicator in dimension.indicators)
            columns[dimension.code] = {
                item.code: indicator.weight / indicator_total * item.weight / sum(i.weight for i in indicator.items)
                for indicator in dimension.indicators
                for item in indicator.items
            }
        weights = pd.DataFrame(columns, index=[item.code for item in self.items(source)]).fillna(0.0)
        shares = pd.Series({dimension.code: dimension.weight for dimension in dimensions})
        weights["score"] = weights @ (shares / shares.sum())
        return weights
