"""Rows of others as they may come one day: Hypothesis's variations on a known row."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

LIMITS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def altered(
    members: dict[str, Any], *words: object, keep: str = ""
) -> st.SearchStrategy[dict[str, Any]]:
    """These members: some missing, some renamed, some of another type, some added.

    `words` are values that mean something here; `keep` is a member that stays as it is.
    """
    names = sorted(members.keys() - {keep})
    new = st.dictionaries(st.sampled_from(names) | st.text(max_size=9), _json(words), max_size=3)
    return st.builds(
        lambda gone, new, renamed: {
            (f"{name}X" if name in renamed else name): it
            for name, it in (members | new).items() if name not in gone
        },
        st.sets(st.sampled_from(names), max_size=3),
        new,
        st.sets(st.sampled_from(names), max_size=2),
    )  # fmt: skip


def _json(words: tuple[object, ...]) -> st.SearchStrategy[Any]:
    plain = (
        st.none() | st.booleans() | st.integers(-(10**37), 10**37) | st.text(max_size=9)
        | st.floats(-1e100, 1e100).map(lambda number: round(number, 9))
    )  # what DynamoDB takes  # fmt: skip
    if words:
        plain |= st.sampled_from(words)
    return st.recursive(
        plain,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
        ),
        max_leaves=6,
    )
