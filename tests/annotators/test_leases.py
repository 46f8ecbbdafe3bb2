"""Leases: one holder at a time, and none forever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nextslice.annotators.leases import Leases

_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["take", "release"]),
        st.sampled_from(["one", "two"]),
        st.sampled_from(["Ada", "Ben", "Cyd"]),
        st.floats(0, 50),
    ),
    max_size=30,
)


@given(events=_EVENTS)
def test_a_slice_has_one_holder_until_it_is_given_back_or_not_renewed(
    events: list[tuple[str, str, str, float]],
) -> None:
    now = 0.0
    leases = Leases(60.0, clock=lambda: now)
    held: dict[str, tuple[str, float]] = {}
    for what, slice_id, person, pause in events:
        now += pause
        held = {s: h for s, h in held.items() if h[1] > now}
        assert leases.holders() == {s: who for s, (who, _) in held.items()}
        if what == "take":
            lease = leases.take(slice_id, person)
            if held.get(slice_id, (person,))[0] == person:
                held[slice_id] = (person, now + 60.0)
            holder, until = held[slice_id]
            assert (lease.holder, lease.mine) == (holder, holder == person)
            assert lease.seconds == until - now
        else:
            leases.release(slice_id, person)
            if held.get(slice_id, ("",))[0] == person:
                del held[slice_id]
