"""crosscheck: joins self-declarations with answers and other sources, and ranks, with reasons, whom to visit.

`import crosscheck as cc` offers the names of `__all__` (`interface`), which are read when the first is asked for: the
import alone takes no time. Every other name is the program's own, and may change without notice.
"""

import importlib

__version__ = "0.2.0"
__all__ = [
    "Capacity",
    "Checks",
    "Collection",
    "Learnt",
    "Standard",
    "Weighing",
    "check",
    "cross_check",
    "learn",
    "plan",
    "rank",
    "read",
    "score",
    "weigh",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"crosscheck has no public name {name}; there are {', '.join(__all__)}")
    # Not by an import statement: every room imports this package, and none may know the interface.
    found: object = getattr(importlib.import_module("crosscheck.interface"), name)
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
