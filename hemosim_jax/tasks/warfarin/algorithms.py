"""Published warfarin dose equations, mg of racemic warfarin a day, coefficients as printed.

Each takes `Covariates` (scalar or stacked); unknown indications and co-medications count as absent.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.tasks.warfarin.covariates import CYP2C9_ALLELES, RACES, Covariates, by_genotype

TARGET_INR = 2.5
_ASIAN, _BLACK, _MIXED = (RACES.index(name) for name in ("Asian", "Black", "Mixed or missing"))
_STAR2 = tuple(pair.count(2) for pair in CYP2C9_ALLELES)
_STAR3 = tuple(pair.count(3) for pair in CYP2C9_ALLELES)


def iwpc_pharmacogenetic(patient: Covariates) -> Float[Array, "*b"]:
    """IWPC pharmacogenetic algorithm, N Engl J Med 2009;360:753, supplement."""
    root = (
        5.6044
        - 0.2614 * jnp.floor(patient.age_y / 10.0)
        + 0.0087 * patient.height_cm
        + 0.0128 * patient.weight_kg
        + _iwpc_genotypes(patient)
        - 0.1092 * (patient.race == _ASIAN)
        - 0.2760 * (patient.race == _BLACK)
        - 0.1032 * (patient.race == _MIXED)
        + 1.1816 * patient.enzyme_inducer
        - 0.5503 * patient.amiodarone
    )
    return root**2 / 7.0


def _iwpc_genotypes(patient: Covariates) -> Float[Array, "*b"]:
    return by_genotype((0.0, -0.8677, -1.6974), patient.vkorc1) + by_genotype(
        (0.0, -0.5211, -0.9357, -1.0616, -1.9206, -2.3312), patient.cyp2c9
    )


def iwpc_clinical(patient: Covariates) -> Float[Array, "*b"]:
    """IWPC clinical algorithm, ibid."""
    root = (
        4.0376
        - 0.2546 * jnp.floor(patient.age_y / 10.0)
        + 0.0118 * patient.height_cm
        + 0.0134 * patient.weight_kg
        - 0.6752 * (patient.race == _ASIAN)
        + 0.4060 * (patient.race == _BLACK)
        + 0.0443 * (patient.race == _MIXED)
        + 1.2799 * patient.enzyme_inducer
        - 0.5695 * patient.amiodarone
    )
    return root**2 / 7.0


def body_surface_m2(patient: Covariates) -> Float[Array, "*b"]:
    """Mosteller, N Engl J Med 1987;317:1098."""
    return jnp.sqrt(patient.height_cm * patient.weight_kg / 3600.0)


def gage_pharmacogenetic(patient: Covariates) -> Float[Array, "*b"]:
    """Gage et al., Clin Pharmacol Ther 2008;84:326; the VKORC1 term per A allele."""
    return jnp.exp(
        0.9751
        - 0.3238 * patient.vkorc1
        + 0.4317 * body_surface_m2(patient)
        - 0.4008 * by_genotype(_STAR3, patient.cyp2c9)
        - 0.00745 * patient.age_y
        - 0.2066 * by_genotype(_STAR2, patient.cyp2c9)
        + 0.2029 * TARGET_INR
        - 0.2538 * patient.amiodarone
        + 0.0922 * patient.smoker
        - 0.0901 * (patient.race == _BLACK)
    )


def gage_clinical(patient: Covariates) -> Float[Array, "*b"]:
    """The clinical algorithm of Gage et al., ibid."""
    return jnp.exp(
        0.613
        + 0.425 * body_surface_m2(patient)
        - 0.0075 * patient.age_y
        + 0.156 * (patient.race == _BLACK)
        + 0.216 * TARGET_INR
        - 0.257 * patient.amiodarone
        + 0.108 * patient.smoker
    )


def lenzini_pharmacogenetic(
    patient: Covariates, inr, dose_2_days_ago_mg, dose_3_days_ago_mg, dose_4_days_ago_mg
) -> Float[Array, "*b"]:
    """Dose refinement on day 4 or 5 (on day 4, the dose four days ago is 0).

    Lenzini et al., Clin Pharmacol Ther 2010;87:572.
    """
    weekly = jnp.exp(
        3.10894
        - 0.00767 * patient.age_y
        - 0.51611 * jnp.log(inr)
        - 0.23032 * patient.vkorc1
        - 0.14745 * by_genotype(_STAR2, patient.cyp2c9)
        - 0.3077 * by_genotype(_STAR3, patient.cyp2c9)
        + 0.24597 * body_surface_m2(patient)
        + 0.26729 * TARGET_INR
        - 0.09644 * (patient.race == _BLACK)
        - 0.1035 * patient.amiodarone
        + 0.0169 * dose_2_days_ago_mg
        + 0.02018 * dose_3_days_ago_mg
        + 0.01065 * dose_4_days_ago_mg
    )
    return weekly / 7.0


def lenzini_clinical(
    patient: Covariates, inr, dose_2_days_ago_mg, dose_3_days_ago_mg, dose_4_days_ago_mg
) -> Float[Array, "*b"]:
    """The clinical refinement of Lenzini et al., ibid."""
    weekly = jnp.exp(
        2.81602
        - 0.76679 * jnp.log(inr)
        - 0.0059 * patient.age_y
        + 0.27815 * TARGET_INR
        + 0.17675 * body_surface_m2(patient)
        + 0.07123 * (patient.race == _BLACK)
        - 0.11137 * patient.amiodarone
        + 0.03471 * dose_2_days_ago_mg
        + 0.03047 * dose_3_days_ago_mg
        + 0.01929 * dose_4_days_ago_mg
    )
    return weekly / 7.0


def eu_pact_maintenance(patient: Covariates) -> Float[Array, "*b"]:
    """EU-PACT (N Engl J Med 2013;369:2294): IWPC's form, age continuous, no race or inducers."""
    root = (
        5.6044
        - 0.02614 * patient.age_y
        + 0.0087 * patient.height_cm
        + 0.0128 * patient.weight_kg
        + _iwpc_genotypes(patient)
        - 0.5503 * patient.amiodarone
    )
    return root**2 / 7.0


def eu_pact_loading(patient: Covariates) -> tuple[Float[Array, "*b"], ...]:
    """EU-PACT loading doses of days 1, 2 and 3 (Avery et al., CPT 2011;90:701)."""
    maintenance = eu_pact_maintenance(patient)
    rate_per_h = by_genotype((0.0189, 0.0158, 0.0132, 0.0130, 0.0090, 0.0075), patient.cyp2c9)
    decay = jnp.exp(-24.0 * rate_per_h)
    loaded = maintenance / ((1.0 - decay) * (1.0 + decay + decay**2))
    return tuple(maintenance + share * (loaded - maintenance) for share in (1.5, 1.0, 0.5))


# Expected maintenance doses by genotype in the label, mg/day (Coumadin, 2010; Table 2 of
# PMC3351041): rows GG, GA, AA; columns in the order of CYP2C9_GENOTYPES.
_HIGH, _MIDDLE, _LOW = (5.0, 7.0), (3.0, 4.0), (0.5, 2.0)
LABEL_RANGES_MG = (
    (_HIGH, _HIGH, _MIDDLE, _MIDDLE, _MIDDLE, _LOW),
    (_HIGH, _MIDDLE, _MIDDLE, _MIDDLE, _LOW, _LOW),
    (_MIDDLE, _MIDDLE, _LOW, _LOW, _LOW, _LOW),
)


def label_table(patient: Covariates) -> Float[Array, "*b"]:
    """The middle of the label's range."""
    rows = [
        by_genotype(tuple(sum(bounds) / 2.0 for bounds in row), patient.cyp2c9)
        for row in LABEL_RANGES_MG
    ]
    return jnp.where(patient.vkorc1 == 0, rows[0], jnp.where(patient.vkorc1 == 1, rows[1], rows[2]))
