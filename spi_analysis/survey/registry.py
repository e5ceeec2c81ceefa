"""Methods that a file of parameters names: frozen dataclasses, found by their name and built from a mapping.

The fields of the dataclass are the keys of the mapping; limits of a value stand in its annotation
(``k: Annotated[float, Gt(0)]``). How to add one: the dataclass with a ``name`` in a module of its own, the decorator of
the registry above it, and a line in the function that imports the registry's modules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

from spi_analysis.errors import Problem, SpiError, nearest

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Method = TypeVar("Method")
Class = TypeVar("Class", bound=type)
# Keys that say whose judgement the values are: no setting is called like them.
JUDGED_BY = ("source", "as_of")


class Registry(Generic[Method]):
    """Dataclasses by their ``name``.

    Parameters
    ----------
    key : str        under which the mapping names the method, and what the method is called in messages
    parts : tuple    attributes that every one of them has
    error : type     raised where something does not fit
    load : function  imports the modules that define them, one after the other; asked for more until a name is there
    """

    def __init__(
        self, key: str, parts: tuple[str, ...], error: type[SpiError], load: Callable[[], Iterable[None]]
    ) -> None:
        self.key, self.parts, self.error, self.load = key, parts, error, load
        self._known: dict[str, type] = {}

    def register(self, made: Class) -> Class:
        """Take a dataclass in; a class that is defined anew in the same place replaces itself."""
        problems = [*self._unfit(made)]
        if problems:
            raise self.error(*(Problem(what, key=made.__qualname__, expected=expected) for what, expected in problems))
        self._known[made.name] = made  # type: ignore[attr-defined]
        return made

    def _unfit(self, made: type) -> Iterator[tuple[str, str]]:
        options = getattr(made, "__dataclass_params__", None)
        if options is None or not options.frozen:
            yield f"this is no {self.key}", "@dataclass(frozen=True) below the decorator"
            return
        names = [one.name for one in dataclasses.fields(made)]
        lacking = [part for part in self.parts if not hasattr(made, part) and part not in names]
        if lacking or not isinstance(getattr(made, "name", None), str):
            yield f"this is no {self.key}", f"a name (a text) and {', '.join(self.parts)}"
            return
        for taken in {self.key, *JUDGED_BY} & set(names):
            yield f"a setting may not be called {taken}", "another name for the field"
        other = self._known.get(made.name)  # type: ignore[attr-defined]
        if other and (other.__module__, other.__qualname__) != (made.__module__, made.__qualname__):
            yield f"there is another {self.key} of this name", f"not {made.name!r}, that is {other.__qualname__}"  # type: ignore[attr-defined]

    def find(self, name: object) -> type:
        """The class of a name."""
        for _ in self.load() if name not in self._known else ():
            if name in self._known:
                break
        if not isinstance(name, str) or name not in self._known:
            names = sorted(self._known)
            raise self.error(
                f"unknown {self.key}", key=self.key, got=str(name), expected=", ".join(names), hint=nearest(name, names)
            )
        return self._known[name]

    def build(self, given: Mapping[str, Any]) -> Method:
        """The method that a mapping names, with its settings; everything that does not fit is named at once."""
        if not isinstance(given, Mapping) or self.key not in given:
            raise self.error(
                f"this names no {self.key}", got=str(given), expected=f"{{{self.key}: its name, and its settings}}"
            )
        made, values, problems = self.find(given[self.key]), {}, []
        settings = {str(key): value for key, value in given.items() if key != self.key}
        fields = {one.name: one for one in dataclasses.fields(made) if one.init and one.name != "name"}
        where = f"{self.key} {given[self.key]}"
        for key in sorted(settings.keys() - fields.keys()):
            expected = ", ".join(fields) or "no settings"
            problems.append(Problem("unknown key", where, key=key, expected=expected, hint=nearest(key, fields)))
        for key, one in fields.items():
            if key in settings:
                try:
                    values[key] = checked_value(made, key, settings[key])
                except ValueError as error:
                    problems.append(
                        Problem("the value does not fit", where, key=key, got=str(settings[key]), expected=str(error))
                    )
            elif one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING:
                problems.append(Problem("a key is missing", where, key=key, got="nothing", expected="a value"))
        if problems:
            raise self.error(*problems)
        built: Method = made(**values)
        return built


def checked_value(made: type, field: str, value: object) -> Any:
    """A value as the field's annotation has it (a list becomes a tuple); a ValueError says what is expected."""
    from pydantic import ValidationError

    try:
        return _adapter(made, field).validate_python(value)
    except ValidationError as error:
        raise ValueError("; ".join(dict.fromkeys(one["msg"] for one in error.errors()))) from None


@cache
def _adapter(made: type, field: str) -> TypeAdapter[Any]:
    """What checks a field; made once, since it takes longer than the check."""
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(get_type_hints(made, include_extras=True)[field], config=ConfigDict(allow_inf_nan=False))
