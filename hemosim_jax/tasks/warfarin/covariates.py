"""What the models share: genotype codes, covariates, random effects, calibration."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar

CYP2C9_GENOTYPES = ("*1/*1", "*1/*2", "*1/*3", "*2/*2", "*2/*3", "*3/*3")
CYP2C9_ALLELES = ((1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3))
VKORC1_GENOTYPES = ("GG", "GA", "AA")  # -1639 G>A (rs9923231)
RACES = ("White", "Asian", "Black", "Mixed or missing")  # the groups of the IWPC algorithm

REFERENCE_WEIGHT_KG = 80.0  # median of the Hamberg 2007 patients
REFERENCE_AGE_Y = 71.0  # idem; both papers center age here


class Covariates(Node):
    """What is known of a patient before the first dose. Scalars (or stacked along a first axis)."""

    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]
    height_cm: Float[Array, "*b"]
    male: Bool[Array, "*b"]
    cyp2c9: Int[Array, "*b"]  # index into CYP2C9_GENOTYPES
    vkorc1: Int[Array, "*b"]  # index into VKORC1_GENOTYPES: the number of A alleles
    race: Int[Array, "*b"]  # index into RACES
    amiodarone: Bool[Array, "*b"]  # taken steadily since before the first dose
    enzyme_inducer: Bool[Array, "*b"]  # carbamazepine, phenytoin or rifampin
    smoker: Bool[Array, "*b"]
    baseline_inr: Float[Array, "*b"]


class RandomEffects(Node):
    """An individual's log-deviations (eta) from the typical parameters of their covariates."""

    clearance_s: Float[Array, "*b"]
    clearance_r: Float[Array, "*b"]
    volume: Float[Array, "*b"]
    ec50: Float[Array, "*b"]


class Inputs(Node):
    """What acts on the parameters from outside, held constant over one integration."""

    clearance_s_ratio: Float[Array, ""]  # < 1: inhibition (amiodarone, illness)
    ec50_ratio: Float[Array, ""]  # < 1: more sensitive (illness), > 1: more vitamin K


class Calibration(Node):
    """Refinements laid over a published covariate model, and the between-patient variability.

    The defaults of the refinements are neutral; what no paper published in the model itself (the
    effect of amiodarone, of inducers) has no default.
    """

    amiodarone_clearance_ratio: Scalar
    inducer_clearance_ratio: Scalar
    omega_clearance_s: Scalar  # SD of the log-deviations
    omega_clearance_r: Scalar
    omega_volume: Scalar
    omega_ec50: Scalar
    typical_baseline_inr: Scalar = 1.0
    weight_exponent: Scalar = 0.0  # clearance ~ (weight / 80 kg) ** exponent
    clearance_per_decade: Scalar = 0.0  # log-change of clearance per decade of age above 71
    star2_clearance_ratio: Scalar = 1.0  # carriers of any CYP2C9*2
    star3_clearance_ratio: Scalar = 1.0  # carriers of any CYP2C9*3
    ec50_ratio: Scalar = 1.0
    vkorc1_aa_ec50_ratio: Scalar = 1.0
    asian_ec50_ratio: Scalar = 1.0
    black_ec50_ratio: Scalar = 1.0
    mixed_ec50_ratio: Scalar = 1.0  # or race not recorded


class FactorCalibration(Calibration):
    """What else is fitted in the model of factors (`factors`).

    The defaults are only where a fit starts from; `calibration.calibration_from` sets them all.
    """

    ec50_mg_per_l: Scalar = 0.2  # VKORC1 GG, of factor II
    vkorc1_ec50_ratios: tuple[Scalar, Scalar] = (0.73, 0.45)  # GA and AA, relative to GG
    hill: Scalar = 1.5
    r_potency: Scalar = 0.2  # of R-warfarin, relative to S
    sensitivity: tuple[Scalar, ...] = (1.0, 0.4, 0.7, 1.6, 0.45)  # of factors II, VII, IX, X, PC
    pt_weights: tuple[Scalar, ...] = (0.85, 1.9, 0.85)  # of factors II, VII, X


def by_genotype(values: tuple[float, ...], genotype: Int[Array, "*b"]) -> Float[Array, "*b"]:
    """`values[genotype]`, as a chain of selects."""
    result = jnp.asarray(values[0], jnp.result_type(float))
    for code, value in enumerate(values[1:], start=1):
        result = jnp.where(genotype == code, value, result)
    return result


def allele_sum(per_allele: dict[int, float]) -> tuple[float, ...]:
    """The sum of an allele-wise parameter over both alleles, by CYP2C9 genotype."""
    return tuple(per_allele[first] + per_allele[second] for first, second in CYP2C9_ALLELES)


def _carries(star: int, genotype: Int[Array, "*b"]) -> Bool[Array, "*b"]:
    return by_genotype(tuple(float(star in pair) for pair in CYP2C9_ALLELES), genotype) > 0.0


def clearance_ratio(covariates: Covariates, calibration: Calibration) -> Float[Array, "*b"]:
    """Refined over published S-warfarin clearance, co-medication included."""
    log_ratio = (
        calibration.weight_exponent * jnp.log(covariates.weight_kg / REFERENCE_WEIGHT_KG)
        + calibration.clearance_per_decade * (covariates.age_y - REFERENCE_AGE_Y) / 10.0
    )
    ratio = jnp.exp(log_ratio)
    for applies, factor in (
        (_carries(2, covariates.cyp2c9), calibration.star2_clearance_ratio),
        (_carries(3, covariates.cyp2c9), calibration.star3_clearance_ratio),
        (covariates.amiodarone, calibration.amiodarone_clearance_ratio),
        (covariates.enzyme_inducer, calibration.inducer_clearance_ratio),
    ):
        ratio = ratio * jnp.where(applies, factor, 1.0)
    return ratio


def ec50_ratio(covariates: Covariates, calibration: Calibration) -> Float[Array, "*b"]:
    """Refined over published EC50."""
    ratio = calibration.ec50_ratio
    for applies, factor in (
        (covariates.vkorc1 == 2, calibration.vkorc1_aa_ec50_ratio),
        (covariates.race == RACES.index("Asian"), calibration.asian_ec50_ratio),
        (covariates.race == RACES.index("Black"), calibration.black_ec50_ratio),
        (covariates.race == RACES.index("Mixed or missing"), calibration.mixed_ec50_ratio),
    ):
        ratio = ratio * jnp.where(applies, factor, 1.0)
    return ratio


def dose_for_inhibition(parameters, inhibition, hill) -> Float[Array, "*b"]:
    """Daily racemic dose (mg) whose average S concentration inhibits synthesis by `inhibition`."""
    average_mg_per_l = parameters.ec50_mg_per_l * (inhibition / (1.0 - inhibition)) ** (1.0 / hill)
    return 2.0 * 24.0 * parameters.clearance_s_l_per_h * average_mg_per_l
