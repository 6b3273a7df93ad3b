"""Settings of the section Diagnosis: what the doctor does before and after."""

import dataclasses

from kerasnorm.training.settings.declaration import switch


@dataclasses.dataclass(frozen=True)
class DiagnosisSettings:
    """What the doctor looks at before and after training."""

    preflight: bool = switch(
        True,
        "Have the doctor check model and data before training, in about a second.",
    )
    examine: bool = switch(
        True,
        "Have the doctor examine the trained model, within a minute, for the report.",
    )
