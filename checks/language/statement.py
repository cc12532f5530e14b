"""A statement of the lab language: a word with named arguments. Actions and checks are statements.

    class Interface(Check):
        '''An interface and what is true of it.'''
        name = argument(INTERFACE, "the interface")
        up = argument(BOOLEAN, "whether it is set up", default=None)

The arguments of a class are its one definition: they parse what a lab says, word the errors and the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar, overload

from runtime.values import Kind

T = TypeVar("T")
_REQUIRED: Any = object()


class Argument(NamedTuple):
    """An argument of a statement. `default` is left out of the question when `required`."""

    kind: Kind[Any]
    says: str
    default: Any
    required: bool


@overload
def argument(kind: Kind[T], says: str) -> T: ...
@overload
def argument(kind: Kind[T], says: str, *, default: None) -> T | None: ...
@overload
def argument(kind: Kind[T], says: str, *, default: T) -> T: ...
def argument(kind: Kind[Any], says: str, *, default: Any = _REQUIRED) -> Any:
    """Declare an argument. Read from an object of the class it is the value, which is how it is typed."""
    return Argument(kind, says, default, default is _REQUIRED)


class Mistake(Exception):
    """An argument is wrong. `key`: which, or '' when it is the statement as a whole.  also: what else is wrong."""

    def __init__(self, key: str, says: str) -> None:
        super().__init__(says)
        self.key, self.says = key, says
        self.also: list[Mistake] = []


class Statement:
    """Immutable; equal to another of its class with the same arguments.

    arguments: by name, in the order of their declaration; one that a class calls `from_` is 'from' in a lab.
    attributes: argument -> the name of its attribute.
    main: the argument that a lab may give without its name (`netns: container-1`), or ''.
    """

    arguments: ClassVar[Mapping[str, Argument]] = {}
    attributes: ClassVar[Mapping[str, str]] = {}
    main: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        own = [name for name, value in vars(cls).items() if isinstance(value, Argument)]
        cls.arguments = {**cls.arguments, **{name.rstrip("_"): vars(cls)[name] for name in own}}
        cls.attributes = {**cls.attributes, **{name.rstrip("_"): name for name in own}}
        for name in own:
            delattr(cls, name)  # or an object without the value would seem to have one

    def __init__(self, /, **given: Any) -> None:
        """Raises Mistake for the arguments that are unknown, missing or not of their kind."""
        values = {}
        wrong = [Mistake(key, f"'{key}' is unknown here") for key in given if key not in self.arguments]
        for name, each in self.arguments.items():
            try:
                values[self.attributes[name]] = self._value(name, each, given)
            except Mistake as mistake:
                wrong.append(mistake)
        if wrong:
            wrong[0].also = wrong[1:]
            raise wrong[0]
        self.__dict__.update(values)
        self.validate()

    @staticmethod
    def _value(name: str, argument: Argument, given: Mapping[str, Any]) -> Any:
        if name not in given:
            if argument.required:
                raise Mistake("", f"'{name}' is missing: {argument.says}")
            return argument.default
        try:
            return argument.kind.parse(given[name])
        except ValueError as error:
            raise Mistake(name, str(error)) from error

    def values(self) -> dict[str, Any]:
        """The value of each argument, by the name that it has in a lab."""
        return {name: self.__dict__[attribute] for name, attribute in self.attributes.items()}

    def validate(self) -> None:
        """What one argument alone can't tell. Raises Mistake."""

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.__dict__.items())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"
