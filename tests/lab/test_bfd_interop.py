# SPDX-License-Identifier: GPL-3.0-or-later
"""Our BFD against that of FRR and BIRD, and against itself, through a real tunnel."""

import bfd
import lab
import pytest
import topology

# Seconds until traffic is back on the hub after a cut, and until a word of the far end counts.
DETECTION = 0.9
AT_ONCE = 0.1


@pytest.fixture
def pair(the_lab):
    return bfd.Pair(the_lab)


@pytest.fixture(params=[bfd.Frr, bfd.Bird], ids=["frr", "bird"])
def other(request):
    """A BFD daemon that is not ours."""
    if lab.BACKEND == "kernel":
        pytest.skip("FRR and BIRD are the same on every kernel, and slow under emulation")
    return request.param


def up(pair, other, **timers):
    daemon = other(pair.far, **timers)
    ours = bfd.Speaker(pair.near, mtu=bfd.NO_PADDING)
    ours.until_state("up", seconds=10, remote="up")
    lab.until(5, "their state", lambda: daemon.state() == "up", every=0.05)
    return ours, daemon


def within(seconds, since, line):
    took = line["at"] - since
    assert 0 <= took <= seconds * lab.SLOW, f"took {took:.3f} s: {line}"


def test_is_up_with_the_negotiated_timers(pair, other):
    ours, _ = up(pair, other, rx=1000, tx=500)
    # They want a packet a second, and send two.
    ours.until("timers", state="up", interval="1000", detection="1500")
    assert ours.leave()["rtt"] > 0


def test_changes_its_timers_while_up(pair, other):
    ours, daemon = up(pair, other)
    ours.until("timers", state="up", interval="300", detection="900")
    ours.idle()
    ours.until("timers", detection="45000")
    since = bfd.now()
    ours.busy()
    within(0.5, since, ours.until("timers", since=since, detection="900"))
    topology.sleep(2)
    assert ours.state() == "up"
    assert daemon.state() == "up"
    assert not [line for line in ours.states() if line["at"] > since and line["state"] != "up"]


def test_goes_down_when_it_hears_nothing(pair, other):
    ours, daemon = up(pair, other)
    ours.until("timers", detection="900")
    since = bfd.now()
    pair.near.drop_incoming()
    down = ours.until_state("down", since=since, cause="silent")
    within(DETECTION + AT_ONCE, since, down)
    lab.until(3, "their state", lambda: daemon.state() != "up", every=0.05)
    pair.near.drop_nothing()
    ours.until_state("up", since=down["at"], remote="up")


def test_goes_down_when_it_is_not_heard(pair, other):
    ours, daemon = up(pair, other)
    ours.until("timers", detection="900")
    since = bfd.now()
    pair.far.drop_incoming()
    down = ours.until_state("down", since=since, cause="remote-down")
    within(1.0 + AT_ONCE, since, down)
    assert daemon.state() != "up"
    pair.far.drop_nothing()
    ours.until_state("up", since=down["at"], remote="up")


def test_says_that_it_leaves(pair, other):
    ours, daemon = up(pair, other)
    ours.leave()
    lab.until(0.5, "their state", lambda: daemon.state() != "up", every=0.02)


@pytest.mark.parametrize("other", [bfd.Frr], ids=["frr"], indirect=True)
def test_hears_that_the_other_leaves(pair, other):
    ours, daemon = up(pair, other)
    since = bfd.now()
    daemon.admin_down()
    ours.until_state("down", since=since, cause="remote-admin")


def test_tells_a_peer_that_does_not_pad(pair, other):
    other(pair.far)
    ours = bfd.Speaker(pair.near, mtu=bfd.MTU)
    ours.until("small packets only", seconds=15, cause="mtu")
    assert not [line for line in ours.states() if line["state"] == "up"]


def test_two_of_ours_are_up_in_a_moment(pair):
    far = bfd.Speaker(pair.far, role="passive")
    lab.until(5, "the far end", far.states)
    near = bfd.Speaker(pair.near)
    first = lab.until(5, "the near end", near.states)[0]["at"]
    for speaker in (near, far):
        within(AT_ONCE, first, speaker.until_state("up", remote="up"))
    near.until("timers", detection="900")
    assert 0 < near.leave()["rtt"] < 100_000 * lab.SLOW
    far.until_state("down", cause="remote-admin")


@pytest.mark.parametrize("directions", [("near",), ("far",), ("near", "far")], ids="+".join)
def test_is_not_up_where_full_size_does_not_pass(pair, directions):
    for name in directions:
        getattr(pair, name).drop_incoming("udp length > 1300")
    near, far = bfd.Speaker(pair.near), bfd.Speaker(pair.far)
    for speaker in (near, far):
        speaker.until("small packets only", seconds=10, cause="mtu")
        assert not [line for line in speaker.states() if line["state"] == "up"]
    for name in directions:
        getattr(pair, name).drop_nothing()
    for speaker in (near, far):
        speaker.until_state("up", seconds=5)
