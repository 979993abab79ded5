"""What is published is kept in a store: of each kind, as the tests of the store have them."""

from tests.store.conftest import (
    kept,
    kept_url,
    round_id,
    server,
    small_round,
    small_run,
    store,
    store_url,
    templates,
)

__all__ = ["kept", "kept_url", "round_id", "server", "small_round", "small_run", "store", "store_url", "templates"]
