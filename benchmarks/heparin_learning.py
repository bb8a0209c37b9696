"""Do learned policies beat the nomograms on patients they never saw? Every tier, several seeds.

    python -m benchmarks.heparin_learning [--seeds 3] [--tiers easy medium hard] [--out FILE]

`HeparinInfusion-POMDP-v0`, whose laboratory is ordered, and `HeparinInfusion-v0`: PPO with and
without memory against the Raschke and the anti-Xa nomogram and the best constant rate; with every
value shown also the five-action Q-network (on `HeparinInfusion-Discrete-v0`, the same patients).
Each seed trains its own agent on its own training stream; all policies are judged on the same
held-out patients.
"""

import jax

import hemosim_jax
from benchmarks.learning import judge, learn_and_judge, named, parser
from hemosim_jax.evaluation.streams import training
from hemosim_jax.learning import dqn
from hemosim_jax.learning.config import WIDE

# Fewer environments than `wide`, for more updates, and a nearer horizon (a decision's effect is
# over within a day); tried on other seeds and other held-out patients than these.
CONFIG = WIDE.replace(num_envs=512, total_steps=5_000_000, discount=0.95)
OBSERVED, ORDERED, DISCRETE = (
    "HeparinInfusion-v0",
    "HeparinInfusion-POMDP-v0",
    "HeparinInfusion-Discrete-v0",
)


def train_dqn(env, params, seeds):
    """A greedy policy for each seed."""
    config = dqn.DQNConfig()
    train = jax.jit(dqn.make_train(env, params, config)).lower(jax.random.key(0)).compile()
    policies = [
        dqn.greedy_policy(train(training(seed).key())[0].weights, config, env.num_actions)
        for seed in range(seeds)
    ]
    return named(policies, "dqn")


def rates(env):
    """Of 600 to 2,000 U/h, no bolus, nothing ordered."""
    actions = {}
    for rate in range(600, 2001, 100):
        inner = env.env if hasattr(env, "encode_orders") else env
        action = inner.encode_action(float(rate), False)
        actions[f"{rate} U/h"] = env.encode_orders(action) if inner is not env else action
    return actions


def networks(env_id, tier, options):
    """The Q-networks where every value is shown."""
    if env_id != OBSERVED:
        return []
    env, params = hemosim_jax.make(DISCRETE, difficulty=tier)
    return judge(
        env, params, train_dqn(env, params, options.seeds), options.patients, options.stream
    )


def main():
    options_of = parser(__doc__, CONFIG.total_steps, 10_000)
    options_of.add_argument(
        "--ids", nargs="+", choices=(OBSERVED, ORDERED), default=[ORDERED, OBSERVED]
    )
    options = options_of.parse_args()
    learn_and_judge(options.ids, CONFIG, rates, options, others=networks)


if __name__ == "__main__":
    main()
