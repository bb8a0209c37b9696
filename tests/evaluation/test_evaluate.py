import io

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from rich.console import Console
from scipy.stats import binomtest

import hemosim_jax
from hemosim_jax.core.policy import Policy
from hemosim_jax.evaluation import report
from hemosim_jax.evaluation.evaluate import evaluate, rollouts
from hemosim_jax.evaluation.resampling import mean_interval, mean_intervals
from hemosim_jax.evaluation.streams import held_out, recorded, training
from hemosim_jax.plotting import charts, timeline
from hemosim_jax.registry import protocols_of, task_of
from hemosim_jax.tasks.warfarin.population import sample_cohort


@pytest.fixture(scope="module")
def results(warfarin):
    env, params = warfarin.env, warfarin.params
    named = protocols_of(env)
    return {
        name: evaluate(task_of(env.name), env, params, named[name], held_out(0), num_patients=200)
        for name in ("iwpc_pharmacogenetic", "random")
    }


@pytest.fixture(scope="module")
def summaries(warfarin, results):
    return [report.summary(warfarin.task, result) for result in results.values()]


def test_a_training_stream_is_refused(warfarin):
    policy = protocols_of(warfarin.env)["random"]
    with pytest.raises(ValueError, match="needs a held-out stream, got the training stream"):
        evaluate(warfarin.task, warfarin.env, warfarin.params, policy, training(0))


def test_streams_share_no_keys():
    keys = {
        tuple(np.asarray(jax.random.key_data(key)))
        for stream in [s(seed) for s in (training, held_out, recorded) for seed in range(50)]
        for key in jax.random.split(stream.key(), 100)
    }
    assert len(keys) == 150 * 100


def test_policies_meet_the_same_patients(results):
    first, second = results.values()
    for name in first.groups:
        np.testing.assert_array_equal(first.groups[name], second.groups[name])


def test_results_are_those_of_the_courses(warfarin, results):
    policy = protocols_of(warfarin.env)["iwpc_pharmacogenetic"]
    followed = rollouts(warfarin.env, warfarin.params, policy, held_out(0), 200)
    result = results["iwpc_pharmacogenetic"]
    np.testing.assert_allclose(followed.reward.sum(1), result.episode_return, rtol=1e-3, atol=1e-2)
    days_above = np.where(followed.alive, followed.info["inr"] > 4.0, False).sum(1)
    share = 100.0 * days_above / followed.alive.sum(1)
    np.testing.assert_allclose(share, result.metrics["above_percent"], atol=0.1)


def test_nothing_counts_after_the_end(heparin_task):
    policy = protocols_of(heparin_task.env)["random"]
    followed = rollouts(heparin_task.env, heparin_task.params, policy, held_out(0), 200)
    assert followed.terminated.any()
    assert (followed.reward[~followed.alive] == 0).all()
    ended = followed.alive.sum(1)[followed.terminated]
    assert (ended < 20).any()
    last = followed.info["aptt_s"][followed.terminated, ended - 1]
    assert np.median(last) > 150.0
    assert followed.alive[~followed.terminated].all()


def test_an_agent_that_answers_nan_is_not_scored_in_silence(warfarin):
    no_number = lambda key, carry, seen: (seen[:1] * jnp.nan, carry)  # noqa: E731
    broken = Policy("broken", lambda params: (), no_number)
    result = evaluate(
        warfarin.task, warfarin.env, warfarin.params, broken, held_out(0), num_patients=8
    )
    assert report.summary(warfarin.task, result)["faulty_steps"] == 8 * 90
    spoiled = warfarin.params.replace(high_inr=jnp.nan, low_inr=jnp.nan)
    spoiled = spoiled.replace(reward_weights=spoiled.reward_weights.replace(target_inr=jnp.nan))
    with pytest.raises(ValueError, match="broken: the return of 8 of 8 patients is NaN"):
        evaluate(warfarin.task, warfarin.env, spoiled, broken, held_out(0), num_patients=8)


def test_each_patient_of_a_cohort_once(warfarin):
    env, params = warfarin.env, warfarin.params
    cohort = sample_cohort(jax.random.key(0), params.patients, params.risks, env.model, 30)
    policy = protocols_of(env)["iwpc_pharmacogenetic"]
    result = evaluate(task_of(env.name), env, params, policy, held_out(0), patients=cohort.patients)
    np.testing.assert_array_equal(result.groups["vkorc1"], cohort.patients.covariates.vkorc1)


def test_too_few_patients_are_refused(warfarin):
    policy = protocols_of(warfarin.env)["random"]
    with pytest.raises(ValueError, match="num_patients must be at least 2, got 1"):
        evaluate(warfarin.task, warfarin.env, warfarin.params, policy, held_out(0), num_patients=1)


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        _, low, high, _ = mean_interval(rng.exponential(size=150))
        covered += low <= 1.0 <= high
    assert 0.95 - 5 * np.sqrt(0.95 * 0.05 / 200) < covered / 200 < 1.0
    assert mean_interval(np.full(5, 2.0)) == (2.0, 2.0, 2.0, 5)
    few = mean_interval(np.array([1.0, np.nan, 3.0]))
    assert (few.mean, few.patients) == (2.0, 2)
    assert np.isnan([few.low, few.high]).all()
    assert np.isnan(mean_interval(np.full(3, np.nan)).mean)


def test_no_event_in_n_is_not_never():
    (never,) = mean_intervals(np.zeros((200, 1)), [(0.0, 100.0)])
    exact = 100.0 * binomtest(0, 200).proportion_ci(method="exact").high
    assert (never.mean, never.low) == (0.0, 0.0)
    assert never.high == pytest.approx(exact)
    always, unlike = mean_intervals(
        np.stack([np.full(50, 100.0), np.zeros(50)], 1), [(0.0, 100.0), (-100.0, 100.0)]
    )
    assert always.high == 100.0
    assert always.low == pytest.approx(100.0 * 0.025 ** (1 / 50))
    assert unlike.low == -unlike.high < -5.0


def test_summary_is_what_numpy_says(summaries, results):
    row, result = summaries[0], results["iwpc_pharmacogenetic"]
    assert row["patients"] == 200
    assert row["return"]["mean"] == pytest.approx(result.episode_return.mean())
    assert row["return"]["low"] < row["return"]["mean"] < row["return"]["high"]
    by_genotype = row["by_group"]["vkorc1"]
    assert sum(group["patients"] for group in by_genotype.values()) == 200
    gg = result.groups["vkorc1"] == 0
    assert by_genotype["GG"]["return"]["mean"] == pytest.approx(result.episode_return[gg].mean())


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_cell_of_a_table_is_cut(warfarin, summaries, width):
    long = [
        {**row, **{f"another_long_metric_{n}_percent": row["return"] for n in range(4)}}
        for row in summaries
    ]
    console = Console(width=width, record=True, file=io.StringIO())
    table = report.table(warfarin.task, long, "title")
    console.print(table)
    text = console.export_text()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for _, cells in table.columns:
        for cell in cells:
            assert cell in text


@pytest.mark.parametrize(
    ("env_id", "best"),
    [("WarfarinDosing-v0", 90.0), ("DICManagement-v0", 10.0), ("DOACManagement-v0", 10.0)],
)
def test_what_stands_on_top_is_best_for_patients(env_id, best):
    display = hemosim_jax.task_of(env_id).display
    name = display.outcomes[0].name
    rows = [{name: {"mean": mean}} for mean in (50.0, np.nan, 10.0, 90.0)]
    ordered = display.best_first(rows)
    assert ordered[0][name]["mean"] == best
    assert np.isnan(ordered[-1][name]["mean"])


def test_tables(warfarin, summaries):
    console = Console(width=160, record=True, file=io.StringIO())
    table = report.table(warfarin.task, summaries, "title")
    console.print(table)
    for one in report.group_tables(warfarin.task, summaries[0]):
        console.print(one)
    text = console.export_text()
    assert text.index("iwpc_pharmacogenetic") < text.index("random")  # best first
    assert "*1/*3" in text
    assert "below" in text
    lines = table.markdown().splitlines()
    assert lines[0] == "**title**"
    assert {line.count("|") for line in lines[2:]} == {lines[2].count("|")}


def drawn(figure):
    """The figure as an array; drawing it finds what cannot be drawn."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def test_charts_of_results(warfarin, summaries):
    display = warfarin.task.display
    for figure in (
        charts.comparison(summaries, display, "title"),
        charts.forest(summaries, display, "vkorc1", "title"),
    ):
        assert drawn(figure).std() > 0
        assert figure._repr_png_().startswith(b"\x89PNG")
    names = [
        text.get_text()
        for text in charts.comparison(summaries, display, "t").axes[0].get_yticklabels()
    ]
    assert names[-1] == "iwpc pharmacogenetic"  # on top


def test_charts_of_learning():
    rows = [{"steps": 1, "episode_return": None}, {"steps": 2, "episode_return": 3.0}]
    figure = charts.learning_curve(
        {"a": rows, "b": rows}, "title", {"guideline": 2.9, "other": 3.0}
    )
    assert drawn(figure).std() > 0
    assert len(figure.axes[0].get_lines()) == 2 + 2


def test_courses_and_fans(warfarin):
    env, params, display = warfarin.env, warfarin.params, warfarin.task.display
    named = protocols_of(env)
    followed = {
        name: rollouts(env, params, named[name], held_out(0), 3) for name in ("random", "fixed_5mg")
    }
    figure = timeline.courses(followed, display, params, "title")
    assert drawn(figure).std() > 0
    steps = figure.axes[3].patches[-1].get_data()  # of the first patient's doses
    assert steps.edges[0] == 0.0
    assert steps.edges[1] == 1.0  # the first dose fills the first day
    observed = pd.DataFrame({"time": np.arange(30.0), "inr": np.linspace(1.0, 3.0, 30)})
    assert drawn(timeline.fan(followed["random"], display, params, "title", observed)).std() > 0


def test_what_was_measured_is_drawn_when_it_was_sampled():
    env, params = hemosim_jax.make("WarfarinDosing-POMDP-v0", difficulty="easy")
    display = hemosim_jax.task_of(env.name).display
    followed = rollouts(env, params, protocols_of(env)["iwpc_clinical"], held_out(0), 2)
    results = timeline.measured(env, followed, display)
    for column, of_patient in enumerate(results):
        days, values = of_patient["inr"]
        assert days[0] == pytest.approx(0.0, abs=1e-3)
        assert (np.diff(days) > 0.5).all()
        came = followed.info["inr_results"][column][followed.alive[column]].sum()
        assert len(days) == 1 + came  # that of admission, and every later one once
        truth = np.interp(days[1:], followed.info["day"][column], followed.info["inr"][column])
        np.testing.assert_allclose(values[1:], truth, rtol=0.15)  # five times the assay's 3 %
    figure = timeline.courses({"iwpc": followed}, display, params, "title", {"iwpc": results})
    assert drawn(figure).std() > 0


def test_a_map_and_a_dose_response(warfarin):
    env, params = warfarin.env, warfarin.params
    policy = protocols_of(env)["fixed_5mg"]
    figure = charts.policy_map(env, params, policy, "inr", "day", "dose_mg", points=12)
    grid = figure.axes[0].collections[0].get_array()
    assert np.unique(np.asarray(grid)[-1]).size > 3  # late, the dose depends on the INR
    assert np.allclose(np.asarray(grid)[0], 5.0, atol=1e-3)  # before day 3 it does not
    with pytest.raises(KeyError, match=r"WarfarinDosing-v0 observes inr, .*; got 'height'"):
        charts.policy_map(env, params, policy, "height", "day", "dose_mg")
    responses = np.random.default_rng(0).normal(size=(4, 50)) + np.arange(4.0)[:, None]
    figure = charts.dose_response(
        [1, 2, 3, 4], responses, dose_label="mg", response_label="INR", title="title"
    )
    assert drawn(figure).std() > 0
