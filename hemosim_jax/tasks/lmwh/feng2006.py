"""Enoxaparin by Feng et al., Br J Clin Pharmacol 2006;62:165: infused or under the skin."""

from hemosim_jax.tasks.lmwh.model import Published

FENG2006 = Published(
    renal_clearance_l_per_h=0.744,
    other_clearance_l_per_h=0.229,
    central_l_per_kg=6.78 / 70.0,
    absorption_per_h=0.476,
    peripheral_l=6.19,
    exchange_l_per_h=0.429,
    bioavailability=0.94,
    basal_iu_per_ml=0.0,
    by_ideal_weight=False,  # assumption: the formula's weight is the actual one
    # The published coefficients of variation of clearance and central volume, 41 and 29 %.
    omega_clearance=0.41,
    omega_central=0.29,
)
