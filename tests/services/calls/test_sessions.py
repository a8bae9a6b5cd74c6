"""A session from its start to its record, against the sandbox over real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import requests
from pydantic import SecretStr

from lib.errors import BadInput, Conflict, NotFound
from lib.models import CallSettings, Mode, Session, Status
from lib.services.ledger.ledger import Ledger
from lib.settings import SettingProblem
from lib.wiring import Services
from tests.databases import written
from tests.house import ANNA, GUIDE, demo, fault, house, log, reaches, until
from tests.sandbox_server import running_sandbox

CREATE = "POST /v2/conversations"
Housed = Callable[..., AbstractContextManager[Services]]


@pytest.fixture(scope="module")
def sandbox_server() -> Iterator[str]:
    with running_sandbox(reply=lambda persona, context, turns: f"Reply {len(turns)}") as running:
        yield running.url


@pytest.fixture
def sandbox(sandbox_server: str) -> str:
    requests.post(f"{sandbox_server}/_sandbox/reset", timeout=5)
    return sandbox_server


@pytest.fixture
def housed(sandbox: str, tmp_path: Path, database_url: str) -> Housed:
    """Services on this test's database; two of them in turn are a restart."""
    return partial(house, sandbox, tmp_path, database=database_url)


@pytest.fixture
def services(housed: Housed) -> Iterator[Services]:
    with housed() as made:
        yield made


def creates(sandbox: str) -> int:
    return len([entry for entry in log(sandbox, CREATE) if entry["path"].rstrip("/").endswith("conversations")])


def test_a_start_answers_at_once_and_becomes_live_when_the_replica_has_joined(services: Services, sandbox: str) -> None:
    session = services.sessions.start(demo(services).id, token="t1")
    assert session.status is Status.STARTING
    assert session.mode is Mode.PHOENIX_REST
    live = reaches(services, session, Status.LIVE)
    assert live.conversation_id
    assert services.sessions.room_url(live) == live.conversation_url == f"{sandbox}/room/{live.conversation_id}"
    assert creates(sandbox) == 1


def test_waiting_for_a_slow_start_ends_in_time_and_the_start_goes_on(services: Services, sandbox: str) -> None:
    fault(sandbox, CREATE, delay_s=0.5)
    session = services.sessions.start_and_wait(demo(services).id, token="t", timeout_s=0.05)
    assert session.status is Status.STARTING
    reaches(services, session, Status.LIVE)
    assert creates(sandbox) == 1


def test_all_three_timers_are_sent_with_every_call_and_the_name_is_ours(services: Services, sandbox: str) -> None:
    call = CallSettings(language="German", greeting="Hallo", context="Quarterly review", max_call_s=90)
    agent = demo(services, call=call)
    reaches(services, services.sessions.start(agent.id, token="t"), Status.WAITING, Status.LIVE)
    body = log(sandbox, CREATE)[0]["body"]
    assert body["properties"] == {
        "max_call_duration": 90,
        "participant_absent_timeout": 120,
        "participant_left_timeout": 30,
        "language": "German",
    }
    assert body["conversation_name"].startswith(services.store.meta("prefix") + "-s-")
    assert (body["custom_greeting"], body["conversational_context"]) == ("Hallo", "Quarterly review")


def test_the_same_click_twice_is_one_call_and_both_see_it(services: Services, sandbox: str) -> None:
    agent = demo(services)
    gate = threading.Barrier(8)

    def click() -> str:
        gate.wait()
        return services.sessions.start(agent.id, token="one click").id

    with ThreadPoolExecutor(8) as pool:
        ids = {job.result() for job in [pool.submit(click) for _ in range(8)]}
    assert len(ids) == 1
    reaches(services, services.sessions.get(ids.pop()), Status.WAITING, Status.LIVE)
    assert creates(sandbox) == 1


def test_a_token_used_for_something_else_is_refused_and_sends_nothing(services: Services, sandbox: str) -> None:
    first, other = demo(services), demo(services, name="Other")
    services.sessions.start_and_wait(first.id, token="t")
    with pytest.raises(Conflict):
        services.sessions.start(other.id, token="t")
    assert creates(sandbox) == 1


def test_parallel_starts_at_a_limit_of_two_send_exactly_two(sandbox: str, housed: Housed) -> None:
    with housed(max_concurrent_calls=2) as services:
        agent = demo(services)
        with ThreadPoolExecutor(10) as pool:
            jobs = [pool.submit(services.sessions.start_and_wait, agent.id, token=f"t{number}") for number in range(10)]
            sessions = [job.result() for job in jobs]
        assert creates(sandbox) == 2
        refused = [session for session in sessions if session.mode is Mode.TEXT]
        assert len(refused) == 8
        assert {session.reason_code for session in refused} == {"max_concurrent_calls"}
        assert all(session.status is Status.LIVE and session.reason_hint for session in refused)


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"daily_minutes": 15}, "daily_minutes"), ({"max_starts_per_minute": 1}, "max_starts_per_minute")],
)
def test_reserved_minutes_and_starts_count_against_the_limits(
    limits: dict[str, int], code: str, sandbox: str, housed: Housed
) -> None:
    with housed(**limits) as services:
        agent = demo(services)
        assert services.sessions.start_and_wait(agent.id, token="1").mode is Mode.PHOENIX_REST
        second = services.sessions.start_and_wait(agent.id, token="2")
        assert (second.mode, second.reason_code) == (Mode.TEXT, code)
        assert creates(sandbox) == 1


def test_minutes_that_an_early_end_did_not_use_are_given_back(housed: Housed) -> None:
    with housed(daily_minutes=15) as services:
        agent = demo(services)
        first = services.sessions.start_and_wait(agent.id, token="1")
        assert (services.sessions.allowance().minutes_used, services.sessions.allowance().minutes_left) == (0, 5)
        services.sessions.end(first.id)
        reaches(services, first, Status.ENDED)
        assert 0 < services.sessions.allowance().minutes_used < 1
        assert services.sessions.allowance().minutes_reserved == 0
        assert services.sessions.start_and_wait(agent.id, token="2").mode is Mode.PHOENIX_REST


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"status": 401, "body": {"message": "Invalid access token"}}, "key_refused"),
        ({"status": 402, "body": {"message": "The user is out of conversational credits"}}, "out_of_credit"),
        ({"status": 400, "body": {"message": "User has reached maximum concurrent conversations"}}, "slots_full"),
        ({"status": 404, "html": True}, None),
        ({"status": 429, "body": {"error": "slow down"}}, "rate_limited"),
    ],
)
def test_a_refusal_goes_on_as_text_with_its_cause_and_is_not_sent_again(
    how: dict[str, object], code: str | None, services: Services, sandbox: str
) -> None:
    fault(sandbox, CREATE, **how)
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    assert (session.mode, session.status) == (Mode.TEXT, Status.LIVE)
    assert session.reason
    assert session.reason_hint
    assert code is None or session.reason_code == code
    assert "<" not in session.reason
    assert creates(sandbox) == 1
    assert services.sessions.allowance().open_calls == 0
    assert services.chats.say(session.id, "Hello?").content


@pytest.mark.parametrize(
    "how",
    [
        {"drop": "after"},
        {"truncate": True},
        {"status": 500, "act": True, "body": {"error": "boom"}},
        {"status": 200, "act": True, "html": True},
    ],
    ids=["dropped", "truncated", "500", "html"],
)
def test_a_call_that_was_made_though_its_answer_was_lost_is_found_and_kept(
    how: dict[str, object], services: Services, sandbox: str
) -> None:
    fault(sandbox, CREATE, **how)
    session = services.sessions.start(demo(services).id, token="t")
    live = reaches(services, session, Status.LIVE)
    assert live.conversation_id
    assert live.reason == ""
    assert creates(sandbox) == 1
    assert "checking" in [event.kind for event in services.sessions.timeline(session.id)]


def test_a_call_that_was_never_made_counts_against_the_limits_until_that_is_certain(
    housed: Housed, sandbox: str
) -> None:
    with housed(reconcile_horizon_s=1) as services:
        fault(sandbox, CREATE, drop="before")
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert reaches(services, session, Status.UNKNOWN).reason
        assert services.sessions.allowance().open_calls == 1
        until(lambda: len(log(sandbox, "GET /v2/conversations")) >= 4)
        assert services.sessions.get(session.id).status is Status.UNKNOWN
        failed = reaches(services, session, Status.FAILED)
        assert failed.reason_code == "not_created"
        assert services.sessions.allowance().open_calls == 0
        assert creates(sandbox) == 1


def test_a_list_that_fails_concludes_nothing(housed: Housed, sandbox: str) -> None:
    with housed(reconcile_horizon_s=0.5) as services:
        requests.post(
            f"{sandbox}/_sandbox/faults",
            json=[
                {"route": CREATE, "drop": "after", "times": 1},
                {"route": "GET /v2/conversations", "status": 500, "times": 30},
            ],
            timeout=5,
        )
        session = services.sessions.start(demo(services).id, token="t")
        seen: set[Status] = set()

        def live() -> bool:
            seen.add(services.sessions.get(session.id).status)
            return Status.LIVE in seen

        until(live, within_s=30)
        assert Status.FAILED not in seen


def test_a_closed_port_is_refused_at_once_and_holds_no_slot(tmp_path: Path) -> None:
    with house("http://127.0.0.1:9", tmp_path) as services:
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert (session.mode, session.reason_code) == (Mode.TEXT, "refused")
        assert services.sessions.allowance().open_calls == 0


def test_many_looks_at_an_open_session_are_few_reads_and_see_at_once_what_this_process_does(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = demo(services)
    session = services.sessions.start_and_wait(agent.id, token="t")
    reaches(services, session, Status.LIVE)
    reads: list[None] = []
    read, one = Ledger.open, Ledger.get

    def opened(ledger: Ledger) -> list[Session]:
        reads.append(None)
        return read(ledger)

    def got(ledger: Ledger, session_id: str) -> Session:
        reads.append(None)
        return one(ledger, session_id)

    monkeypatch.setattr(Ledger, "open", opened)
    monkeypatch.setattr(Ledger, "get", got)
    assert {services.sessions.recent(session.id).status for _ in range(50)} == {Status.LIVE}
    assert len(reads) < 10
    services.sessions.open().clear()
    assert services.sessions.recent(session.id).status is services.sessions.open()[0].status is Status.LIVE
    services.sessions.end(session.id)
    assert services.sessions.recent(session.id).status in (Status.ENDING, Status.ENDED)
    ended = reaches(services, session, Status.ENDED)
    assert services.sessions.recent(session.id) == ended
    assert services.sessions.open() == []
    with pytest.raises(NotFound):
        services.sessions.recent("s-of-nobody")


def test_end_is_said_at_once_then_confirmed_with_its_reason_and_its_record(services: Services, sandbox: str) -> None:
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    reaches(services, session, Status.LIVE)
    requests.post(f"{session.conversation_url}/join", timeout=5)
    requests.post(f"{session.conversation_url}/say", json={"text": "What can you show me?"}, timeout=10)
    assert services.sessions.end(session.id).status is Status.ENDING
    ended = reaches(services, session, Status.ENDED)
    assert ended.end_reason == "You ended it"
    turns = until(lambda: services.sessions.turns(session.id))
    assert [turn.role for turn in turns if turn.role != "system"] == ["assistant", "user", "assistant"]
    assert turns[-2].content == "What can you show me?"
    until(lambda: "no perception model" in services.sessions.get(session.id).perception.lower())
    assert services.sessions.end(session.id).status is Status.ENDED
    assert len(log(sandbox, f"POST /v2/conversations/{session.conversation_id}/end")) == 1


def test_an_end_that_tavus_fails_at_is_tried_until_it_holds(services: Services, sandbox: str) -> None:
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    fault(sandbox, "POST /v2/conversations/*/end", status=500, times=3)
    services.sessions.end(session.id)
    assert reaches(services, session, Status.ENDED).end_code == "end_conversation_endpoint_hit"


def test_a_tavus_that_can_not_be_reached_is_named_and_an_end_can_be_asked_for_again(
    services: Services, sandbox: str
) -> None:
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    assert services.sessions.trouble(session.id) is None
    fault(sandbox, "* /v2/*", status=401, times=-1)
    services.sessions.end(session.id)
    trouble = until(lambda: services.sessions.trouble(session.id))
    assert "refused the key" in trouble.message
    assert trouble.hint
    assert services.sessions.end(session.id).status is Status.ENDING
    assert until(lambda: services.sessions.trouble(session.id)).since == trouble.since
    requests.post(f"{sandbox}/_sandbox/faults", json=[], timeout=5)
    services.sessions.end(session.id)
    reaches(services, session, Status.ENDED)
    until(lambda: services.sessions.trouble(session.id) is None)


def test_ending_while_the_start_is_under_way_leaves_no_call_behind(services: Services, sandbox: str) -> None:
    fault(sandbox, CREATE, delay_s=0.4)
    session = services.sessions.start(demo(services).id, token="t")
    until(lambda: creates(sandbox) or services.sessions.get(session.id).status is Status.STARTING)
    services.sessions.end(session.id)
    reaches(services, session, Status.ENDED)
    rows = requests.get(
        f"{sandbox}/v2/conversations", params={"status": "active"}, headers={"x-api-key": "k"}, timeout=5
    ).json()
    assert rows["total_count"] == 0


@pytest.mark.parametrize(
    ("seconds", "joins", "words"),
    [(121, False, "Nobody joined within 2 min"), (601, True, "Time limit reached, 10 min")],
)
def test_a_call_that_tavus_ends_is_ended_here_too_and_says_why(
    seconds: int, joins: bool, words: str, services: Services, sandbox: str
) -> None:
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    if joins:
        requests.post(f"{session.conversation_url}/join", timeout=5)
        for _ in range(seconds // 10):
            requests.post(f"{session.conversation_url}/beat", timeout=5)
            requests.post(f"{sandbox}/_sandbox/clock", json={"advance_s": 10}, timeout=5)
    requests.post(f"{sandbox}/_sandbox/clock", json={"advance_s": seconds}, timeout=5)
    assert reaches(services, session, Status.ENDED).end_reason == words


def test_a_restart_in_the_middle_of_a_start_finds_the_call_and_makes_no_second(sandbox: str, housed: Housed) -> None:
    with housed() as first:
        agent = demo(first)
        session = first.sessions.start_and_wait(agent.id, token="t")
        with first.store.writing() as connection:
            connection.exec_driver_sql(
                "UPDATE sessions SET status='starting', conversation_id=NULL, conversation_url=''"
            )
    with housed() as second:
        live = reaches(second, session, Status.LIVE)
        assert live.conversation_id == session.conversation_id
        assert second.sessions.start(agent.id, token="t").id == session.id
    assert creates(sandbox) == 1


def test_a_private_room_is_shown_with_its_token_which_is_kept_in_memory_only(housed: Housed, tmp_path: Path) -> None:
    with housed() as first:
        session = first.sessions.start_and_wait(demo(first, call=CallSettings(private_room=True)).id, token="t")
        url = first.sessions.room_url(session)
        token = url.partition("?t=")[2]
        assert len(token) > 20
        reaches(first, session, Status.LIVE)
        assert session.id in written(first.store)
        assert token not in written(first.store)
    assert token.encode() not in b"".join(path.read_bytes() for path in tmp_path.glob("*.db*"))
    with housed() as second:
        assert second.sessions.room_url(second.sessions.get(session.id)) == ""


def test_a_room_at_a_strange_address_is_never_shown_and_ended_again(services: Services, sandbox: str) -> None:
    made = requests.post(
        f"{sandbox}/v2/conversations", json={"persona_id": GUIDE}, headers={"x-api-key": "k"}, timeout=5
    ).json()
    fault(sandbox, CREATE, status=200, body={**made, "conversation_url": "https://evil.example/room"})
    session = services.sessions.start_and_wait(demo(services).id, token="t")
    assert services.sessions.room_url(services.sessions.get(session.id)) == ""
    ended = reaches(services, session, Status.ENDED)
    assert "not one that Greenroom may show" in ended.reason
    now = requests.get(
        f"{sandbox}/v2/conversations/{made['conversation_id']}", headers={"x-api-key": "k"}, timeout=5
    ).json()
    assert now["status"] == "ended"


def test_a_wrong_setting_starts_no_paid_call(sandbox: str, housed: Housed) -> None:
    problem = SettingProblem("MAX_CALL_S", "is not a number", "Write 600.")
    with housed(problems=(problem,)) as services:
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert session.mode is Mode.TEXT
        assert "MAX_CALL_S" in session.reason
    assert creates(sandbox) == 0


def test_pipecat_daily_goes_on_as_text_unless_the_setting_allows_the_other_paid_mode(
    sandbox: str, housed: Housed
) -> None:
    with housed(tavus_avatar_mode="pipecat_daily") as services:
        session = services.sessions.start_and_wait(demo(services).id, token="t")
        assert (session.mode, session.reason_code) == (Mode.TEXT, "missing_keys")
        assert "DAILY_API_KEY" in session.reason
    assert creates(sandbox) == 0
    allowed = {"tavus_avatar_mode": "pipecat_daily", "tavus_avatar_fallback": "phoenix_rest"}
    with housed(**allowed) as services:
        assert services.sessions.start_and_wait(demo(services).id, token="u").mode is Mode.PHOENIX_REST


def test_text_chat_answers_in_the_personas_role_and_is_kept(services: Services, sandbox: str) -> None:
    services.catalogue.personas()
    session = services.sessions.start_and_wait(demo(services).id, token="t", enable_avatar=False)
    assert (session.mode, session.status, session.reason) == (Mode.TEXT, Status.LIVE, "")
    answers = [services.chats.say(session.id, text).content for text in ("Hello", "Hello", "What do you cost?")]
    assert len(set(answers)) == 3
    roles = [turn.role for turn in services.sessions.turns(session.id)]
    assert roles == ["assistant", *["user", "assistant"] * 3], "the greeting is part of the record"
    assert services.sessions.end(session.id).status is Status.ENDED
    with pytest.raises(Conflict):
        services.chats.say(session.id, "Still there?")
    assert creates(sandbox) == 0


def test_what_does_not_exist_is_named(services: Services) -> None:
    with pytest.raises(NotFound, match="no agent"):
        services.sessions.start("nobody", token="t")
    with pytest.raises(NotFound, match="no session"):
        services.sessions.get("s-none")


def test_pages_of_sessions_are_stable_and_filters_narrow_them(services: Services) -> None:
    agents = [demo(services, name=name) for name in ("One", "Two")]
    for number in range(7):
        agent = agents[number % 2]
        session = services.sessions.start_and_wait(agent.id, token=f"t{number}", enable_avatar=False)
        services.chats.say(session.id, f"word{number} 100%")
    pages = [services.sessions.page(limit=3)]
    while (cursor := pages[-1].next) is not None:
        pages.append(services.sessions.page(limit=3, cursor=cursor))
    seen = [session.id for page in pages for session in page.items]
    assert len(seen) == len(set(seen)) == 7 == pages[0].total
    back = services.sessions.page(limit=3, cursor=pages[2].previous, newer=True)
    assert back.items == pages[1].items
    assert services.sessions.page(agent_id=agents[0].id).total == 4
    assert services.sessions.page(text="WORD3").total == 1
    assert services.sessions.page(text="two").total == 3
    assert services.sessions.page(text="100%").total == 7
    assert services.sessions.page(text="word3 100", agent_id=agents[0].id).total == 0
    assert services.sessions.page(statuses=("ended",)).total == 0
    for cursor in ("nonsense", "1" * 30 + "~x", "~"):
        with pytest.raises(BadInput):
            services.sessions.page(cursor=cursor)


def test_agents_and_sessions_of_another_account_are_not_shown(housed: Housed) -> None:
    with housed() as one:
        session = one.sessions.start_and_wait(demo(one).id, token="t", enable_avatar=False)
    with housed(tavus_api_key=SecretStr("tvsk_other")) as other:
        assert other.agents.all() == []
        assert other.sessions.page().total == 0
        with pytest.raises(NotFound):
            other.sessions.get(session.id)


def test_with_nothing_open_the_sweeper_asks_for_two_pages_when_it_starts_and_then_nothing(
    services: Services, sandbox: str
) -> None:
    until(lambda: services.ready)
    time.sleep(0.4)
    assert [(entry["method"], entry["path"]) for entry in log(sandbox)] == [("GET", "/v2/conversations")] * 2
    assert [entry["query"]["status"] for entry in log(sandbox)] == ["active", "ended"]


def test_an_agent_names_what_it_lacks(services: Services) -> None:
    personas, replicas = services.catalogue.personas(), services.catalogue.replicas()

    def codes(**changes: str) -> list[str]:
        return [item.code for item in services.agents.missing(demo(services, **changes), personas, replicas)]

    assert codes() == []
    assert codes(persona_id="") == ["no_persona"]
    assert codes(persona_id="pgone") == ["persona_gone"]
    assert codes(replica_id="rgone") == ["replica_gone"]
    assert codes(persona_id="", replica_id="") == ["no_replica", "no_persona"]
    assert codes(replica_id="") == []
    assert ANNA in {replica.id for replica in replicas.items}
