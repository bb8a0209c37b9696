"""diffrax and our own solvers: every trajectory of the package comes through here."""

from hemosim_jax.integrate.explicit import RK4 as RK4
from hemosim_jax.integrate.explicit import TSIT5 as TSIT5
from hemosim_jax.integrate.explicit import UnrolledRungeKutta as UnrolledRungeKutta
from hemosim_jax.integrate.reference import solve_reference as solve_reference
from hemosim_jax.integrate.solve import solve as solve
from hemosim_jax.integrate.solve import solve_until as solve_until
from hemosim_jax.integrate.step_map import StepMap as StepMap
