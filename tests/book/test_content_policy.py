"""The pages' policy: no script is left in the markup, and those moved run as they did."""

import re

from content_policy import META, move_scripts, with_policy

PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8" />
<script data-cfasync="false">
  first();
</script>
<script>let two = 2;</script>
<script src="a.js"></script>
<script>let two = 2;</script>
<script>third("é")</script>
<script type="application/json">{"data": 1}</script>
</head></html>
"""


def sources(text):
    return re.findall(r'<script src="(.*?)">', text)


def test_scripts_in_a_row_become_one_file_and_keep_their_place():
    text, files = move_scripts(PAGE)
    first, theirs, third = sources(text)
    assert theirs == "a.js"
    assert files == {first: "first();\nlet two = 2;\n", third: 'third("é")\n'}
    assert '<script type="application/json">{"data": 1}</script>' in text
    assert "first()" not in text and "third" not in text


def test_the_same_scripts_are_the_same_file_on_every_page():
    deep, files = move_scripts(PAGE, "../../")
    shallow, same = move_scripts(PAGE)
    assert files == same
    assert sources(deep) == [f if f == "a.js" else f"../../{f}" for f in sources(shallow)]


def test_the_policy_stands_before_all_that_is_loaded():
    assert f'<meta charset="utf-8" />\n{META}<script' in with_policy(PAGE)
    assert with_policy("<p>") == META + "<p>"
