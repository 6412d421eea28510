"""Chapter 6's figure *fit q to p*, worked by mouse and keyboard, its numbers against SciPy's."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize
from scipy.stats import norm
from visiting import wait_until

pytestmark = pytest.mark.browser

PAGE = "book/06_variational_inference.html"
NAME = "vi-fit-q"


def log_joint(z, x=(0.38, 0.0), sigma=0.15):
    t = 1 / (1 + np.exp(-1.7 * z))
    place = t * np.exp(2j * np.pi * 1.5 * t)
    error = np.abs(complex(*x) - place) / sigma
    return norm.logpdf(z) - 0.5 * error**2 - np.log(2 * np.pi * sigma**2)


def integral(f, low, high):
    edges = np.linspace(low, high, 41)
    return sum(quad(f, a, b, epsabs=1e-12)[0] for a, b in zip(edges, edges[1:], strict=False))


def elbo(mu, s, **given):
    def part(z):
        q = norm.logpdf(z, mu, s)
        return np.exp(q) * (log_joint(z, **given) - q)

    return integral(part, mu - 10 * s, mu + 10 * s)


def test_the_task_can_be_solved_from_the_keyboard(stage):
    stage.press(stage.button("Climb"), "Enter")
    wait_until(stage.page, f"document.querySelector('#live-{NAME}').live.state.s < 0.9")
    stage.live("climb()")
    low = float(stage.number("ELBO"))
    assert stage.live("state.mu") < -1
    stage.button("Reset").click()
    stage.press(stage.slider("mean of q"), "Shift+ArrowRight", times=2)  # ten steps at once
    stage.press(stage.slider("width of q"), "Shift+ArrowLeft", times=4)
    assert stage.live("state.mu") == pytest.approx(1)
    assert stage.live("state.s") == pytest.approx(0.2)
    stage.live("climb()")
    high = float(stage.number("ELBO"))
    assert high > low and stage.live("state.mu") > 0
    for found, start in [(low, (-1.4, 0.3)), (high, (0.4, 0.1))]:
        summit = minimize(lambda q: -elbo(*q), start, method="Nelder-Mead", options={"xatol": 1e-4})
        assert found == pytest.approx(-summit.fun, abs=0.01)


def test_its_numbers_are_those_of_scipy(stage):
    for x, sigma, mu, s in [((0.38, 0), 0.15, 0, 1), ((-0.2, 0.5), 0.3, 0.7, 0.4)]:
        stage.live(f"set({{x: {[*x]}, sigma: {sigma}, mu: {mu}, s: {s}}})")
        seen, given = stage.live("look()"), {"x": x, "sigma": sigma}
        log_p = np.log(integral(lambda z, given=given: np.exp(log_joint(z, **given)), -9, 9))

        def part(z, log_p=log_p, given=given, mu=mu, s=s):
            p = log_joint(z, **given) - log_p
            return np.exp(p) * (p - norm.logpdf(z, mu, s))

        assert seen["log_p"] == pytest.approx(log_p, abs=1e-6)
        assert seen["elbo"] == pytest.approx(elbo(mu, s, **given), abs=1e-6)
        assert seen["elbo"] + seen["gap"] == pytest.approx(log_p, abs=1e-6)
        assert seen["reverse"] == pytest.approx(integral(part, -9, 9), abs=1e-6)
        assert stage.number("KL(q‖p)") == f"{seen['gap']:.2f}"


def test_the_other_divergence_takes_the_posteriors_mean_and_variance(stage):
    stage.press(stage.radio("KL(q‖p)"), "ArrowDown")
    stage.live("climb()")
    seen, state = stage.live("look()"), stage.live("state")
    assert state["mu"] == pytest.approx(seen["mean"], abs=1e-2)
    assert state["s"] == pytest.approx(seen["variance"] ** 0.5, abs=1e-2)
    assert state["mu"] == pytest.approx(-0.50, abs=0.02)  # as the chapter prints it
    assert seen["gap"] > 4


def test_the_gradient_is_that_of_the_elbo(stage):
    stage.live("set({mu: -0.4, s: 0.6})")
    seen, d = stage.live("look()"), 1e-5
    s = 0.6
    dmu = (elbo(-0.4 + d, s) - elbo(-0.4 - d, s)) / (2 * d)
    dv = (elbo(-0.4, s * np.exp(d / 2)) - elbo(-0.4, s * np.exp(-d / 2))) / (2 * d)
    assert (seen["dmu"], seen["dv"]) == pytest.approx((dmu, dv), abs=1e-4)


def test_cross_mean_and_width_are_dragged_and_log_p_moves_with_the_cross_alone(stage):
    log_p = stage.number("log p(x)")
    stage.drag(stage.slider("mean of q"), 40, 0)
    assert stage.live("state.mu") > 0.3
    stage.drag(stage.slider("width of q"), -30, 0)
    assert stage.live("state.s") < 0.8
    assert stage.number("log p(x)") == log_p
    stage.drag(stage.slider("what was heard, x"), -30, 40)
    x, y = stage.live("state.x")
    assert x < 0.3 and y < -0.1
    assert stage.number("log p(x)") != log_p


def test_a_hand_on_q_stops_the_climb(stage):
    stage.button("Climb").click()
    wait_until(stage.page, f"document.querySelector('#live-{NAME}').live.state.s < 0.99")
    stage.drag(stage.slider("mean of q"), 30, 0)
    mu = stage.live("state.mu")
    stage.page.wait_for_timeout(200)
    assert stage.live("state.mu") == mu
    assert stage.button("Climb").is_visible()
