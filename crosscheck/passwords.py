"""Passwords in addresses of databases: read however they are written, and never shown."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN: Final = "***"
STORE_VARIABLE: Final = "CROSSCHECK_STORE"

# What stands between the first colon and the last @ of an address is its password, whatever is in it.
_ADDRESS: Final = re.compile(r"(?P<before>[A-Za-z][\w+.-]*:(?://)?[^:@/?\s]*:)(?P<password>.*)(?P<after>@)", re.DOTALL)
_SETTING: Final = re.compile(
    r"(?P<name>\w*(?:password|passwd|secret|token)\w*)=(?P<value>'[^']*'|\"[^\"]*\"|[^&\s]+)", re.IGNORECASE
)
_SHORTEST: Final = 3  # a password of two letters would be found in any text


def hide_passwords(text: str, passwords: Iterable[str] = ()) -> str:
    """The same text without a password: in an address, in a setting such as `?password=`, or by itself.

    Args:
        text: what is to be shown to people, or written where others may read it.
        passwords: further ones that must not be in it; those of the command line and the environment are known.
    """
    known = {*passwords, *_given_passwords()}
    for password in sorted({form for one in known for form in _forms(one)}, key=len, reverse=True):
        text = re.sub(re.escape(password), HIDDEN, text, flags=re.IGNORECASE)  # codes are shown in capitals
    text = _SETTING.sub(rf"\g<name>={HIDDEN}", text)
    return re.sub(r"\S+://\S+", lambda found: _ADDRESS.sub(rf"\g<before>{HIDDEN}\g<after>", found[0]), text)


def readable_address(address: str) -> str:
    """An address as libraries read it: signs such as @ and / in the password are encoded.

    A question mark before the last @ can't be told from the one that begins the settings, and must be encoded already.
    """
    place, mark, settings = address.partition("?")
    found = _ADDRESS.match(place)
    if not found:
        return address
    password = quote(unquote(found["password"]), safe="")
    return f"{found['before']}{password}{place[found.end('password') :]}{mark}{settings}"


def passwords_of(address: str) -> set[str]:
    """Every password that an address holds."""
    found = {setting["value"] for setting in _SETTING.finditer(address)}
    if match := _ADDRESS.match(address):
        found.add(match["password"])
    return found


def _given_passwords() -> set[str]:
    given = (*(re.sub("^--[a-z-]+=", "", word) for word in sys.argv[1:]), os.environ.get(STORE_VARIABLE, ""))
    found = {password for one in given for password in passwords_of(one)}
    return found | {os.environ.get("PGPASSWORD", "")}


def _forms(password: str) -> set[str]:
    """A password as it stands, and as addresses have it."""
    return {form for form in (password, unquote(password), quote(password, safe="")) if len(form) >= _SHORTEST}
