"""Does PPO beat the guideline of `DICManagement-v0` on patients it never saw? Every tier.

    python -m benchmarks.dic_learning [--seeds 3] [--tiers easy medium hard] [--out FILE]

PPO with and without memory against every protocol and the best constant action. Every point of the
score costs reward at every decision, so that under equation 4 an early death is often the cheapest
course; and a bleed costs nothing until it is severe, so that agents leave it just below. They are
therefore trained with a dearer death, and a dearer bleed that counts earlier; they are judged by
equation 4 as it stands, beside mortality and deaths with a severe and with any bleed. Each seed
trains its own agent on its own stream; all policies are judged on the same patients.
"""

import itertools

import jax.numpy as jnp

from benchmarks.learning import learn_and_judge, means, parser
from hemosim_jax.learning.config import WIDE

# Of training, chosen with other seeds and other held-out patients. Not so `BLEEDING_FROM`: with
# 0.3, one seed of the medium tier lost five of 20,000 patients in a severe bleed (version 0).
CONFIG = WIDE.replace(total_steps=12_000_000)
DEATH = -300.0
BLEEDING = -10.0
BLEEDING_FROM = 0.2  # severity; where the task is judged, 0.5; a new bleed has 0.25


def to_learn_from(tier, env, params):
    """The same task, in which dying hardly ever pays and bleeding should be stopped."""

    def number(x):
        return jnp.full_like(params.severe_bleeding, x)

    weights = params.reward_weights.replace(
        organ_failure=number(DEATH),
        critical_platelets=number(DEATH),
        severe_bleeding=number(BLEEDING),
    )
    return env, params.replace(severe_bleeding=number(BLEEDING_FROM), reward_weights=weights)


def every_action(env):
    """All 144: platelets, plasma, cryoprecipitate and heparin by their index."""
    sizes = env.action_space().sizes
    return {
        "always " + "-".join(map(str, action)): env.encode_action(*action)
        for action in itertools.product(*map(range, sizes))
    }


def deaths(tier, params, policies, results):
    """What the reward hardly sees."""
    lines = means(results, ("mortality_28_d_percent", "died_percent", "platelet_units"))
    for name in ("died_in_severe_bleed_percent", "died_bleeding_percent"):
        shown = {n: int((e.metrics[name] > 0.0).sum()) for n, e in results.items()}
        lines.append(f"{name}, patients: {shown}")
    return lines


def main():
    options = parser(__doc__, CONFIG.total_steps, 10_000).parse_args()
    learn_and_judge(
        ["DICManagement-v0"],
        CONFIG,
        every_action,
        options,
        learn_from=to_learn_from,
        more=deaths,
    )


if __name__ == "__main__":
    main()
