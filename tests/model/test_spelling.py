"""Typing errors, made in every place of a word, lead back to it."""

from hypothesis import assume, given
from hypothesis import strategies as st

from backend.model.spelling import SHORTEST, TWO_ERRORS_FROM, clues, errors, is_one_error, meant

LETTERS = "abcdeñ"
words = st.text(LETTERS, min_size=1, max_size=12)
long_words = st.text(LETTERS, min_size=SHORTEST + 1, max_size=12)


@st.composite
def one_error(draw: st.DrawFn, word: str) -> str:
    kind = draw(st.sampled_from(["more", "less", "other", "swapped"]))
    place = draw(st.integers(0, len(word) - (2 if kind == "swapped" else 1)))
    letter = draw(st.sampled_from(LETTERS))
    before, after = word[:place], word[place:]
    return {
        "more": before + letter + after,
        "less": before + after[1:],
        "other": before + letter + after[1:],
        "swapped": before + after[1::-1] + after[2:],
    }[kind]


def found_by(clue_of: str, word: str) -> bool:
    """Whether the clues of `clue_of` lead to `word`, as the vocabulary is indexed."""
    look = clues(clue_of)
    return word.startswith(look.start) or word[len(word) // 2 :] in look.finishes or word in look.swapped


@given(words, words)
def test_one_error_is_a_distance_of_one(a: str, b: str) -> None:
    assert is_one_error(a, b) == (errors(a, b) == 1)


@given(long_words.flatmap(lambda word: st.tuples(st.just(word), one_error(word))))
def test_a_word_with_one_error_is_found_and_meant(pair: tuple[str, str]) -> None:
    word, typed = pair
    assume(typed != word and len(typed) >= SHORTEST)
    assert found_by(typed, word)
    assert word in meant(typed, [word, "zzzzz"])


@given(words, words, words)
def test_the_distance_is_symmetric_and_no_shorter_on_the_way_of_single_letters(a: str, b: str, c: str) -> None:
    assert errors(a, b) == errors(b, a)
    assert errors(a, a) == 0
    assert errors(a, b) <= max(len(a), len(b))
    assert (errors(a, c) == 0) == (a == c)


def test_the_nearest_words_come_alone() -> None:
    vocabulary = ["chocolate", "chocolates", "chocolatine", "choker"]
    assert meant("choclate", vocabulary) == ("chocolate",)
    assert meant("chocl", vocabulary) == ("chocolate", "chocolates", "chocolatine")  # still being typed
    assert meant("chcolte", ["chocolate"]) == ()  # two errors are too many for seven letters
    assert meant("chcolates"[:TWO_ERRORS_FROM], ["chocolate"]) == ("chocolate",)
    assert meant("xyz", vocabulary) == ()
