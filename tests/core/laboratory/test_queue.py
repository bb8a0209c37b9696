import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.core.laboratory import queue
from hemosim_jax.core.laboratory.assay import Assay, measured
from hemosim_jax.physiology import assay_catalog

EXACT = Assay(2.0, 0.8, 9.0, 0.0, (-1e9, 1e9), 10.0)  # without error: a result names its sample
STEPS, SLOTS, COURSES = 60, 4, 200
ASSAYS = {name: one for name, one in vars(assay_catalog).items() if isinstance(one, Assay)}


def course(key, interval_h, order_probability=0.6):
    """Random orders every `interval_h`; sample `i` has the value `i`. Orders stop in time."""
    key_wanted, key_normals = jax.random.split(key)
    wanted = jax.random.bernoulli(key_wanted, order_probability, (STEPS,))
    # The last steps only wait, for longer than any turnaround.
    wait = int(np.ceil(EXACT.longest_turnaround_h / interval_h)) + 1
    steps = jnp.arange(STEPS + wait)
    wanted = jnp.concatenate([wanted, jnp.zeros(wait, bool)])
    normals = jax.random.normal(key_normals, (STEPS + wait, 2))

    def one_step(carry, row):
        waiting, known = carry
        step, wanted, normals = row
        now_h = step.astype(jnp.float32) * interval_h
        before = queue.in_flight(waiting)
        waiting, taken = queue.order(
            waiting, EXACT, wanted, step.astype(jnp.float32), now_h, (normals[0], normals[1])
        )
        later_h = now_h + interval_h
        waiting, arrived = queue.collect(waiting, later_h)
        known = queue.newest(known, arrived)
        values = jnp.stack([s.value for s in arrived])
        drawn_h = jnp.stack([s.drawn_h for s in arrived])
        arrives_h = jnp.stack([s.arrives_h for s in arrived])
        log = {
            "wanted": wanted, "taken": taken, "before": before, "later_h": later_h,
            "value": values, "drawn_h": drawn_h, "arrives_h": arrives_h,
            "known_h": known.drawn_h, "known": known.value,
            "under_way": queue.in_flight(waiting),
        }  # fmt: skip
        return (waiting, known), log

    start = (queue.empty_queue(SLOTS), queue.no_result())
    return jax.lax.scan(one_step, start, (steps, wanted, normals))[1]


@pytest.fixture(scope="module", params=[0.5, 1.0, 6.0, 24.0])
def logs(request):
    keys = jax.random.split(jax.random.key(0), COURSES)
    run = jax.jit(jax.vmap(lambda key: course(key, request.param)))
    return request.param, jax.tree.map(np.asarray, run(keys))


def test_no_result_before_its_turnaround_and_none_late(logs):
    interval_h, log = logs
    here = np.isfinite(log["arrives_h"])
    turnaround_h = (log["arrives_h"] - log["drawn_h"])[here]
    assert (turnaround_h > 0.0).all()
    assert (turnaround_h <= EXACT.longest_turnaround_h + 1e-4).all()
    later_h = np.broadcast_to(log["later_h"][..., None], here.shape)[here]
    waited_h = later_h - log["arrives_h"][here]
    assert (waited_h >= 0.0).all()
    assert (waited_h <= interval_h + 1e-4).all()  # handed over at the first chance


def test_none_lost_none_duplicated_and_what_was_drawn_is_what_comes(logs):
    interval_h, log = logs
    assert (log["under_way"][:, -1] == 0).all()
    for row in range(COURSES):
        taken = np.flatnonzero(log["taken"][row])
        here = np.isfinite(log["arrives_h"][row])
        came = np.sort(log["value"][row][here])
        np.testing.assert_array_equal(came, taken)
        np.testing.assert_allclose(
            log["drawn_h"][row][here], log["value"][row][here] * interval_h, atol=1e-4
        )


def test_an_order_is_refused_only_when_every_slot_is_taken(logs):
    _, log = logs
    refused = log["wanted"] & ~log["taken"]
    np.testing.assert_array_equal(refused, log["wanted"] & (log["before"] == SLOTS))
    assert not (log["taken"] & ~log["wanted"]).any()
    assert (log["under_way"] <= SLOTS).all()


def test_refusals_do_happen_at_short_intervals_and_orders_do_overlap():
    log = jax.jit(lambda key: course(key, 0.5, 0.95))(jax.random.key(1))
    assert (log["wanted"] & ~log["taken"]).any()
    assert (log["under_way"] > 1).any()


def test_known_is_the_most_recently_drawn_whatever_the_order_of_arrival(logs):
    interval_h, log = logs
    drawn_h = np.where(np.isfinite(log["arrives_h"]), log["drawn_h"], -np.inf)
    newest_h = np.maximum.accumulate(drawn_h.max(axis=-1), axis=1)
    np.testing.assert_array_equal(log["known_h"], newest_h)
    known = np.isfinite(newest_h)
    np.testing.assert_allclose(log["known"][known] * interval_h, newest_h[known], atol=1e-4)


def test_samples_do_overtake_each_other(logs):
    # Otherwise the test above would say nothing of the order of arrival.
    interval_h, log = logs
    if interval_h > 1.0:
        pytest.skip("at long intervals every sample is back before the next")
    overtaken = 0
    for row in range(COURSES):
        here = np.isfinite(log["arrives_h"][row])
        order = np.argsort(log["arrives_h"][row][here])
        overtaken += np.any(np.diff(log["drawn_h"][row][here][order]) < 0.0)
    assert overtaken > COURSES // 10


def test_vmap_equals_loop():
    keys = jax.random.split(jax.random.key(3), 3)
    batched = jax.vmap(lambda key: course(key, 1.0))(keys)
    for row, key in enumerate(keys):
        for name, values in course(key, 1.0).items():
            np.testing.assert_array_equal(batched[name][row], values)


def test_errors_are_unbiased_with_the_stated_spread():
    normals = jax.random.normal(jax.random.key(0), (100_000,))
    assert len(ASSAYS) == 13
    for name, assay in ASSAYS.items():
        low, high = assay.limits
        true_value = np.float32(0.5 * (low + high) / (1.0 + 5.0 * assay.analytical_cv))
        result = np.asarray(measured(assay, float(true_value), normals), np.float64)
        spread = assay.analytical_cv * true_value
        assert result.mean() == pytest.approx(true_value, abs=5 * spread / np.sqrt(1e5)), name
        assert result.std() == pytest.approx(spread, rel=0.02), name


def test_turnaround_has_the_stated_median():
    normals = jax.random.normal(jax.random.key(1), (20_000, 2))
    for assay in (assay_catalog.APTT, assay_catalog.ANTI_XA):
        waiting, _ = jax.vmap(
            lambda z: queue.order(
                queue.empty_queue(1),
                assay,  # noqa: B023
                jnp.asarray(True),
                jnp.float32(1.0),
                jnp.float32(0.0),
                (z[0], z[1]),
            )
        )(normals)
        turnaround_h = np.asarray(waiting[0].arrives_h)
        assert np.median(turnaround_h) == pytest.approx(assay.turnaround_h, rel=0.03)
        assert turnaround_h.max() <= assay.longest_turnaround_h


def test_results_beyond_the_limits_are_the_limits():
    low, high = assay_catalog.APTT.limits
    assert high == 150.0
    beyond = measured(assay_catalog.APTT, jnp.array([1.0, 500.0]), jnp.zeros(2))
    np.testing.assert_array_equal(beyond, [low, high])


def test_a_panel_orders_collects_and_costs():
    panel = ASSAYS
    lab = queue.admission(panel, SLOTS, {})
    true_values = {name: jnp.float32(sum(a.limits) / 3.0) for name, a in panel.items()}
    normals = (jnp.float32(0.0),) * (2 * len(panel))
    first = next(iter(panel))
    wanted = {name: jnp.asarray(name == first) for name in panel}
    lab = queue.order_panel(lab, panel, wanted, true_values, jnp.float32(3.0), normals)
    assert queue.cost_chf(lab, panel) == pytest.approx(panel[first].cost_chf)
    lab = queue.collect_panel(lab, jnp.float32(3.0 + 0.99 * panel[first].turnaround_h))
    assert lab.arrived[first] == 0
    lab = queue.collect_panel(lab, jnp.float32(20.0))
    assert lab.arrived[first] == 1
    assert lab.known[first].drawn_h == 3.0
    assert lab.known[first].value == pytest.approx(float(true_values[first]))
    assert all(np.isneginf(lab.known[name].drawn_h) for name in panel if name != first)
