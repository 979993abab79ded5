"""What analysts state in a model file: nothing unknown, nothing missing, nothing changed afterwards."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from crosscheck.errors import ModelError
from crosscheck.toml_file import NotTomlError, parse_toml

if TYPE_CHECKING:
    from pathlib import Path


class ModelPart(BaseModel):
    """A part of a model file."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)


class Heading(ModelPart):
    """What every model file says of itself; `digest` is the SHA-256 of the file."""

    name: str
    version: str
    standard: str
    made_on: object
    made_by: str
    fitted_to: str
    digest: str


Model = TypeVar("Model", bound=Heading)


def read_model_file(file: Path, kind: type[Model]) -> Model:
    """Read a model file.

    Raises:
        ModelError: the file is missing, or with every missing, unknown or impossible entry at once.
    """
    if not file.is_file():
        raise ModelError(f"{file}: there is no such model file.")
    content = file.read_bytes()
    try:
        stated = parse_toml(content)
        return kind.model_validate(stated | {"digest": hashlib.sha256(content).hexdigest()})
    except NotTomlError as error:
        raise ModelError(f"{file}: {error}") from error
    except ValidationError as error:
        raise ModelError(
            f"{file}, {'.'.join(map(str, problem['loc']))}: {problem['msg']}." for problem in error.errors()
        ) from error
