"""What every section of the configuration is made of."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """A table of the configuration file. Every field has a type, a default and a ``description`` (it is documented).

    Relative ``Path`` values, defaults included, are taken from the folder of the configuration file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @field_validator("*", mode="after")
    @classmethod
    def _relative_to_the_file(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, Path) and info.context:
            return Path(info.context["folder"]) / value
        return value


def read_secret(path: Path) -> str:
    """The secret in a file: its first line, so that a final newline does no harm.

    Raises:
        OSError: when the file cannot be read.
        ValueError: when it is empty or not UTF-8.
    """
    first = path.read_bytes().partition(b"\n")[0].rstrip(b"\r").decode()
    if not first:
        raise ValueError(f"{path} has no secret on its first line")
    return first
