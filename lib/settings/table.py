"""The one table of settings. A row is a field of `Settings`: its type, what it must be, what it is for, its default.

Checks, sentences, Diagnostics, `.env.example`, docs/settings.md and what the tests unset come from here.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from lib.models import CallLimits, Mode
from lib.settings import addresses
from lib.settings.about import About, SettingGroup, part_of
from lib.settings.kinds import (
    CLUSTER_NAME,
    IMAGE,
    REPLICA_ID,
    VOICE_ID,
    WEB_ADDRESS,
    DailySubdomain,
    DatabaseAddress,
    KeyText,
    NumberIn,
    OneOf,
    ReadBy,
    SettingKind,
    Shaped,
    TextUpTo,
    YesOrNo,
)

TAVUS_URL = "https://tavusapi.com/v2"
KUBERNETES = "platforms.md#past-one-machine-kubernetes"


G = SettingGroup


class Settings(BaseSettings):
    """One frozen set of settings. `Settings()` is all defaults; only `load` looks at the machine.

    Durations end in `_s` and are seconds; `daily_minutes` counts minutes a day. `price_per_minute` is in the money that
    the account is billed in, 0 where it is not known. `database_url` is secret because it may hold a password.
    """

    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True)

    tavus_api_key: Annotated[
        SecretStr | None,
        KeyText("Tavus"),
        About(G.TAVUS, "Your Tavus API key; with it every start is a real, billed conversation.", unset="the sandbox"),
    ] = None
    tavus_default_replica_id: Annotated[
        str, REPLICA_ID, About(G.TAVUS, "The replica of agents and personas that have none, such as r90bbd427f71.")
    ] = ""
    tavus_base_url: Annotated[
        str,
        ReadBy(
            addresses.tavus,
            "an https:// address without user name or question mark (http:// only for this machine itself)",
        ),
        About(G.TAVUS, "Where Tavus answers; change it only for a proxy or a sandbox that runs alone."),
    ] = TAVUS_URL
    tavus_avatar_mode: Annotated[
        Mode,
        OneOf(Mode.PHOENIX_REST, Mode.PIPECAT_DAILY),
        About(
            G.TAVUS,
            "phoenix_rest (Tavus runs the whole call) or pipecat_daily (your own Pipecat worker in a Daily room).",
            see="platforms.md",
        ),
    ] = Mode.PHOENIX_REST
    use_tavus_pipecat_video: Annotated[
        bool | None,
        YesOrNo(),
        About(
            G.TAVUS,
            "Older spelling of TAVUS_AVATAR_MODE=pipecat_daily: true or false. TAVUS_AVATAR_MODE wins over it.",
            older_of="TAVUS_AVATAR_MODE",
            advanced=True,
        ),
    ] = None
    tavus_avatar_fallback: Annotated[
        str,
        OneOf(Mode.PHOENIX_REST, empty=True),
        About(
            G.TAVUS,
            "What to do where pipecat_daily can't start: phoenix_rest starts that, billed, in its place.",
            unset="text chat",
        ),
    ] = ""

    daily_api_key: Annotated[SecretStr | None, KeyText("Daily"), About(G.WORKER, "Your Daily API key.")] = None
    daily_subdomain: Annotated[
        str, DailySubdomain(), About(G.WORKER, "The name of your Daily domain: what stands before .daily.co.")
    ] = ""
    daily_avatar_privacy: Annotated[
        str,
        OneOf("public", "private"),
        About(G.WORKER, "public or private: whether a Daily room needs a meeting token."),
    ] = "private"
    deepgram_api_key: Annotated[
        SecretStr | None, KeyText("Deepgram"), About(G.WORKER, "The key of Deepgram, which hears the caller.")
    ] = None
    cartesia_api_key: Annotated[
        SecretStr | None,
        KeyText("Cartesia"),
        About(G.WORKER, "The key of Cartesia, which speaks; or take ElevenLabs. What thinks is CHAT_BASE_URL."),
    ] = None
    cartesia_voice_id: Annotated[str, VOICE_ID, About(G.WORKER, "The voice at Cartesia.")] = ""
    elevenlabs_api_key: Annotated[
        SecretStr | None, KeyText("ElevenLabs"), About(G.WORKER, "The key of ElevenLabs, which speaks.")
    ] = None
    elevenlabs_voice_id: Annotated[str, VOICE_ID, About(G.WORKER, "The voice at ElevenLabs.")] = ""
    pipecat_python: Annotated[
        str,
        TextUpTo(1000, "the path of a Python, of at most {most} characters"),
        About(G.WORKER, "The Python of the worker.", unset="that of .venv-pipecat", advanced=True),
    ] = ""
    worker_launcher: Annotated[
        str,
        OneOf("local", "kubernetes"),
        About(
            G.WORKER,
            "local (a process of this machine for each call) or kubernetes (a Job of a cluster for each).",
            see=KUBERNETES,
        ),
    ] = "local"
    worker_memory_mb: Annotated[
        int,
        NumberIn(256, 65_536, "megabytes", " MB"),
        About(G.WORKER, "A worker that holds more memory than this is ended, in MB."),
    ] = 1500
    worker_image: Annotated[
        str, IMAGE, About(G.WORKER, "For kubernetes: the worker's image.", see=KUBERNETES, advanced=True)
    ] = ""
    worker_secret: Annotated[
        str,
        Shaped(CLUSTER_NAME, "the name of a Secret: small letters, digits and hyphens"),
        About(G.WORKER, "For kubernetes: the Secret with the worker's keys.", see=KUBERNETES, advanced=True),
    ] = "greenroom-worker"  # noqa: S105 - its name
    kubernetes_namespace: Annotated[
        str,
        Shaped(CLUSTER_NAME, "the name of a namespace: small letters, digits and hyphens"),
        About(G.WORKER, "For kubernetes: where image and Secret are.", see=KUBERNETES, advanced=True),
    ] = "greenroom"
    kubernetes_context: Annotated[
        str,
        TextUpTo(250, "the name of a context in the kubeconfig, of at most {most} characters"),
        About(
            G.WORKER,
            "How the cluster is reached from outside of it: the context in the kubeconfig.",
            unset="its current one",
            advanced=True,
        ),
    ] = ""
    kubeconfig: Annotated[
        str,
        TextUpTo(10_000, "the path of a kubeconfig file"),
        About(
            G.WORKER,
            "How the cluster is reached from outside of it: the kubeconfig.",
            unset="~/.kube/config",
            advanced=True,
        ),
    ] = ""

    database_url: Annotated[
        SecretStr,
        DatabaseAddress(),
        About(
            G.GREENROOM,
            "The database: a SQLite file, or postgresql://user@host/name.",
            unset="sqlite:///data/greenroom.db",
        ),
    ] = SecretStr("")
    api_token: Annotated[
        SecretStr | None,
        KeyText(),
        About(
            G.GREENROOM,
            "The bearer token that callers of /api must send; without one the API is off.",
            unset="sandbox on the sandbox",
        ),
    ] = None
    public_url: Annotated[
        str,
        ReadBy(addresses.public, WEB_ADDRESS),
        About(
            G.GREENROOM,
            "The address under which Tavus can reach this console with callbacks, such as "
            "https://greenroom.example.com; without it Greenroom asks.",
        ),
    ] = ""
    allowed_hosts: Annotated[
        str,
        ReadBy(
            addresses.hosts,
            "names of hosts in full, without *, such as greenroom.example or https://greenroom.example:8443, "
            "apart by commas",
        ),
        About(
            G.GREENROOM,
            "Further names under which browsers open this console, in full and apart by commas.",
            see="operations.md#who-is-answered",
            unset="this machine's own, and that of PUBLIC_URL",
        ),
    ] = ""

    chat_base_url: Annotated[
        str,
        ReadBy(addresses.plain, WEB_ADDRESS),
        About(G.CHAT, "Its base URL, ending in /v1 as a rule.", unset="scripted replies"),
    ] = ""
    chat_api_key: Annotated[SecretStr | None, KeyText(), About(G.CHAT, "Its key, if it wants one.")] = None
    chat_model: Annotated[
        str, TextUpTo(200, "a model's name of at most {most} characters"), About(G.CHAT, "The model to ask for.")
    ] = ""

    max_call_s: Annotated[
        int,
        NumberIn(30, 3600, "seconds", " s"),
        About(G.LIMITS, "The longest that one call may last, in seconds. Sent with every call."),
    ] = 600
    absent_timeout_s: Annotated[
        int,
        NumberIn(15, 300, "seconds", " s"),
        About(G.LIMITS, "A call that nobody joins ends after this many seconds. Sent with every call."),
    ] = 120
    left_timeout_s: Annotated[
        int,
        NumberIn(0, 300, "seconds", " s"),
        About(G.LIMITS, "A call that everybody left ends after this many seconds. Sent with every call."),
    ] = 30
    max_concurrent_calls: Annotated[int, NumberIn(1, 100), About(G.LIMITS, "How many calls may be open at once.")] = 2
    daily_minutes: Annotated[
        int,
        NumberIn(0, 100_000, "minutes", " min a day"),
        About(G.LIMITS, "How many minutes of calls may be started in one day."),
    ] = 60
    max_starts_per_minute: Annotated[
        int, NumberIn(1, 600), About(G.LIMITS, "How many starts one person may make in one minute.")
    ] = 6
    watch_grace_s: Annotated[
        float,
        NumberIn(0.5, 3600, "seconds", " s", whole=False),
        About(G.LIMITS, "A call that no open page shows is ended after this many seconds."),
    ] = 90.0

    sweep_interval_s: Annotated[
        float,
        NumberIn(0.05, 300, "seconds", " s", whole=False),
        About(G.SWEEPER, "How often it looks at open calls, in seconds.", advanced=True),
    ] = 5.0
    reconcile_horizon_s: Annotated[
        float,
        NumberIn(0.5, 3600, "seconds", " s", whole=False),
        About(
            G.SWEEPER,
            "For how long Tavus is asked whether a start without a clear answer was made after all, in seconds.",
            see="operations.md#after-a-crash",
            advanced=True,
        ),
    ] = 120.0

    price_per_minute: Annotated[
        float,
        NumberIn(0, 1000, whole=False, aside=", with a point before its decimals"),
        About(
            G.RECORDS, "What a minute of a call costs by your plan, such as 0.35: shown as an estimate. 0 shows none."
        ),
    ] = 0.0
    retention_days: Annotated[
        int,
        NumberIn(0, 36_500, "days", zero="keep for ever"),
        About(
            G.RECORDS,
            "Sessions are deleted with all that was said in them after this many days. 0 keeps them.",
            see="operations.md#what-is-kept-and-for-how-long",
        ),
    ] = 0
    retention_at_tavus: Annotated[
        bool, YesOrNo(), About(G.RECORDS, "true also deletes their conversations at Tavus.")
    ] = False

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
        return tuple(addresses.host(one) for one in (self.public_url, *self.allowed_hosts.split()) if one)

    @field_validator("*")
    @classmethod
    def _fits_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        assert info.field_name is not None
        return part_of(cls.model_fields[info.field_name], SettingKind).fit(value)

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
