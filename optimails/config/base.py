"""What every section of the configuration is made of."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the configuration file. Every field has a type, a default and a ``description`` (it is documented)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
