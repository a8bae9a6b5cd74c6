"""Settings become services: accounts kept apart, a key sent nowhere while its address can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from lib import wiring
from lib.errors import GreenroomError, NotSent, SettingsWrong
from lib.settings import Loaded, Settings, load
from tests.house import KEY

SECOND = "tvsk_another_account"


def loaded(**values: object) -> Loaded:
    return Loaded(Settings(**values), (), (), {})  # type: ignore[arg-type]


def test_a_wrong_address_is_not_replaced_by_tavus_itself(tmp_path: Path) -> None:
    read = load(tmp_path, {"TAVUS_API_KEY": KEY, "TAVUS_BASE_URL": "http://example.com"})
    assert [problem.name for problem in read.problems] == ["TAVUS_BASE_URL"]
    services = wiring.build(tmp_path, read)
    assert services.tavus.base_url == ""
    with pytest.raises(NotSent):
        services.catalogue.personas()
    services.close()


def test_every_key_and_address_has_an_account_of_its_own_that_gives_no_key_away() -> None:
    here, there = "https://tavusapi.com/v2", "https://proxy.example/v2"
    accounts = [
        wiring.account_of(loaded(tavus_api_key=SecretStr(key), tavus_base_url=url))
        for key in (KEY, SECOND)
        for url in (here, there)
    ]
    accounts.append(wiring.account_of(loaded()))
    assert len(set(accounts)) == 5
    assert wiring.account_of(loaded(tavus_api_key=SecretStr(KEY), tavus_base_url=here)) == accounts[0]
    assert not any(KEY in account or KEY[-8:] in account for account in accounts)


def test_the_sandbox_of_a_dashboard_is_the_same_account_from_outside_and_one_of_its_own_is_another() -> None:
    def account(url: str) -> str:
        return wiring.account_of(loaded(tavus_api_key=wiring.SANDBOX_KEY, tavus_base_url=url))

    assert account("http://127.0.0.1:8501/sandbox/v2") == wiring.account_of(loaded()) == wiring.SANDBOX_ACCOUNT
    assert account("http://127.0.0.1:8790/v2") != wiring.SANDBOX_ACCOUNT
    assert account("https://example.com/sandbox/v2") != wiring.SANDBOX_ACCOUNT


def test_the_sandbox_is_mounted_only_without_a_key(tmp_path: Path) -> None:
    without, with_key = wiring.build(tmp_path, loaded()), wiring.build(tmp_path, loaded(tavus_api_key=SecretStr(KEY)))
    assert without.sandbox_app is not None
    assert with_key.sandbox_app is None
    assert with_key.sandbox_base == ""
    for services in (without, with_key):
        services.close()


def test_services_that_are_not_there_yet_are_a_known_error() -> None:
    wiring.install(None)
    with pytest.raises(SettingsWrong) as error:
        wiring.current()
    assert isinstance(error.value, GreenroomError)


def test_what_is_wrong_with_the_settings_is_in_the_log_without_a_value_that_may_be_a_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    services = wiring.build(tmp_path, load(tmp_path, {"MAX_CALL_S": "soon", "TAVUS_BASE_URL": "ftp://tvsk_secret"}))
    services.open("http://127.0.0.1:9")
    services.close()
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any(line.startswith("MAX_CALL_S: ") and "restart" in line for line in told)
    assert any(line.startswith("TAVUS_BASE_URL: ") for line in told) and "tvsk_secret" not in caplog.text
