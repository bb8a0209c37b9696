"""Patients already drawn, stacked along a first axis; an environment draws from them by index."""

from types import ModuleType

import jax
import jax.numpy as jnp
from flax import struct

from hemosim_jax.models.warfarin_covariates import Calibration, Covariates
from hemosim_jax.patients import warfarin, warfarin_course
from hemosim_jax.patients.draws import as_normal, as_uniform
from hemosim_jax.patients.draws import draw as draw_numbers
from hemosim_jax.patients.warfarin import N_EFFECTS, Patient, Population, random_effects
from hemosim_jax.patients.warfarin_course import CourseRisks


@struct.dataclass
class Cohort:
    """A fixed set of patients; every leaf of `patients` has the cohort's size as first axis."""

    patients: Patient

    @property
    def size(self) -> int:
        """How many patients."""
        return self.patients.covariates.age_y.shape[0]


def sample_cohort(
    key: jax.Array, of: Population, risks: CourseRisks, model: ModuleType, size: int
) -> Cohort:
    """`size` patients from a population."""
    keys = jax.random.split(key, size)
    return Cohort(jax.vmap(lambda k: warfarin.sample(k, of, risks, model))(keys))


def cohort_of_covariates(
    key: jax.Array,
    covariates: Covariates,
    calibration: Calibration,
    model: ModuleType,
    *,
    risks: CourseRisks | None = None,
    variability: float = 1.0,
) -> Cohort:
    """Real (stacked) covariates with random effects and course drawn for each of them."""
    risks = CourseRisks() if risks is None else risks

    def complete(patient_key, own):
        draws = draw_numbers(patient_key, N_EFFECTS + warfarin_course.N_TRAIT_UNIFORMS)
        effects = random_effects(tuple(map(as_normal, draws[:N_EFFECTS])), calibration, variability)
        return Patient(
            covariates=own,
            parameters=model.individual_parameters(own, effects, calibration),
            course=warfarin_course.begin(
                tuple(map(as_uniform, draws[N_EFFECTS:])), risks, own.amiodarone
            ),
        )

    keys = jax.random.split(key, covariates.age_y.shape[0])
    return Cohort(jax.vmap(complete)(keys, covariates))


def draw(
    key: jax.Array, source: Population | Cohort, risks: CourseRisks, model: ModuleType
) -> Patient:
    """A new patient of the population, or one of the cohort with equal probability."""
    if isinstance(source, Cohort):
        index = jax.random.randint(key, (), 0, source.size)
        return jax.tree.map(lambda leaf: leaf[index], source.patients)
    return warfarin.sample(key, source, risks, model)


def covariates_table(covariates: Covariates) -> Covariates:
    """Casts every leaf to the dtype an environment's state carries."""
    dtype = jnp.result_type(float)
    kinds = {"male": bool, "amiodarone": bool, "enzyme_inducer": bool, "smoker": bool}
    kinds |= {"cyp2c9": jnp.int32, "vkorc1": jnp.int32, "race": jnp.int32}
    return covariates.replace(
        **{
            name: jnp.asarray(value, kinds.get(name, dtype))
            for name, value in vars(covariates).items()
        }
    )
