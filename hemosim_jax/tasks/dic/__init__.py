"""Disseminated intravascular coagulation: a week of blood products and heparin."""

from functools import partial

from hemosim_jax.core.task import DisplaySpec, Outcome, Signal, Task, Variant
from hemosim_jax.tasks.dic import cohort, metrics, population, protocols
from hemosim_jax.tasks.dic.environment import DICManagement
from hemosim_jax.tasks.dic.pomdp import dic_management_pomdp

TASK = Task(
    variants={
        "DICManagement-v1": Variant(DICManagement, protocols.PROTOCOLS),
        "DICManagement-POMDP-v1": Variant(dic_management_pomdp, protocols.POMDP_PROTOCOLS),
        "DICManagement-v0": Variant(
            partial(DICManagement, reward="equation4"), protocols.PROTOCOLS
        ),
        "DICManagement-POMDP-v0": Variant(
            partial(dic_management_pomdp, reward="equation4"), protocols.POMDP_PROTOCOLS
        ),
    },
    metrics=metrics.metrics,
    groups={"cause": tuple(cause.name for cause in population.CAUSES)},
    describe=population.describe,
    complete_cohort=cohort.complete_cohort,
    complete_patient=cohort.complete_patient,
    covariates=cohort.COVARIATES,
    display=DisplaySpec(
        time=Signal("hours", "hours"),
        signals=(
            Signal("isth_score", "ISTH score (5: overt DIC)", (0.0, 4.0)),
            Signal("organ_function", "organ function"),
            Signal("bleeding", "severity of bleeding"),
        ),
        treatments=(
            Signal("platelet_units", "platelets, units"),
            Signal("plasma_units", "plasma, units"),
            Signal("cryoprecipitate_units", "cryoprecipitate, units"),
            Signal("heparin_u_per_h", "heparin, U/h"),
        ),
        outcomes=(
            Outcome("mortality_28_d_percent", "28-day mortality, %"),
            Outcome("bled_percent", "patients with a severe bleed, %"),
            Outcome("overt_percent", "decisions with overt DIC, %"),
        ),
        events=(Signal("severe_bleeding", "severe bleed"), Signal("died", "died")),
    ),
)
