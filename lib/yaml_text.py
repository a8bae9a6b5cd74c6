"""JSON values as YAML text, and back: strict in what it reads, the same text for the same value.

Read by the JSON types of YAML 1.2: `true`, `false`, `null` and JSON's numbers are what they are, every other plain word
(`no`, `on`, `12:30`, `0o7`, a date) is text. What one person would read otherwise than another is refused with advice,
never guessed. Written so that any YAML reader takes it the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml
from yaml.emitter import ScalarAnalysis

from lib.models import JsonObject

Path = tuple[str, ...]
"""Names and numbers that lead to a value, from the outermost on."""

DEEPEST = 50
LONG_LINE = 90
"""A text of several words with more characters than this, or with a line break, gets a block of its own."""

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False, "null": None}
_ALMOST = {"~": "null", **{form: word for word in _WORDS for form in (word.capitalize(), word.upper())}}
_UNTYPED = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_UNSEEN = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_HALF_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
_HALF_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_DEEP = f"This is nested more than {DEEPEST} deep: write it flatter."
_SECOND = "A second document begins here: write one a file."


class YamlWrong(ValueError):
    """The text can't be read. `line` counts from 1; the message says what is wrong there and what to do."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Read:
    """What a text holds; `lines` says for each path in it, and for `()`, the line that it begins at."""

    value: dict[str, object]
    lines: Mapping[Path, int]


def read(raw: bytes, *, begin: str = "persona_name") -> Read:
    """The one mapping of a file: UTF-8 or UTF-16 with any line ends. Raises YamlWrong.

    `begin` is the field that a file of this kind may begin with, for advice.
    """
    text = _decoded(raw)
    try:
        return _built(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader), begin)
    except yaml.YAMLError as error:
        if not _HALF_ESCAPED.search(text):
            raise _explained(error, text) from None
    try:
        return _built(text, yaml.SafeLoader, begin)  # slower than libyaml, and reads escapes of half a character too
    except yaml.YAMLError as error:
        raise _explained(error, text) from None


def write(value: JsonObject) -> str:
    """The text of `value`, in the order of its keys. Raises ValueError for what JSON can't hold (NaN, infinity)."""
    json.dumps(value, allow_nan=False)
    text: str = yaml.dump(
        value, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=1 << 30, default_flow_style=False
    )
    return text


def _built(text: str, loader: type[yaml.SafeLoader], begin: str) -> Read:
    reader = _Reader(begin)
    return Read(reader.document(yaml.parse(text, loader)), reader.lines)


class _Reader:
    """Builds the value from the parser's events, which neither guess types nor follow aliases."""

    def __init__(self, begin: str) -> None:
        self.lines: dict[Path, int] = {}
        self._begin = begin

    def document(self, events: Iterator[yaml.Event]) -> dict[str, object]:
        root: object = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if self.lines:
                    raise YamlWrong(_line(event), _SECOND)
            elif isinstance(event, yaml.NodeEvent):
                if not isinstance(event, yaml.MappingStartEvent):
                    raise YamlWrong(_line(event), f"This holds no fields: begin with `{self._begin}: …`.")
                root = self._node(event, events, ())
        if root is None:
            raise YamlWrong(1, f"The file is empty: begin with `{self._begin}: …`.")
        assert isinstance(root, dict)
        return root

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path) -> object:
        line = _line(event)
        self.lines[path] = line
        # What stands there is not repeated: it may be a secret that lacks its quotes.
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise YamlWrong(line, "A * points to another part of the file: write it out here, or put quotes around it "
                                  "if it is text.")  # fmt: skip
        if event.anchor is not None:
            raise YamlWrong(line, "A & names a part of the file, which is not supported: take it out, or put quotes "
                                  "around it if it is text.")  # fmt: skip
        if event.tag is not None:
            raise YamlWrong(line, "A ! begins a type tag, which is not supported: take it out, or put quotes around it "
                                  "if it is text.")  # fmt: skip
        if len(path) > DEEPEST:
            raise YamlWrong(line, _DEEP)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event, line)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(events, path)
        return self._mapping(events, path)

    def _list(self, events: Iterator[yaml.Event], path: Path) -> list[object]:
        out: list[object] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            out.append(self._node(event, events, (*path, str(len(out)))))
        return out

    def _mapping(self, events: Iterator[yaml.Event], path: Path) -> dict[str, object]:
        out: dict[str, object] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                raise YamlWrong(line, "The name of a field must be plain text.")
            name = joined(event.value)
            if name == "<<" and event.implicit[0]:
                raise YamlWrong(line, "`<<` takes over fields from elsewhere, which is not supported: write them out.")
            if name in out:
                first = self.lines[(*path, name)]
                raise YamlWrong(line, f"`{name[:60]}` is there twice, in line {first} and here: keep one.")
            out[name] = self._node(next(events), events, (*path, name))
            self.lines[(*path, name)] = line
        return out


def _scalar(event: yaml.ScalarEvent, line: int) -> object:
    text = joined(event.value)
    if not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if not text:
        raise YamlWrong(line, "Here is no value: write null to remove the field, '' for an empty text, or take the "
                              "line out to leave the field alone.")  # fmt: skip
    if text in _ALMOST:
        raise YamlWrong(line, f"`{text}` can be read in two ways: write {_ALMOST[text]}, or '{text}' for the text.")
    return _number(text, line) if _NUMBER.fullmatch(text) else text


def _number(text: str, line: int) -> int | float:
    try:
        number: int | float = json.loads(text)
        json.dumps(number, allow_nan=False)
    except ValueError:
        raise YamlWrong(line, "This number is too large: write a smaller one, or put quotes around it.") from None
    return number


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def joined(text: str) -> str:
    """With the halves of a character put together that JSON's way of escaping tears apart."""
    return _HALF_PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def _decoded(raw: bytes) -> str:
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise YamlWrong(line, "This is not text in UTF-8: save the file again as UTF-8.") from None
    odd = _UNTYPED.search(text)
    if odd is None:
        return text
    line, sign = text[: odd.start()].count("\n") + 1, ord(odd[0])
    if sign == 0:
        raise YamlWrong(line, "This is not a text file: save it as plain text in UTF-8.")
    raise YamlWrong(line, f"Here is a sign that can't be seen (U+{sign:04X}): remove it, or write \"\\u{sign:04X}\" "
                          "in double quotes.")  # fmt: skip


def _explained(error: yaml.YAMLError, text: str) -> YamlWrong:
    """The parser's complaint, in words that help who has never seen YAML."""
    marked = error if isinstance(error, yaml.MarkedYAMLError) else yaml.MarkedYAMLError()
    begun, mark = marked.context_mark, marked.problem_mark or marked.context_mark
    line = mark.line + 1 if mark else 1
    # What the parser says has no fields, so its words are read.
    said, context = str(marked.problem or ""), marked.context or ""
    lines = text.splitlines()
    if "<document start>" in said:
        return YamlWrong(line, _SECOND)
    if "nesting depth" in said:
        return YamlWrong(line, _DEEP)
    if "quoted scalar" in context and begun:
        return YamlWrong(begun.line + 1, "A quote is opened here and never closed.")
    if "alias" in context or "anchor" in context:
        return YamlWrong(line, "A text that begins with * or & needs quotes around it.")
    if "tab character" in said or (line <= len(lines) and re.match(r" *\t", lines[line - 1])):
        return YamlWrong(line, "A tab stands where YAML wants spaces: indent with spaces.")
    return YamlWrong(line, f"This is not YAML: {said[:120]}. Look at the quotes and the indentation of this line "
                           "and the one before; a text with `: ` or ` #` in it needs quotes.")  # fmt: skip


class _Writer(yaml.SafeDumper):
    """Long texts as they are, line by line; all others plain where no reader can take them for something else."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def analyze_scalar(self, scalar: str) -> ScalarAnalysis:
        seen = _UNSEEN.search(scalar) is None
        if seen and not _is_long(scalar):
            return super().analyze_scalar(scalar)
        # PyYAML keeps texts with tabs and with spaces at a line's end out of blocks, which hold them well.
        return ScalarAnalysis(scalar, False, "\n" in scalar, False, False, False, True, seen)

    def determine_block_hints(self, text: str) -> str:
        hints: str = super().determine_block_hints(text)
        return f"{self.best_indent}{hints}" if text[0] == "\t" else hints

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """One line of the file for each line of the text."""
        self.write_indicator('"', True)
        lines = text.split("\n")
        for number, line in enumerate(lines):
            self._put(_escaped(line) + ("\\n" if number + 1 < len(lines) else ""))
            if split and number + 1 < len(lines):
                self._put("\\")
                self.write_indent()
                self._put("\\" if lines[number + 1].startswith(" ") else "")
        self.write_indicator('"', False)

    def _put(self, text: str) -> None:
        self.column += len(text)
        self.whitespace = self.indention = False
        self.stream.write(text)


def _is_long(text: str) -> bool:
    return "\n" in text or (len(text) > LONG_LINE and " " in text)


def _escaped(line: str) -> str:
    return _UNSEEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(line, ensure_ascii=False)[1:-1])


def _represent_text(dumper: _Writer, text: str) -> yaml.Node:
    style = "|" if _is_long(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Writer.add_representer(str, _represent_text)
# What YAML 1.2 and this reader take for a number, and YAML 1.1, which PyYAML knows, does not.
_Writer.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"^(?:{_NUMBER.pattern})$"), list("-0123456789"))
_Writer.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?0[ox][0-9a-fA-F_]+$"), list("-+0"))
