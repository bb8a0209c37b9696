"""Virtual patients for warfarin: covariates, genotypes, individual parameters, traits."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.description import plain_numbers
from hemosim_jax.core.node import Node
from hemosim_jax.core.options import check_choice
from hemosim_jax.core.random_draws import as_normal, as_uniform, divide, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.tasks.warfarin import disturbances
from hemosim_jax.tasks.warfarin.covariates import (
    CYP2C9_GENOTYPES,
    RACES,
    VKORC1_GENOTYPES,
    Calibration,
    Covariates,
    RandomEffects,
)
from hemosim_jax.tasks.warfarin.disturbances import Risks, Traits
from hemosim_jax.tasks.warfarin.genotypes import (
    ANCESTRIES,
    UNSEEN,
    UNSEEN_FREQUENCIES,
    UnseenAlleles,
    cyp2c9_frequencies,
    draw_unseen,
    unseen_effects,
    vkorc1_frequencies,
)
from hemosim_jax.tasks.warfarin.model import WarfarinModel

# Bounds within which covariates are drawn; also the scale of the observation.
AGE_Y = (18.0, 95.0)
WEIGHT_KG = (40.0, 150.0)
HEIGHT_CM = (140.0, 205.0)
BASELINE_INR = (1.0, 1.3)
BASELINE_INR_SD = 0.06  # assumption: between-patient SD of the drug-free INR

# Of the IWPC development half, by race group: share of women; age (mean, SD, y); height (mean, SD,
# cm) of women, men; median and log-SD of weight (kg) of women, men; correlation of height and
# log-weight; prevalence of amiodarone, enzyme inducers, smoking. "Latino" rests on the 17 subjects
# recorded as Hispanic (assumption), with the prevalences of the whole.
_DEMOGRAPHICS = {
    "European": ("White", 0.40, (66.2, 15.1), ((162.0, 7.4), (176.5, 7.8)),
                 ((73.3, 0.240), (87.4, 0.202)), 0.36, (0.062, 0.028, 0.134)),
    "African": ("Black", 0.52, (59.6, 15.3), ((164.2, 7.6), (179.1, 7.8)),
                ((84.8, 0.281), (97.8, 0.236)), 0.38, (0.059, 0.017, 0.193)),
    "East Asian": ("Asian", 0.42, (62.8, 13.0), ((154.1, 6.1), (165.3, 6.4)),
                   ((54.2, 0.169), (64.7, 0.168)), 0.51, (0.037, 0.007, 0.035)),
    "Latino": ("Mixed or missing", 0.42, (56.8, 15.0), ((152.6, 7.1), (169.8, 6.8)),
               ((66.0, 0.16), (81.5, 0.21)), 0.42, (0.058, 0.019, 0.128)),
}  # fmt: skip


class Population(Node):
    """The distributions patients are drawn from; every leaf a parameter that may be vmapped."""

    cyp2c9: tuple[Scalar, ...]  # genotype frequencies, in the order of CYP2C9_GENOTYPES
    vkorc1: tuple[Scalar, ...]
    unseen: tuple[Scalar, ...]  # allele frequencies, in the order of `genotypes.UNSEEN`
    race: int
    female: Scalar
    age_y: tuple[Scalar, Scalar]  # mean, SD
    height_cm: tuple[tuple[Scalar, Scalar], tuple[Scalar, Scalar]]  # of women, of men
    weight_kg: tuple[tuple[Scalar, Scalar], tuple[Scalar, Scalar]]  # median and SD of the log
    height_weight_correlation: Scalar
    amiodarone: Scalar  # prevalences
    enzyme_inducer: Scalar
    smoker: Scalar
    variability: Scalar  # scale of all random effects; 1: as calibrated
    calibration: Calibration


class Patient(Node):
    """One virtual patient, ready to be dosed."""

    covariates: Covariates
    alleles: UnseenAlleles
    parameters: Any  # of the model chosen
    traits: Traits


def of_ancestry(ancestry: str, calibration: Calibration) -> Population:
    """All genotypes and the full variability.

    **Raises:** `ValueError` for an unknown ancestry.
    """
    check_choice("ancestry", ancestry, ANCESTRIES)
    race, female, age, height, weight, correlation, prevalence = _DEMOGRAPHICS[ancestry]
    return Population(
        cyp2c9=cyp2c9_frequencies(ancestry),
        vkorc1=vkorc1_frequencies(ancestry),
        unseen=UNSEEN_FREQUENCIES[ancestry],
        race=RACES.index(race),
        female=female,
        age_y=age,
        height_cm=height,
        weight_kg=weight,
        height_weight_correlation=correlation,
        amiodarone=prevalence[0],
        enzyme_inducer=prevalence[1],
        smoker=prevalence[2],
        variability=1.0,
        calibration=calibration,
    )


N_EFFECTS = 4
_N_NORMALS = 4 + N_EFFECTS
_N_UNIFORMS = 8  # of 16 bits; what happens to few leaves most of them to another question


def sample(key: jax.Array, population: Population, risks: Risks, model: WarfarinModel) -> Patient:
    """Draws one patient. Costs one vector of random bits and no integration."""
    draws = uniform_vector(key, _N_NORMALS + _N_UNIFORMS)
    z_age, z_height, z_weight, z_baseline, *z_effects = map(as_normal, draws[:_N_NORMALS])
    u_cyp2c9, u_sex, u_amiodarone, u_inducer, *u_traits = map(as_uniform, draws[_N_NORMALS:])
    amiodarone, u_start = divide(u_amiodarone, population.amiodarone)
    inducer, u_smoker = divide(u_inducer, population.enzyme_inducer)
    smoker, u_reduction = divide(u_smoker, population.smoker)
    female, u_vkorc1 = divide(u_sex, population.female)
    cyp2c9, u_unseen = _category(u_cyp2c9, population.cyp2c9)
    vkorc1, _ = _category(u_vkorc1, population.vkorc1)

    male = ~female
    height_mean, height_sd = _of_sex(male, population.height_cm)
    weight_median, weight_log_sd = _of_sex(male, population.weight_kg)
    rho = population.height_weight_correlation
    z_weight = rho * z_height + jnp.sqrt(1.0 - rho**2) * z_weight
    covariates = Covariates(
        age_y=jnp.clip(population.age_y[0] + population.age_y[1] * z_age, *AGE_Y),
        weight_kg=jnp.clip(weight_median * jnp.exp(weight_log_sd * z_weight), *WEIGHT_KG),
        height_cm=jnp.clip(height_mean + height_sd * z_height, *HEIGHT_CM),
        male=male,
        cyp2c9=cyp2c9,
        vkorc1=vkorc1,
        race=jnp.asarray(population.race, jnp.int32),
        amiodarone=amiodarone,
        enzyme_inducer=inducer,
        smoker=smoker,
        baseline_inr=_baseline_inr(z_baseline, population),
    )
    traits = disturbances.draw_traits((u_start, u_reduction, *u_traits), risks, amiodarone)
    return _patient(covariates, u_unseen, z_effects, traits, population, model)


def _patient(covariates, u_unseen, z_effects, traits, population, model):
    alleles = draw_unseen(u_unseen, population.unseen)
    effects = random_effects(z_effects, population.calibration, population.variability)
    clearance, ec50 = unseen_effects(alleles, population.unseen)
    effects = effects.replace(clearance_s=effects.clearance_s + clearance, ec50=effects.ec50 + ec50)
    parameters = model.individual_parameters(covariates, effects, population.calibration)
    return Patient(covariates, alleles, parameters, traits)


def sample_cohort(
    key: jax.Array, population: Population, risks: Risks, model: WarfarinModel, size: int
) -> Cohort:
    """`size` patients from a population."""
    keys = jax.random.split(key, size)
    return Cohort(jax.vmap(lambda k: sample(k, population, risks, model))(keys))


def complete(
    key: jax.Array,
    covariates: Covariates,
    population: Population,
    risks: Risks,
    model: WarfarinModel,
) -> Patient:
    """One patient with these covariates; unseen alleles, random effects and traits are drawn."""
    draws = uniform_vector(key, N_EFFECTS + 1 + disturbances.N_TRAIT_UNIFORMS)
    z_effects = list(map(as_normal, draws[:N_EFFECTS]))
    u_unseen, *u_traits = map(as_uniform, draws[N_EFFECTS:])
    traits = disturbances.draw_traits(u_traits, risks, covariates.amiodarone)
    return _patient(covariates, u_unseen, z_effects, traits, population, model)


def complete_cohort(
    key: jax.Array,
    covariates: Covariates,
    population: Population,
    risks: Risks,
    model: WarfarinModel,
) -> Cohort:
    """Real (stacked) covariates with what no file records, drawn as in `population`.

    Drawn are the drug-free INR (`covariates.baseline_inr` is replaced), unseen alleles, the random
    effects and the traits.
    """

    def one(patient_key, own):
        key_baseline, key_rest = jax.random.split(patient_key)
        (z_baseline,) = map(as_normal, uniform_vector(key_baseline, 1))
        own = own.replace(baseline_inr=_baseline_inr(z_baseline, population))
        return complete(key_rest, own, population, risks, model)

    return Cohort(jax.vmap(one)(jax.random.split(key, covariates.age_y.shape[0]), covariates))


def random_effects(
    normals: Sequence[Float[Array, ""]], calibration: Calibration, variability: Scalar
) -> RandomEffects:
    """Four standard normals scaled to the calibrated variability."""
    z_clearance_s, z_clearance_r, z_volume, z_ec50 = normals
    return RandomEffects(
        clearance_s=variability * calibration.omega_clearance_s * z_clearance_s,
        clearance_r=variability * calibration.omega_clearance_r * z_clearance_r,
        volume=variability * calibration.omega_volume * z_volume,
        ec50=variability * calibration.omega_ec50 * z_ec50,
    )


def _baseline_inr(z, population):
    return jnp.clip(
        population.calibration.typical_baseline_inr + BASELINE_INR_SD * z, *BASELINE_INR
    )


def _of_sex(male, pair):
    (women_center, women_spread), (men_center, men_spread) = pair
    return jnp.where(male, men_center, women_center), jnp.where(male, men_spread, women_spread)


def _category(uniform, frequencies):
    """The index of the category whose share of (0, 1) holds `uniform`, and where in it that is."""
    index, low, width = jnp.zeros((), jnp.int32), jnp.zeros_like(uniform), frequencies[0]
    bound = frequencies[0]
    for frequency in frequencies[1:]:
        beyond = uniform >= bound
        index = index + beyond.astype(jnp.int32)
        low, width = jnp.where(beyond, bound, low), jnp.where(beyond, frequency, width)
        bound = bound + frequency
    return index, jnp.clip((uniform - low) / jnp.maximum(width, 1e-6), 0.0, 1.0)


def describe(patient: Patient) -> dict[str, Any]:
    """Covariates by name, the individual parameters, and what is to come."""
    covariates = patient.covariates
    flags = ("amiodarone", "enzyme_inducer", "smoker")
    return {
        "sex": "male" if covariates.male else "female",
        "race": RACES[int(covariates.race)],
        "cyp2c9": CYP2C9_GENOTYPES[int(covariates.cyp2c9)],
        "vkorc1": VKORC1_GENOTYPES[int(covariates.vkorc1)],
        **{name: bool(getattr(covariates, name)) for name in flags},
        **{name: int(getattr(patient.alleles, name)) for name in UNSEEN},
        **plain_numbers(covariates, patient.parameters),
        "missed_dose_probability": round(float(patient.traits.missed_dose_probability), 4),
        "amiodarone_start_day": float(patient.traits.amiodarone_start_h) / 24.0,
        "lability": round(float(patient.traits.lability), 4),
    }
