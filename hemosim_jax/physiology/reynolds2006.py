r"""A pathogen, the immune system that fights it, and the damage of both.

Reynolds et al., J Theor Biol 2006;242:220, equations and values as curated (BIOMD0000000714).
Pathogen $P$ (10⁶ cells per mL), activated phagocytes $N$, damage $D$, anti-inflammatory mediators
$C$ (the last three in units of their own), hours:

$$\dot P = k_{pg} P (1 - P / p_\infty) - \frac{k_{pm} s_m P}{\mu_m + k_{mp} P} - k_{pn} f(N) P$$
$$\dot N = \frac{s_{nr} R}{\mu_{nr} + R} - \mu_n N, \quad R = f(k_{nn} N + k_{np} P + k_{nd} D)$$
$$\dot D = k_{dn} \frac{f(N)^6}{x_{dn}^6 + f(N)^6} - \mu_d D$$
$$\dot C = s_c + k_{cn} \frac{f(N + k_{cnd} D)}{1 + f(N + k_{cnd} D)} - \mu_c C$$

with $f(x) = x / (1 + (C / c_\infty)^2)$. Up to three lasting states: health, damage without a
pathogen (aseptic), and with it (septic).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.integrate.exponential import relax

GONE_1E6_PER_ML = 1e-6  # one cell per mL: what is below will not grow again
LARGEST_DAMAGE = 17.5  # about that of the lasting states, 17.40 and 17.49


class Parameters(Node):
    """Names as in the paper."""

    k_pg: Scalar = 0.3  # growth of the pathogen; the paper varies it from 0.02 to 2.44
    p_inf: Scalar = 20.0  # its carrying capacity, 10⁶ per mL
    k_pm: Scalar = 0.6  # killing by the local response
    k_mp: Scalar = 0.01
    s_m: Scalar = 0.005
    mu_m: Scalar = 0.002
    k_pn: Scalar = 1.8  # killing by activated phagocytes
    k_np: Scalar = 0.1  # activation by the pathogen,
    k_nn: Scalar = 0.01  # by phagocytes,
    k_nd: Scalar = 0.02  # by damage
    s_nr: Scalar = 0.08
    mu_nr: Scalar = 0.12
    mu_n: Scalar = 0.05
    k_dn: Scalar = 0.35  # damage by phagocytes
    x_dn: Scalar = 0.06
    mu_d: Scalar = 0.02
    c_inf: Scalar = 0.28
    s_c: Scalar = 0.0125
    k_cn: Scalar = 0.04
    k_cnd: Scalar = 48.0
    mu_c: Scalar = 0.1


class State(Node):
    """Of one patient."""

    pathogen: Float[Array, "*b"]  # 10⁶ cells per mL
    phagocytes: Float[Array, "*b"]
    damage: Float[Array, "*b"]
    mediators: Float[Array, "*b"]


def infected(pathogen: Float[Array, "*b"], parameters: Parameters) -> State:
    """The healthy equilibrium, with this much of a pathogen."""
    none = jnp.zeros_like(pathogen)
    return State(pathogen, none, none, none + parameters.s_c / parameters.mu_c)


class Rates(NamedTuple):
    """Per hour: the pathogen's net growth; of the others what is made, and the share that is lost.

    Each is constant over a step of the fast paths that use it.
    """

    growth: Float[Array, "*b"]
    phagocytes: Float[Array, "*b"]
    damage: Float[Array, "*b"]
    mediators: Float[Array, "*b"]


def rates(state: State, own: Parameters, kill_per_h: Scalar, injury_per_h: Scalar) -> Rates:
    """Of this state; something kills the pathogen and something adds to the damage."""
    restraint = 1.0 / (1.0 + (state.mediators / own.c_inf) ** 2)
    pathogen, damage = state.pathogen, state.damage
    phagocytes = restraint * state.phagocytes
    activation = restraint * (own.k_nn * state.phagocytes + own.k_np * pathogen + own.k_nd * damage)
    injury = phagocytes**6 / (own.x_dn**6 + phagocytes**6)
    stimulus = restraint * (state.phagocytes + own.k_cnd * damage)
    local = own.k_pm * own.s_m / (own.mu_m + own.k_mp * pathogen)
    growth = own.k_pg * (1.0 - pathogen / own.p_inf)
    return Rates(
        growth - local - own.k_pn * phagocytes - kill_per_h,
        own.s_nr * activation / (own.mu_nr + activation),
        own.k_dn * injury + injury_per_h,
        own.s_c + own.k_cn * stimulus / (1.0 + stimulus),
    )


def slope(state: State, own: Parameters, now: Rates) -> State:
    """Per hour, with these rates."""
    return State(
        now.growth * state.pathogen,
        now.phagocytes - own.mu_n * state.phagocytes,
        now.damage - own.mu_d * state.damage,
        now.mediators - own.mu_c * state.mediators,
    )


def vector_field(t: Scalar, state: State, args: tuple[Parameters, Scalar, Scalar]) -> State:
    """Per hour. `args`: parameters, what kills the pathogen (per hour) and adds to the damage."""
    own, kill_per_h, injury_per_h = args
    return slope(state, own, rates(state, own, kill_per_h, injury_per_h))


def step(hours: Scalar, state: State, own: Parameters, now: Rates) -> State:
    """Some hours later, with these rates all the time; a pathogen of less than a cell is gone."""

    def relaxed(value, made, lost):
        return relax(value, made, jnp.full_like(value, lost), jnp.full_like(value, hours))[0]

    pathogen = state.pathogen * jnp.exp(now.growth * hours)
    return State(
        jnp.where(pathogen < GONE_1E6_PER_ML, 0.0, pathogen),
        relaxed(state.phagocytes, now.phagocytes, own.mu_n),
        relaxed(state.damage, now.damage, own.mu_d),
        relaxed(state.mediators, now.mediators, own.mu_c),
    )
