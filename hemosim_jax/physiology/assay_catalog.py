"""The assays that hospitals run: turnaround, error, limits and cost.

Turnaround: an urgent aPTT takes 1 h and a routine one 4 h (UCSF), a coagulation panel 2 h (Eastern
Health), anti-Xa 1–2 h (recalled); the spreads are assumptions. Analytical CV and limits are
assumptions (de Maat 2016 gives 1.3 % for PT to 12.9 % over all assays). Costs: aPTT, anti-Xa and
thrombin time of a Swiss laboratory (PMC6009553), the others assumptions.
"""

from hemosim_jax.core.laboratory.assay import Assay

APTT = Assay(1.0, 0.4, 4.0, 0.04, (15.0, 150.0), 23.4)  # s
ANTI_XA = Assay(1.5, 0.4, 8.0, 0.05, (0.04, 2.0), 24.2)  # U/mL
PLATELETS = Assay(0.75, 0.4, 4.0, 0.03, (1.0, 2000.0), 9.0)  # 1e9/L
# Analytical CV 2.4 % (van den Besselaar et al., Thromb Res 2012;130:535).
INR = Assay(1.0, 0.4, 4.0, 0.024, (0.8, 12.0), 17.0)
WARFARIN = Assay(24.0, 0.4, 96.0, 0.06, (0.01, 20.0), 60.0)  # mg/L of one enantiomer, LC-MS/MS
# ng/mL: anti-Xa calibrated for the drug; of dabigatran the dilute thrombin time is much the same.
DOAC_CONCENTRATION = Assay(2.0, 0.4, 12.0, 0.06, (10.0, 500.0), 24.2)
CREATININE = Assay(1.0, 0.4, 4.0, 0.03, (0.1, 30.0), 8.0)  # mg/dL
# mL/min, by a formula: creatinine's analytical error and 4.5 % from day to day (recalled).
CREATININE_CLEARANCE = Assay(1.0, 0.4, 4.0, 0.054, (5.0, 200.0), 8.0)
HEMOGLOBIN = Assay(0.75, 0.4, 4.0, 0.02, (2.0, 25.0), 9.0)  # g/dL
PROTHROMBIN_TIME = Assay(1.0, 0.4, 4.0, 0.02, (7.0, 120.0), 17.0)  # s
FIBRINOGEN = Assay(1.5, 0.4, 4.0, 0.06, (0.3, 10.0), 22.0)  # g/L, Clauss
D_DIMER = Assay(1.5, 0.4, 4.0, 0.09, (0.2, 80.0), 40.0)  # mg/L FEU
ANTITHROMBIN = Assay(2.0, 0.4, 12.0, 0.05, (0.05, 2.0), 27.0)  # fraction of normal
