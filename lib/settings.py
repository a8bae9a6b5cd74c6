"""Everything that can be set, read once into one frozen `Settings`: environment, then `.env`, then secrets.toml.

A wrong value never stops the program. It becomes a `SettingProblem` (in words that need no developer) and the default
stands in its place; what was read in another way than it was written becomes a `Note`. Neither ever quotes a secret.
Importing this module reads nothing; `load` does.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

from dotenv.parser import parse_stream
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from lib.models import CallLimits, Mode, is_loopback

ENVIRONMENT, DOTENV, SECRETS_TOML, DEFAULT = "environment", ".env", ".streamlit/secrets.toml", "default"
TAVUS_URL = "https://tavusapi.com/v2"
OLDER_MODE = "USE_TAVUS_PIPECAT_VIDEO"
SHORT_HORIZON_S = 60
_FILE_LIMIT = 1 << 20
_PLACEHOLDER = re.compile(
    r"(^|://)your[_-].*|.*[_-]here|<.*>|(change|replace)[_-]?(me|this)|placeholder.*|x{3,}|.*\.{3,}|todo|none|null",
    re.IGNORECASE,
)
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _web_url(text: str) -> SplitResult:
    """The parts of a plain http(s) address; ValueError for a user name, a query, a space or a wrong port."""
    parts = urlsplit(text)
    plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and "\\" not in text
    if not plain or parts.query or parts.fragment or re.search(r"\s", text) or parts.port == 0:
        raise ValueError
    return parts


def _tavus_url(text: str) -> str:
    parts = _web_url(text)
    if parts.scheme != "https" and not is_loopback(parts.hostname):
        raise ValueError
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith('/v2') else path + '/v2'}"


def _address(text: str) -> str:
    return _web_url(text).geturl().rstrip("/") if text else ""


def _public_url(text: str) -> str:
    if text:
        _host(text)
    return _address(text)


def _host(text: str) -> str:
    """`[scheme://]name[:port]` of an address or a part of one, as browsers write it; ValueError for a pattern."""
    scheme = f"{text.partition('://')[0].lower()}://" if "://" in text else ""
    if not scheme and text.count(":") > 1 and "[" not in text:
        text = f"[{text}]"
    parts = _web_url(text if scheme else f"http://{text}")
    name = (parts.hostname or "").removesuffix(".")
    name = f"[{ipaddress.IPv6Address(name)}]" if ":" in name else name.encode("idna").decode()
    if not re.fullmatch(r"\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
        raise ValueError
    return f"{scheme}{name}{f':{parts.port}' if parts.port else ''}"


def _hosts(text: str) -> str:
    return " ".join(dict.fromkeys(_host(one) for one in re.split(r"[\s,;]+", text) if one))


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", text):
        raise ValueError
    return text


def _image(text: str) -> str:
    if not re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._/:@-]{0,400})?", text):
        raise ValueError
    return text


def _cluster_name(text: str) -> str:
    """A name as Kubernetes takes it for a namespace and, at that length, for anything else."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text):
        raise ValueError
    return text


def _subdomain(text: str) -> str:
    if not re.fullmatch(r"([a-z0-9][a-z0-9-]{0,62})?", text):
        raise ValueError
    return text


def _fits_a_header(secret: SecretStr | None) -> SecretStr | None:
    """A key with a space, a line end or a letter beyond ASCII can't be sent, and requests quotes it in its error."""
    if secret is not None and not re.fullmatch(r"[\x21-\x7e]{1,512}", secret.get_secret_value()):
        raise ValueError
    return secret


def _database(secret: SecretStr) -> SecretStr:
    if secret.get_secret_value() and not re.match(r"(sqlite|postgresql)(\+\w+)?://", secret.get_secret_value()):
        raise ValueError
    return secret


def _avatar_mode(mode: Mode) -> Mode:
    if mode is Mode.TEXT:
        raise ValueError
    return mode


Key = Annotated[SecretStr | None, AfterValidator(_fits_a_header)]


class Settings(BaseSettings):
    """One frozen set of settings. `Settings()` is all defaults; only `load` looks at the machine.

    Durations end in `_s` and are seconds; `daily_minutes` counts minutes a day. `price_per_minute` is in the money that
    the account is billed in, 0 where it is not known; `retention_days` is 0 to keep records for ever. `database_url`
    is secret because it may hold a password; "" means the file that Greenroom keeps itself.
    """

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    tavus_api_key: Key = None
    tavus_default_replica_id: Annotated[str, AfterValidator(_identifier)] = ""
    tavus_base_url: Annotated[str, AfterValidator(_tavus_url)] = TAVUS_URL
    tavus_avatar_mode: Annotated[Mode, AfterValidator(_avatar_mode)] = Mode.PHOENIX_REST
    tavus_avatar_fallback: Annotated[str, Field(pattern="^(phoenix_rest)?$")] = ""
    daily_api_key: Key = None
    daily_subdomain: Annotated[str, AfterValidator(_subdomain)] = ""
    daily_avatar_privacy: Annotated[str, Field(pattern="^(public|private)$")] = "private"
    pipecat_python: Annotated[str, Field(max_length=1000)] = ""
    worker_launcher: Annotated[str, Field(pattern="^(local|kubernetes)$")] = "local"
    worker_memory_mb: Annotated[int, Field(ge=256, le=65_536)] = 1500
    worker_image: Annotated[str, AfterValidator(_image)] = ""
    worker_secret: Annotated[str, AfterValidator(_cluster_name)] = "greenroom-worker"  # noqa: S105 - its name
    kubernetes_namespace: Annotated[str, AfterValidator(_cluster_name)] = "greenroom"
    kubernetes_context: Annotated[str, Field(max_length=250)] = ""
    kubeconfig: Annotated[str, Field(max_length=10_000)] = ""
    deepgram_api_key: Key = None
    cartesia_api_key: Key = None
    cartesia_voice_id: Annotated[str, AfterValidator(_identifier)] = ""
    elevenlabs_api_key: Key = None
    elevenlabs_voice_id: Annotated[str, AfterValidator(_identifier)] = ""
    database_url: Annotated[SecretStr, AfterValidator(_database)] = SecretStr("")
    api_token: Key = None
    public_url: Annotated[str, AfterValidator(_public_url)] = ""
    allowed_hosts: Annotated[str, Field(max_length=10_000), AfterValidator(_hosts)] = ""
    chat_base_url: Annotated[str, AfterValidator(_address)] = ""
    chat_api_key: Key = None
    chat_model: Annotated[str, Field(max_length=200)] = ""
    max_call_s: Annotated[int, Field(ge=30, le=3600)] = 600
    absent_timeout_s: Annotated[int, Field(ge=15, le=300)] = 120
    left_timeout_s: Annotated[int, Field(ge=0, le=300)] = 30
    max_concurrent_calls: Annotated[int, Field(ge=1, le=100)] = 2
    daily_minutes: Annotated[int, Field(ge=0, le=100_000)] = 60
    max_starts_per_minute: Annotated[int, Field(ge=1, le=600)] = 6
    sweep_interval_s: Annotated[float, Field(ge=0.05, le=300)] = 5.0
    price_per_minute: Annotated[float, Field(ge=0, le=1000)] = 0.0
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    retention_at_tavus: bool = False
    reconcile_horizon_s: Annotated[float, Field(ge=0.5, le=3600)] = 120.0
    watch_grace_s: Annotated[float, Field(ge=0.5, le=3600)] = 90.0

    @property
    def sandbox(self) -> bool:
        """True without a Tavus key: everything runs on Greenroom's own sandbox and nothing is billed."""
        return self.tavus_api_key is None

    @property
    def in_cluster(self) -> bool:
        """True if workers run as Jobs of a cluster; the sandbox's never do, since their browser is on this machine."""
        return self.worker_launcher == "kubernetes" and not self.sandbox

    @property
    def limits(self) -> CallLimits:
        """What is allowed of calls."""
        return CallLimits(
            call_s=self.max_call_s,
            absent_s=self.absent_timeout_s,
            left_s=self.left_timeout_s,
            at_once=self.max_concurrent_calls,
            minutes_a_day=self.daily_minutes,
            starts_a_minute=self.max_starts_per_minute,
            watch_grace_s=self.watch_grace_s,
            horizon_s=self.reconcile_horizon_s,
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """The sites besides this machine's own names under which Greenroom is opened, as `[scheme://]name[:port]`."""
        return tuple(_host(one) for one in (self.public_url, *self.allowed_hosts.split()) if one)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


_MUST_BE = {
    "TAVUS_API_KEY": "one word of plain letters, digits and signs, as Tavus shows it",
    "TAVUS_DEFAULT_REPLICA_ID": "a replica's id, such as r90bbd427f71",
    "TAVUS_BASE_URL": "an https:// address without user name or question mark (http:// only for this machine itself)",
    "TAVUS_AVATAR_MODE": "phoenix_rest or pipecat_daily",
    OLDER_MODE: "true or false",
    "TAVUS_AVATAR_FALLBACK": "phoenix_rest, or left empty",
    "DAILY_API_KEY": "one word of plain letters, digits and signs, as Daily shows it",
    "DAILY_SUBDOMAIN": "the bare name before .daily.co, such as go-scope",
    "DAILY_AVATAR_PRIVACY": "public or private",
    "PIPECAT_PYTHON": "the path of a Python, of at most 1000 characters",
    "WORKER_LAUNCHER": "local or kubernetes",
    "WORKER_MEMORY_MB": "a whole number of megabytes from 256 to 65536",
    "WORKER_IMAGE": "an image's name, such as registry.example.com/greenroom-worker:1",
    "WORKER_SECRET": "the name of a Secret: small letters, digits and hyphens",
    "KUBERNETES_NAMESPACE": "the name of a namespace: small letters, digits and hyphens",
    "KUBERNETES_CONTEXT": "the name of a context in the kubeconfig, of at most 250 characters",
    "KUBECONFIG": "the path of a kubeconfig file",
    "DEEPGRAM_API_KEY": "one word of plain letters, digits and signs, as Deepgram shows it",
    "CARTESIA_API_KEY": "one word of plain letters, digits and signs, as Cartesia shows it",
    "CARTESIA_VOICE_ID": "a voice's id",
    "ELEVENLABS_API_KEY": "one word of plain letters, digits and signs, as ElevenLabs shows it",
    "ELEVENLABS_VOICE_ID": "a voice's id",
    "DATABASE_URL": "an address that begins with sqlite:// or postgresql://",
    "API_TOKEN": "one word of plain letters, digits and signs",
    "PUBLIC_URL": "an http:// or https:// address without user name or question mark",
    "ALLOWED_HOSTS": "names of hosts in full, without *, such as greenroom.example or https://greenroom.example:8443, "
    "apart by commas",
    "CHAT_BASE_URL": "an http:// or https:// address without user name or question mark",
    "CHAT_API_KEY": "one word of plain letters, digits and signs",
    "CHAT_MODEL": "a model's name of at most 200 characters",
    "MAX_CALL_S": "a whole number of seconds from 30 to 3600",
    "ABSENT_TIMEOUT_S": "a whole number of seconds from 15 to 300",
    "LEFT_TIMEOUT_S": "a whole number of seconds from 0 to 300",
    "MAX_CONCURRENT_CALLS": "a whole number from 1 to 100",
    "DAILY_MINUTES": "a whole number of minutes from 0 to 100000",
    "MAX_STARTS_PER_MINUTE": "a whole number from 1 to 600",
    "SWEEP_INTERVAL_S": "a number of seconds from 0.05 to 300",
    "PRICE_PER_MINUTE": "a number from 0 to 1000, with a point before its decimals",
    "RETENTION_DAYS": "a whole number of days from 0 (keep for ever) to 36500",
    "RETENTION_AT_TAVUS": "true or false",
    "RECONCILE_HORIZON_S": "a number of seconds from 0.5 to 3600",
    "WATCH_GRACE_S": "a number of seconds from 0.5 to 3600",
}
NAMES: tuple[str, ...] = tuple(_MUST_BE)
"""Every name that is read, in the order in which it is shown."""


@dataclass(frozen=True)
class SettingProblem:
    """A wrong value, or a file that can't be read: avatar starts are refused until it is mended.

    `name` is the setting or the file. Of a wrong value: `source` is where it stands, `shown` what stands there (""
    where it may be a key in the wrong place), `must_be` and `until` what it must be and what holds meanwhile. Of all
    else `told` says what is wrong.
    """

    name: str
    told: str
    hint: str
    source: str = ""
    shown: str = ""
    must_be: str = ""
    until: str = ""

    @property
    def message(self) -> str:
        """What is wrong, in full."""
        written = f" ({self.shown})" if self.shown else ""
        where = f"{self.name} in {_place(self.source)}{written}"
        return self.told or f"{where} can't be used: it must be {self.must_be}. Until then {self.until}."

    @property
    def cause(self) -> str:
        """What is wrong, where its name, source and value stand beside it."""
        return self.told or f"It must be {self.must_be}. Until then {self.until}."


@dataclass(frozen=True)
class Note:
    """A value that was read in another way than it was written. Nothing is refused because of it."""

    name: str
    message: str


@dataclass(frozen=True)
class Loaded:
    """What `load` found. `sources` says for every name in `NAMES` where its value comes from."""

    settings: Settings
    problems: tuple[SettingProblem, ...] = ()
    notes: tuple[Note, ...] = ()
    sources: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(NAMES, DEFAULT))


def load(root: Path, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read the settings of the project at `root`. Never raises for anything that a person wrote.

    `environ` replaces the process's environment (for tests). Reads `.env` and `.streamlit/secrets.toml`; writes
    nothing, and changes no environment variable.
    """
    return _Reading().load(root, os.environ if environ is None else environ)


class _Reading:
    """One reading in progress: collects problems and notes until `load` hands them over together."""

    def __init__(self) -> None:
        self.problems: list[SettingProblem] = []
        self.notes: list[Note] = []

    def load(self, root: Path, environ: Mapping[str, str]) -> Loaded:
        layers = [
            (ENVIRONMENT, {name.upper(): value for name, value in environ.items()}),
            (DOTENV, self._dotenv(root / ".env")),
            (SECRETS_TOML, self._secrets_toml(root / ".streamlit" / "secrets.toml")),
        ]
        found = {name: hit for name in NAMES if (hit := self._first(name, layers))}
        good: dict[str, Any] = {}
        for name, (text, source) in found.items():
            good.update(self._checked(name, text, source))
        sources = {name: found[name][1] if name.lower() in good else DEFAULT for name in NAMES}
        self._one_mode(good, sources)
        settings = Settings(**good)
        self._together(settings)
        return Loaded(settings, tuple(self.problems), tuple(self.notes), sources)

    def _first(self, name: str, layers: list[tuple[str, dict[str, str]]]) -> tuple[str, str] | None:
        """The value that counts and its source; empty text and placeholders count as not set.

        Empty in the environment hides the files too: that is how one start goes without the key that is in `.env`.
        """
        hits: list[tuple[str, str]] = []
        hidden = name in layers[0][1] and not layers[0][1][name].strip()
        if hidden and any(values.get(name, "").strip() for _, values in layers[1:]):
            self._note(name, f"{name} is set to nothing in the environment; that hides the value in the files.")
        for source, values in layers[: 1 if hidden else None]:
            text = _unquoted(values.get(name, ""))
            if text and _PLACEHOLDER.fullmatch(text):
                self._note(name, f"{name} in {_place(source)} is still a placeholder; it counts as not set.")
            elif text:
                hits.append((text, source))
        if hits and any(text != hits[0][0] for text, _ in hits[1:]):
            others = " and ".join(_place(source) for text, source in hits[1:] if text != hits[0][0])
            used = _place(hits[0][1])
            self._note(name, f"{name} differs between {used} and {others}; the one from {used} is used.")
        return hits[0] if hits else None

    def _checked(self, name: str, text: str, source: str) -> dict[str, Any]:
        """`{field: text}` if pydantic accepts it, `{}` and a problem if not."""
        text = self._tidied(name, text)
        if name == OLDER_MODE:
            if text.lower() in _YES + _NO:
                return {name.lower(): text.lower() in _YES}
        else:
            try:
                Settings(**{name.lower(): text})  # type: ignore[arg-type]
                return {name.lower(): text}
            except ValidationError:
                pass
        # A key must not go to an address that nobody asked for, so this one has no default in its place.
        until = "Tavus is not contacted" if name == "TAVUS_BASE_URL" else f"{_default_text(name)} is used"
        self.problems.append(
            SettingProblem(
                name,
                "",
                f"Correct {name} in {_place(source)}, or remove it, and restart Greenroom.",
                source,
                text if _may_be_shown(name, text) else "",
                _MUST_BE[name],
                until,
            )
        )
        return {}

    def _tidied(self, name: str, text: str) -> str:
        """What was meant, where that is beyond doubt: words in capitals, a pasted Daily address, postgres://."""
        if name in ("TAVUS_AVATAR_MODE", "TAVUS_AVATAR_FALLBACK", "DAILY_AVATAR_PRIVACY", "WORKER_LAUNCHER"):
            return text.lower().replace("-", "_")
        if name == "DAILY_SUBDOMAIN":
            pasted = re.fullmatch(r"(?:https?://)?([a-z0-9-]+)\.daily\.co(?:/.*)?", text, re.IGNORECASE)
            if pasted:
                bare = pasted[1].lower()
                self._note(name, f"{name} was given as an address; its bare name, {bare}, is used.")
                return bare
            return text.lower()
        if name == "DATABASE_URL" and text.startswith("postgres://"):
            self._note(name, f"{name} begins with postgres://; it is read as postgresql://.")
            return "postgresql://" + text.removeprefix("postgres://")
        return text

    def _one_mode(self, good: dict[str, Any], sources: dict[str, str]) -> None:
        """TAVUS_AVATAR_MODE beats its older spelling, which is no field of its own."""
        older: bool | None = good.pop(OLDER_MODE.lower(), None)
        if older is None:
            return
        says = Mode.PIPECAT_DAILY if older else Mode.PHOENIX_REST
        mode = good.get("tavus_avatar_mode")
        if mode is None and sources["TAVUS_AVATAR_MODE"] == DEFAULT and not self._has_problem("TAVUS_AVATAR_MODE"):
            good["tavus_avatar_mode"] = says
            sources["TAVUS_AVATAR_MODE"] = sources[OLDER_MODE]
        elif mode is not None and mode != says:
            told = f"{OLDER_MODE} asks for {says}, but TAVUS_AVATAR_MODE={mode} is used: it is the newer of the two."
            self._note(OLDER_MODE, told)

    def _together(self, settings: Settings) -> None:
        """What only two settings together can tell."""
        host = urlsplit(settings.tavus_base_url).hostname
        if settings.sandbox and settings.tavus_base_url != TAVUS_URL:
            self._note("TAVUS_BASE_URL", "TAVUS_BASE_URL is not used: without TAVUS_API_KEY the sandbox is.")
        elif not settings.sandbox and host != urlsplit(TAVUS_URL).hostname:
            self._note("TAVUS_BASE_URL", f"TAVUS_BASE_URL is set: the Tavus key is sent to {host}.")
        if settings.tavus_avatar_mode is Mode.PIPECAT_DAILY and settings.daily_api_key is None:
            told = "pipecat_daily needs DAILY_API_KEY too. Until it is set, sessions in this mode go on as text chat."
            self._note("DAILY_API_KEY", told)
        if settings.worker_launcher == "kubernetes" and settings.sandbox:
            told = (
                "WORKER_LAUNCHER is not used: without TAVUS_API_KEY workers run on this machine, as the sandbox does."
            )
            self._note("WORKER_LAUNCHER", told)
        elif settings.in_cluster and not settings.worker_image:
            told = "Workers in the cluster need WORKER_IMAGE too. Until it is set, sessions go on as text chat."
            self._note("WORKER_IMAGE", told)
        if settings.reconcile_horizon_s < SHORT_HORIZON_S and not settings.sandbox:
            within = f"{settings.reconcile_horizon_s:g} s"
            self._note("RECONCILE_HORIZON_S", f"A call that Tavus makes later than {within} after its start is ended.")
        chat = urlsplit(settings.chat_base_url)
        if settings.chat_api_key and chat.scheme == "http" and not is_loopback(chat.hostname):
            told = "CHAT_API_KEY travels unprotected, because CHAT_BASE_URL begins with http://."
            self._note("CHAT_BASE_URL", told)

    def _note(self, name: str, message: str) -> None:
        self.notes.append(Note(name, message))

    def _has_problem(self, name: str) -> bool:
        return any(problem.name == name for problem in self.problems)

    def _text_of(self, path: Path, name: str) -> str | None:
        """A small text file's content, or None with a problem. Notepad's and PowerShell's encodings are known."""
        try:
            if not path.exists():
                return None
            raw = path.read_bytes() if path.stat().st_size <= _FILE_LIMIT else b"\0"
        except OSError as error:
            why = error.strerror or type(error).__name__
            hint = f"Make {name} a plain text file that you may read, and restart Greenroom."
            self.problems.append(SettingProblem(name, f"{name} can't be read ({why}), so nothing in it is used.", hint))
            return None
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
            self._note(name, f"{name} is not saved as UTF-8; letters with accents in it may be read wrongly.")
        if "\0" in text:
            hint = f"Save {name} as plain text in UTF-8, and restart Greenroom."
            self.problems.append(SettingProblem(name, f"{name} is not a text file, so nothing in it is used.", hint))
            return None
        return text

    def _dotenv(self, path: Path) -> dict[str, str]:
        text = self._text_of(path, DOTENV)
        if text is None:
            if path.with_name(".env.txt").exists() and not path.exists():
                self._note(DOTENV, "There is a .env.txt but no .env. Rename it to .env to have it read.")
            return {}
        values: dict[str, str] = {}
        for binding in parse_stream(StringIO(text)):
            if binding.error:
                self._broken_line(binding.original.string, binding.original.line)
            elif binding.key:
                values[binding.key.upper()] = binding.value or ""
        self._misspelt(values, DOTENV)
        return values

    def _broken_line(self, line: str, number: int) -> None:
        told = f"Line {number} of .env is not of the form NAME=value, so it is not used."
        named = next((name for name in NAMES if re.search(rf"\b{name}\b", line, re.IGNORECASE)), None)
        if named:
            hint = f"Write {named}=value on a line of its own, with both quotes or with none, and restart Greenroom."
            self.problems.append(SettingProblem(named, told, hint, DOTENV))
        else:
            self._note(DOTENV, told)

    def _secrets_toml(self, path: Path) -> dict[str, str]:
        text = self._text_of(path, SECRETS_TOML)
        try:
            read = tomllib.loads(text or "")
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"line \d+", str(error))
            told = f"{SECRETS_TOML} has a mistake{f' at {line[0]}' if line else ''}, so nothing in it is used."
            hint = f'Write each line as NAME = "value" in {SECRETS_TOML}, and restart Greenroom.'
            self.problems.append(SettingProblem(SECRETS_TOML, told, hint))
            return {}
        values = {name.upper(): str(value) for name, value in read.items() if isinstance(value, str | int | float)}
        self._misspelt(values, SECRETS_TOML)
        return values

    def _misspelt(self, values: Mapping[str, str], source: str) -> None:
        for name in values:
            close = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.85) if name not in NAMES else []
            for meant in close:
                self._note(meant, f"{source} has {name}, which is no setting. Is {meant} meant?")


def secret_names() -> Iterator[str]:
    """The names whose values are never shown whole."""
    for name in NAMES:
        info = Settings.model_fields.get(name.lower())
        if info is not None and "SecretStr" in str(info.annotation):
            yield name


def secret_values(settings: Settings) -> Iterator[str]:
    """Every secret that is set. Of the database's address its passwords, as they stand there and as they are meant."""
    for name in secret_names():
        value = getattr(settings, name.lower())
        if name == "DATABASE_URL":
            yield from _passwords(value.get_secret_value())
        elif value is not None:
            yield value.get_secret_value()


def _passwords(url: str) -> Iterator[str]:
    user, at, rest = url.partition("://")[2].rpartition("@")
    words = [user.partition(":")[2]] if at else []
    options = (rest if at else url).partition("?")[2].split("&")
    words += [value for name, _, value in (option.partition("=") for option in options) if "password" in name]
    for word in filter(None, words):
        yield from {word, unquote(word)}


def _unquoted(text: str) -> str:
    """Without blanks around it and without the quotes that cmd.exe and copied documents leave on."""
    text = text.strip().strip("\ufeff\u200b\u201c\u201d").strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text


def _place(source: str) -> str:
    return "the environment" if source == ENVIRONMENT else source


def _may_be_shown(name: str, text: str) -> bool:
    """Whether seeing the wrong value helps and it can't be a key that landed in the wrong place."""
    return name not in secret_names() and bool(re.fullmatch(r"-?[\d.,]{1,12}|[A-Za-z ]{1,16}", text))


def _default_text(name: str) -> str:
    info = Settings.model_fields.get(name.lower())
    default = info.default if info is not None else None
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    return "none" if default in (None, "") else str(default)
