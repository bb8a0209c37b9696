"""`DICManagement-POMDP-v0`: what is not ordered from the laboratory is not known."""

from hemosim_jax.core.fields import Field
from hemosim_jax.core.laboratory.wrapper import Ordered, OrderedLaboratory
from hemosim_jax.core.options import Difficulty
from hemosim_jax.physiology import assay_catalog
from hemosim_jax.tasks.dic import environment
from hemosim_jax.tasks.dic.environment import (
    CascadeName,
    DICManagement,
    RewardName,
    TreatmentsName,
)
from hemosim_jax.tasks.dic.population import WEIGHT_KG

PANEL = {
    "platelets": Ordered(assay_catalog.PLATELETS, environment.PLATELETS_1E9_PER_L),
    "prothrombin_time": Ordered(assay_catalog.PROTHROMBIN_TIME, Field("pt_s", "s", (0.0, 60.0))),
    "fibrinogen": Ordered(assay_catalog.FIBRINOGEN, environment.FIBRINOGEN_G_PER_L),
    "d_dimer": Ordered(assay_catalog.D_DIMER, environment.D_DIMER_MG_PER_L),
    "antithrombin": Ordered(assay_catalog.ANTITHROMBIN, Field("antithrombin", bounds=(0.0, 1.5))),
    "aptt": Ordered(assay_catalog.APTT, Field("aptt_s", "s", (0.0, 150.0))),
    "hemoglobin": Ordered(
        assay_catalog.HEMOGLOBIN, Field("hemoglobin_g_per_dl", "g/dL", (0.0, 20.0))
    ),
}


def dic_management_pomdp(
    difficulty: Difficulty = "medium",
    *,
    reward: RewardName = "outcome",
    treatments: TreatmentsName = "usual",
    cascade: CascadeName = "network",
    within_patient: bool = True,
    measurement_error: bool = True,
    slots: int = 4,
) -> OrderedLaboratory:
    """`DICManagement` by an ordered laboratory.

    Observation: of each assay of the panel (platelets, PT, fibrinogen, D-dimer, antithrombin, aPTT,
    hemoglobin) the newest result, whether there is one, its age (up to 48 h), whether one is under
    way; organ function, hours, severity of bleeding, weight. Action: that of `DICManagement`,
    then an order (0 or 1) for each assay. Reward: that of `DICManagement`, less 0.004 for each
    franc of orders. Platelets, PT, fibrinogen, D-dimer and hemoglobin of admission are known at the
    start. Options: those of `DICManagement`, and `slots`.

    **Raises:** `ValueError` as `DICManagement`, or if `slots` is less than 1.
    """
    return OrderedLaboratory(
        DICManagement(
            difficulty,
            reward=reward,
            treatments=treatments,
            cascade=cascade,
            within_patient=within_patient,
            measurement_error=measurement_error,
        ),
        PANEL,
        name="DICManagement-POMDP-v0" if reward == "equation4" else "DICManagement-POMDP-v1",
        version="3" if reward == "equation4" else "1",
        visible=(
            environment.ORGAN_FUNCTION,
            environment.HOURS,
            environment.BLEEDING,
            Field("weight_kg", "kg", WEIGHT_KG),
        ),
        on_admission=("platelets", "prothrombin_time", "fibrinogen", "d_dimer", "hemoglobin"),
        slots=slots,
    )
