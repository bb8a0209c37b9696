"""`EnoxaparinDosing-v0`: anti-Xa and creatinine by an ordered laboratory."""

from hemosim_jax.core.laboratory.wrapper import Ordered, OrderedLaboratory
from hemosim_jax.core.options import Difficulty
from hemosim_jax.physiology import assay_catalog
from hemosim_jax.tasks.lmwh import environment
from hemosim_jax.tasks.lmwh.environment import EnoxaparinDosing, PaperName


def enoxaparin_dosing(
    difficulty: Difficulty = "medium",
    *,
    model: PaperName = "feng2006",
    within_patient: bool = True,
    measurement_error: bool = True,
    slots: int = 4,
) -> OrderedLaboratory:
    """`EnoxaparinDosing` by an ordered laboratory; the creatinine of admission is known.

    Observation: of trough and peak anti-Xa and of creatinine the newest result, whether there is
    one, its age (up to 72 h), whether one is under way; age, weight, height, sex, hours since the
    last dose and that dose, hours. Action: dose, once or twice a day, and orders of the three. An
    order of the trough draws a sample now, before the dose; one of the peak asks for an assay of
    the sample that was drawn 4 h after the last dose (its age counts from the order; before the
    first dose it finds what is there without the drug). Reward: that of `EnoxaparinDosing`, less
    0.004 for each franc of orders. Options: those of `EnoxaparinDosing`, and `slots`.

    **Raises:** `ValueError` as `EnoxaparinDosing`, or if `slots` is less than 1.
    """
    return OrderedLaboratory(
        EnoxaparinDosing(
            difficulty,
            model=model,
            within_patient=within_patient,
            measurement_error=measurement_error,
        ),
        {
            "trough": Ordered(assay_catalog.ANTI_XA, environment.TROUGH),
            "peak": Ordered(assay_catalog.ANTI_XA, environment.PEAK),
            "creatinine": Ordered(assay_catalog.CREATININE, environment.CREATININE),
        },
        name="EnoxaparinDosing-v0",
        version="2",
        visible=(
            environment.AGE_Y,
            environment.WEIGHT_KG,
            environment.HEIGHT_CM,
            environment.MALE,
            environment.SINCE_DOSE_H,
            environment.DOSE,
            environment.HOURS,
        ),
        on_admission=("creatinine",),
        oldest_h=72.0,
        slots=slots,
    )
