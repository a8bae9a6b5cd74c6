"""The kept lists: two that are due are read side by side, and a failure of one is no failure of the other."""

from __future__ import annotations

import time

import pytest
from pydantic import SecretStr

from lib.clients.tavus import Tavus
from lib.errors import UpstreamError
from lib.services.catalogue import Catalogue
from tests.sandbox_server import running_sandbox


def test_both_lists_are_waited_for_together_and_a_rerun_asks_for_neither() -> None:
    with running_sandbox() as sandbox:
        tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr("k"))
        catalogue = Catalogue(tavus)
        sandbox.faults(*({"route": f"GET /v2/{name}", "delay_s": 0.8} for name in ("personas", "replicas")))
        begun = time.monotonic()
        catalogue.read_both(max_age_s=60)
        assert time.monotonic() - begun < 1.5
        assert catalogue.personas().items and catalogue.replicas().items
        asked = len(sandbox.log())
        catalogue.read_both(max_age_s=60)
        catalogue.read_both(max_age_s=None)
        assert len(sandbox.log()) == asked == 2
        tavus.close()


def test_a_list_that_fails_is_raised_to_who_asks_for_it_only() -> None:
    with running_sandbox() as sandbox:
        tavus = Tavus(base_url=sandbox.v2, api_key=SecretStr("k"))
        catalogue = Catalogue(tavus)
        sandbox.faults({"route": "GET /v2/personas", "status": 500, "times": 9})
        catalogue.read_both(max_age_s=60)
        assert catalogue.replicas().items
        with pytest.raises(UpstreamError):
            catalogue.personas()
        tavus.close()
