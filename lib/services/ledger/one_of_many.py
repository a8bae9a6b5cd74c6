"""One thing's failure keeps none of the others waiting."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from lib.errors import GreenroomError, StoreRefused, StoreUnfit

log = logging.getLogger(__name__)


@contextmanager
def one_of_many(what: str) -> Iterator[None]:
    """Log what it fails with, so that the next one has its turn. Raises StoreRefused where all would meet it."""
    try:
        yield
    except StoreUnfit as error:
        log.error("%s could not be seen to: %s", what, error.message)
    except StoreRefused:
        raise
    except GreenroomError as error:
        log.warning("%s could not be seen to: %s", what, error.code)
    except Exception:
        log.exception("%s could not be seen to", what)
