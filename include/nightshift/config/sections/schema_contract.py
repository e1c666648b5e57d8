"""The section `schema` of pipeline.yaml: what happens when the source's columns change."""

from typing import Literal

from pydantic import Field

from nightshift.config.model import Model

Policy = Literal["freeze", "evolve", "ignore_extra"]


class SchemaContract(Model):
    """What happens when the source's columns are no longer those of `columns`. Their order never matters."""

    policy: Policy = Field(
        "ignore_extra",
        description="`freeze`: any difference stops the batch. `ignore_extra`: columns that are not declared are left "
        "out; a declared one that is gone or has another type stops the batch. `evolve`: new columns are taken along, "
        "a declared one that nothing uses may go, and a new type is taken where the values still convert. Every "
        "difference is reported.",
    )
