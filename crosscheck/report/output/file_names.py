"""What the files about one organisation are called: safe on every disk, and different for different codes."""

from __future__ import annotations

import re
from urllib.parse import quote


def page_of(org_code: str) -> str:
    """The name of an organisation's page. Codes are letters and digits; anything else is written as its number."""
    return re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}", org_code) + ".html"


def file_stem(org_code: str) -> str:
    """What an organisation's forms and letters are called: its code, with whatever a path would misread escaped."""
    return quote(org_code, safe="")
