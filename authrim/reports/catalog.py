"""The frameworks that reports are made for: data files that a compliance person can read and extend.

Those that are shipped are in ``frameworks/``. A folder of one's own may have more of them, in the same form; one of the
same id takes the place of a shipped one. Every mistake in a file is named at once, with its line and key.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from domain.report.model import Control, Framework
from domain.report.sections import SECTIONS
from domain.report.trails import Trails

_SHIPPED: Final = files("authrim.reports") / "frameworks"
_SUFFIX: Final = ".toml"
#: The id of a framework is part of file names.
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CONTROL: Final = re.compile(r"\s*\[\[\s*control\s*\]\]")
_LARGEST: Final = 1 << 20
_LONGEST_ID: Final = 64
#: The key of a control in a file, and the field that has all of them.
_KEY: Final = "control"
_FIELD: Final = "controls"


class BadFramework(Exception):
    """A file cannot be used. The text has one line per mistake."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class _Place(NamedTuple):
    """Where something stands, for the mistakes: a file, the line of the control, and which control it is."""

    file: str
    line: int = 0
    control: str = ""

    def says(self, key: str, problem: str) -> str:
        line = f", line {self.line}" if self.line else ""
        control = f"control {self.control}: " if self.control else ""
        return f"{self.file}{line}: {control}{key}: {problem}"


def section_ids() -> tuple[str, ...]:
    """The sections that there are, in the order of a report."""
    trails = Trails(lambda _name, _part: None)
    return tuple(make(trails).id for make in SECTIONS)


def frameworks(own: Path | None = None) -> dict[str, Framework]:
    """All frameworks by their id, those of the folder ``own`` too. Raises BadFramework with every mistake in any."""
    known = frozenset(section_ids())
    found: dict[str, Framework] = {}
    mistakes: list[str] = []
    for folder in (_SHIPPED, *(() if own is None else (own,))):
        try:
            named = _files_of(folder)
        except OSError as error:
            raise BadFramework([f"{folder}: cannot be read: {error.strerror}"]) from None
        for file in named:
            try:
                framework = _read(file, known)
            except BadFramework as bad:
                mistakes += bad.mistakes
            else:
                found[framework.id] = framework
    if mistakes:
        raise BadFramework(mistakes)
    return dict(sorted(found.items()))


def _files_of(folder: Traversable) -> list[Traversable]:
    return sorted(
        (file for file in folder.iterdir() if file.name.endswith(_SUFFIX)), key=lambda file: file.name
    )


def _read(file: Traversable, known: Set[str]) -> Framework:
    place = str(file) if isinstance(file, Path) else file.name
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadFramework([f"{place}: cannot be read: {error.strerror}"]) from None
    return framework_of(content, place, file.name.removesuffix(_SUFFIX), known)


def framework_of(content: bytes, file: str, name: str, known: Set[str]) -> Framework:
    """The framework in the text of a file. ``name``: what its id has to be; ``known``: the sections that there are.
    Raises BadFramework."""
    if len(content) > _LARGEST:
        raise BadFramework([f"{file}: is larger than {_LARGEST} bytes"])
    try:
        text = content.decode("utf-8")
        data = tomllib.loads(text)
    except UnicodeDecodeError:
        raise BadFramework([f"{file}: is not UTF-8 text: save it as UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadFramework([f"{file}: is not TOML: {error}"]) from None
    controls, mistakes = _controls(data.pop(_KEY, None), file, text, known)
    mistakes = [*_mistakes(data, Framework, _Place(file), {_FIELD}), *mistakes]
    if not mistakes and (data["id"] != name or not _ID.fullmatch(name) or len(name) > _LONGEST_ID):
        wanted = (
            f"must be {name!r}, as the file is called"
            if _ID.fullmatch(name)
            else "must be like 'our-policy-2'"
        )
        mistakes.append(_Place(file).says("id", f"{wanted}: lower-case letters, digits and hyphens"))
    if mistakes:
        raise BadFramework(mistakes)
    texts = {key: _one_line(value) for key, value in data.items()}
    return Framework(**texts, controls=tuple(controls))


def _controls(written: Any, file: str, text: str, known: Set[str]) -> tuple[list[Control], list[str]]:
    """The controls, and the mistakes in them."""
    if not isinstance(written, list) or not written or not all(isinstance(one, dict) for one in written):
        return [], [_Place(file).says(_KEY, "is needed: one [[control]] for each thing that is asked")]
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _CONTROL.match(line)]
    lines += [0] * (len(written) - len(lines))
    mistakes: list[str] = []
    controls: list[Control] = []
    for number, (one, line) in enumerate(zip(written, lines, strict=False), 1):
        place = _Place(file, line, str(one.get("id", f"number {number}")))
        wrong = [*_mistakes({"sections": (), **one}, Control, place, frozenset())]
        wrong = wrong or [*_senseless(one, place, known)]
        mistakes += wrong
        if not wrong:
            controls.append(_control(one))
    counted = Counter(control.id for control in controls)
    mistakes += [
        _Place(file).says(_KEY, f"the id {name!r} is there {times} times")
        for name, times in counted.items()
        if times > 1
    ]
    return controls, mistakes


def _mistakes(
    data: Mapping[str, Any], struct: type[msgspec.Struct], place: _Place, left_out: Set[str]
) -> Iterator[str]:
    """What is wrong with each key by itself: unknown, missing, of another kind, empty."""
    fields = {field.name: field for field in msgspec.structs.fields(struct) if field.name not in left_out}
    for key in data.keys() - fields.keys():
        yield place.says(key, f"is not known: there are {', '.join(fields)}")
    for name, field in fields.items():
        if name not in data:
            if field.required:
                yield place.says(name, "is needed")
            continue
        try:
            value = msgspec.convert(data[name], field.type)
        except msgspec.ValidationError:
            kind = "text in quotes" if field.type is str else "a list of texts in quotes"
            yield place.says(name, f"must be {kind}")
            continue
        texts = (value,) if isinstance(value, str) else value
        if not all(text.strip() and text.replace("\n", " ").isprintable() for text in texts):
            yield place.says(name, "must not be empty, and has only characters that can be seen")


def _senseless(one: Mapping[str, Any], place: _Place, known: Set[str]) -> Iterator[str]:
    """What is wrong with a control whose keys are right by themselves."""
    sections = one.get("sections", ())
    for section in sections:
        if section not in known:
            yield place.says(
                "sections", f"there is no section {section!r}: there are {', '.join(sorted(known))}"
            )
    for figure in one.get("figures", ()):
        if figure.split(".")[0] not in sections:
            yield place.says("figures", f"{figure!r} is of no section that the control names")
    if not sections and not one.get("cannot_show"):
        yield place.says("sections", "names none: say with cannot_show where else this is shown")


def _control(one: Mapping[str, Any]) -> Control:
    listed = {key: tuple(map(_one_line, one.get(key, ()))) for key in ("sections", "figures", "cannot_show")}
    return Control(_one_line(one["id"]), _one_line(one["title"]), _one_line(one["asks"]), **listed)


def _one_line(text: str) -> str:
    """A text of several lines as one paragraph."""
    return " ".join(text.split())
