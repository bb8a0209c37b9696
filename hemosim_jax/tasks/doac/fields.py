"""What is observed and decided in `DOACManagement-v0`."""

from hemosim_jax.core.fields import ActionFields, Field, ObservationFields, category
from hemosim_jax.tasks.doac import drugs, population

NO_DRUG = -1

PATIENT_FIELDS = (
    Field("concentration_ng_per_ml", "ng/mL", (0.0, 500.0)),
    Field("creatinine_clearance_ml_per_min", "mL/min", (0.0, 150.0)),
    Field("age_y", "y", population.AGE_Y),
    Field("weight_kg", "kg", population.WEIGHT_KG),
    Field("cha2ds2_vasc", bounds=(0.0, 9.0), kind="count"),
    Field("has_bled", bounds=(0.0, 9.0), kind="count"),
    Field("days", "d", (0.0, 365.0), open_above=True),
)


def fields(number_of_drugs: int, one_hot: bool = False) -> tuple[ObservationFields, ActionFields]:
    """With the first `number_of_drugs` drugs; `one_hot` as the task's option."""
    names = drugs.DRUGS[:number_of_drugs]
    # Before the first visit none: the code -1.
    taken = Field(
        "drug",
        bounds=(float(NO_DRUG), float(number_of_drugs - 1)),
        kind="category",
        one_hot=one_hot,
        levels=("none", *names),
    )
    decided = (
        category("drug", tuple(range(number_of_drugs)), names=names),
        category("level", tuple(range(len(drugs.LEVELS))), names=drugs.LEVELS),
    )
    return ObservationFields((*PATIENT_FIELDS, taken)), ActionFields(decided)
