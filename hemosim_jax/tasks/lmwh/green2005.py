"""Enoxaparin by Green et al., Br J Clin Pharmacol 2005;59:281: acute coronary syndromes."""

from hemosim_jax.tasks.lmwh.model import Published

GREEN2005 = Published(
    renal_clearance_l_per_h=0.681,
    other_clearance_l_per_h=0.229,
    central_l_per_kg=5.22 / 80.0,
    absorption_per_h=0.255,
    peripheral_l=29.6,
    exchange_l_per_h=0.632,
    bioavailability=1.0,
    basal_iu_per_ml=0.0499,
    by_ideal_weight=True,
    # That the published coefficients of variation, 33 and 34 %, are those of clearance and central
    # volume is an assumption; the third, 70 %, is left out.
    omega_clearance=0.33,
    omega_central=0.34,
)
