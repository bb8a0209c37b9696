"""Does PPO, trained in minutes, beat every protocol on patients it never saw? Several seeds.

    python -m benchmarks.warfarin_learning [--seeds 3] [--tiers easy medium hard] [--out FILE]

`WarfarinDosing-POMDP-v0`, whose INR is ordered, and `WarfarinDosing-v0`; PPO with and without
memory against every protocol and the best constant dose. Each seed trains its own agent on its own
training stream; all policies are judged on the same held-out patients, of a stream no seed trains
on.
"""

from benchmarks.learning import learn_and_judge, parser
from hemosim_jax.learning.config import WIDE

IDS = ("WarfarinDosing-POMDP-v0", "WarfarinDosing-v0")
CONFIG = WIDE.replace(total_steps=5_000_000)


def doses(env):
    """Of 1 to 10 mg a day, nothing ordered."""
    actions = {}
    for half_mg in range(2, 21):
        dose_mg = 0.5 * half_mg
        if hasattr(env, "encode_orders"):
            action = env.encode_orders(env.env.encode_action(dose_mg))
        else:
            action = env.encode_action(dose_mg)
        actions[f"{dose_mg:g} mg a day"] = action
    return actions


def main():
    options_of = parser(__doc__, CONFIG.total_steps, 10_000)
    options_of.add_argument("--ids", nargs="+", choices=IDS, default=list(IDS))
    options = options_of.parse_args()
    learn_and_judge(options.ids, CONFIG, doses, options)


if __name__ == "__main__":
    main()
