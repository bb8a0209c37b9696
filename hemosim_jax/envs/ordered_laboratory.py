"""The part that ordered-laboratory (POMDP) tasks share: orders are actions, results come later."""

import abc
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from hemosim_jax import laboratory
from hemosim_jax.environment import EnvParams
from hemosim_jax.laboratory import Assay
from hemosim_jax.patients.draws import as_normal, draw
from hemosim_jax.spaces import Box, to_unit

REWARD_PER_CHF = -0.004  # an aPTT costs a fifth of an interval in range (working value)


@struct.dataclass
class OrderedTreatment:
    """A treatment, and which assays are drawn before it is given."""

    treatment: object
    wanted: dict[str, Bool[Array, ""]]


class OrderedLaboratory(abc.ABC):
    """Mixed into a task, before it in the list of bases; the task's state has a `laboratory`.

    The action is the task's own followed by one number for each assay: above 0.5 a sample is drawn
    now, before the treatment. Its result is what was true then, with the assay's error; it is
    known after its turnaround, and carries its age. Orders cost reward.
    """

    panel: Mapping[str, Assay]
    on_admission: tuple[str, ...]  # assays whose results are known at the start
    oldest_h: float  # ages of results are told apart up to this
    measures_at_reset = True

    def __init__(self, *args, slots: int = 4, **options):
        """As the task itself; `slots` is how many samples of one assay can be under way at once.

        **Raises:** `ValueError` as the task does, or if `slots` is less than 1.
        """
        if slots < 1:
            raise ValueError(f"slots must be at least 1, got {slots}")
        self.slots = slots
        super().__init__(*args, **options)

    def tier(self, difficulty: str) -> EnvParams:
        """The task's own parameters, with a price on orders."""
        params = super().tier(difficulty)
        return params.replace(reward_per_chf=jnp.full_like(params.reward_per_chf, REWARD_PER_CHF))

    @abc.abstractmethod
    def true_values(self, state, params: EnvParams) -> dict[str, Float[Array, ""]]:
        """What an assay without error would find now."""

    def reset_to(self, key: jax.Array, patient, params: EnvParams):
        """Starts an episode with a given patient, the results of admission known."""
        state = self.initial_state(patient, params)
        errors = map(as_normal, draw(key, len(self.on_admission)))
        true_values = self.true_values(state, params)
        results = {
            name: (true_values[name], error)
            for name, error in zip(self.on_admission, errors, strict=True)
        }
        state = state.replace(laboratory=laboratory.admission(self.panel, self.slots, results))
        return self.observe(None, state, None, params), state

    def decode_action(self, action: Array) -> OrderedTreatment:
        """The treatment and the orders; an action that is no number is neither."""
        action = action.astype(jnp.result_type(float))  # integers, where all are choices
        own = action.shape[0] - len(self.panel)
        valid = jnp.all(jnp.isfinite(action))
        wanted = {name: valid & (action[own + i] > 0.5) for i, name in enumerate(self.panel)}
        treatment = super().decode_action(jnp.where(valid, action[:own], jnp.nan))
        return OrderedTreatment(treatment, wanted)

    def encode_orders(self, action: Float[Array, " own"], **wanted) -> Float[Array, " n"]:
        """The task's own action with orders of the assays named true."""
        flags = [jnp.asarray(wanted.get(name, False)).astype(action.dtype) for name in self.panel]
        return jnp.concatenate([action, jnp.stack(flags)])

    def advance(self, key: jax.Array, state, treatment: OrderedTreatment, duration_h, params):
        """Samples are drawn, the treatment given, and what comes back meanwhile is known."""
        key_task, key_laboratory = jax.random.split(key)
        count = laboratory.N_NORMALS_PER_ASSAY * len(self.panel)
        now = laboratory.order_panel(
            state.laboratory,
            self.panel,
            treatment.wanted,
            self.true_values(state, params),
            state.elapsed_h,
            tuple(map(as_normal, draw(key_laboratory, count))),
        )
        state = super().advance(key_task, state, treatment.treatment, duration_h, params)
        return state.replace(laboratory=laboratory.collect_panel(now, state.elapsed_h))

    def reward(self, state, params: EnvParams) -> Float[Array, ""]:
        """The task's own, less the cost of the orders."""
        cost = laboratory.cost_chf(state.laboratory, self.panel)
        return super().reward(state, params) + params.reward_per_chf * cost

    def info(self, state, params: EnvParams) -> dict[str, Array]:
        """The task's own, and per assay: ordered, results that came, samples under way."""
        lab = state.laboratory
        own = super().info(state, params)
        for name in self.panel:
            own |= {
                f"{name}_ordered": lab.ordered[name],
                f"{name}_results": lab.arrived[name],
                f"{name}_under_way": laboratory.in_flight(lab.in_flight[name]),
            }
        cost = laboratory.cost_chf(lab, self.panel)
        return own | {"order_refused": lab.refused, "laboratory_cost_chf": cost}

    def outcomes(self, info, alive, params) -> dict[str, Array]:
        """The task's own, and what the laboratory cost."""
        spent = jnp.sum(jnp.where(alive, info["laboratory_cost_chf"], 0.0))
        return super().outcomes(info, alive, params) | {"laboratory_chf": spent}

    def observed_result(
        self, state, name: str, bounds: tuple[float, float]
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The newest result scaled to 0..1 (-1 if there is none) and its age (1: `oldest_h`)."""
        sample = state.laboratory.known[name]
        known = ~jnp.isinf(sample.drawn_h)
        age = to_unit(state.elapsed_h - sample.drawn_h, (0.0, self.oldest_h))
        return jnp.where(known, to_unit(sample.value, bounds), -1.0), age

    def action_space(self, params: EnvParams | None = None) -> Box:
        """The task's own action, then an order for each assay."""
        own = super().action_space(params).shape[0]
        return Box(0.0, 1.0, (own + len(self.panel),), jnp.result_type(float))
