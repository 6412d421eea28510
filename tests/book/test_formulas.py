"""The room that is kept for formulas, against what MathJax 3 took for them in Chromium, in em."""

import formulas
import pytest

INLINE = {  # measured
    r"\beta": 0.62,
    "2K": 1.53,
    r"\mu": 0.66,
    r"s^2 = w/(W^2 + w)": 8.48,
    r"x - \mu W - s\varepsilon W": 7.31,
    r"\lVert x - \mu W - (s\varepsilon) W \rVert^2": 9.75,
}
DISPLAYED = {
    r"\frac{dD_2}{dR} = -2w = -2\sigma^2\beta .": 4.68,
    r"\mathrm{KL} = \tfrac12 \sum_k \left( \mu_k^2 + s_k^2 - 1 \right).": 4.78,
    r"q_\phi(z \mid x) = \mathcal N\!\left(z \mid \mu(x),\, s^2(x)\right)": 3.82,
}


@pytest.mark.parametrize("tex", INLINE)
def test_an_inline_formula_has_about_its_width(tex):
    guess = formulas.EM * formulas.width(formulas.TOKEN.findall(tex))
    assert guess == pytest.approx(INLINE[tex], rel=0.1, abs=0.2)


@pytest.mark.parametrize("tex", DISPLAYED)
def test_a_displayed_formula_has_about_its_height(tex):
    assert formulas.height(tex) == pytest.approx(DISPLAYED[tex], abs=0.4)


def test_the_place_is_written_beside_the_formula_and_nothing_else_changes():
    start = '<p>So <span class="math notranslate nohighlight"'
    text = start + r">\(a &lt; b\)</span> holds.</p><div class=math>\[x\]</div>"
    kept = formulas.keep_places(text)
    assert kept.startswith(f'{start} style="--size: 2.')
    assert kept.replace(kept[len(start) : kept.index(">", len(start))], "") == text
    assert formulas.keep_places("<p>No formula.</p>") == "<p>No formula.</p>"
