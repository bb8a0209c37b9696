"""Does PPO beat the guideline of `DICManagement-v1` on patients it never saw? Every tier.

    python -m benchmarks.dic_learning [--seeds 3] [--tiers easy medium hard] [--out FILE]

PPO with and without memory against every protocol and the best of all constant actions. Agents
learn from the outcome reward in expectation (`tasks.dic.expected_rewards`), whole episodes without
discount, as the reward is a potential; all are judged where patients die. Each seed trains its own
agent on its own stream; all policies are judged on the same patients, which nothing was chosen on.
"""

from benchmarks.dic_policies import every_action
from benchmarks.learning import learn_and_judge, means, parser
from hemosim_jax.learning.config import WIDE
from hemosim_jax.tasks.dic.expected_rewards import DICExpectedRewards

STEPS = 42  # decisions of an episode
STREAM = 1002  # on which no form of this was judged before
# With less entropy agents settle early on full doses of heparin where there is little to gain, with
# half the steps they gain half as much where there is more (tried with one seed or two on other
# patients).
CONFIG = WIDE.replace(
    total_steps=16_000_000,
    rollout_steps=STEPS,
    discount=1.0,
    entropy_coefficient=0.03,
    anneal_entropy=True,
)


def expected(tier, env, params):
    """The task in expectation."""
    expecting = DICExpectedRewards(tier)
    return expecting, expecting.default_params


def deaths(tier, params, policies, results):
    """What the reward is about, and what it costs."""
    names = ("mortality_28_d_percent", "bled_percent", "platelet_units", "plasma_units")
    return means(results, (*names, "cryoprecipitate_units", "red_cell_units"))


def main():
    options = parser(__doc__, CONFIG.total_steps, 10_000, STREAM).parse_args()
    learn_and_judge(
        ["DICManagement-v1"], CONFIG, every_action, options, learn_from=expected, more=deaths
    )


if __name__ == "__main__":
    main()
