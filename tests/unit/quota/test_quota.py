"""Limits and thresholds."""

import pytest

from optimails.model.account import Limits
from quota.thresholds import crossed, percent
from quota.usage import Usage


def usage(storage, messages=0, *, limit=1000, count=None):
    return Usage(storage, messages, Limits(limit, count, 30))


@pytest.mark.parametrize(
    ("used", "more", "fits"), [(0, 1000, True), (1, 1000, False), (999, 1, True), (1000, 0, True), (1200, 0, False)]
)
def test_exactly_full_is_allowed_and_one_byte_more_is_not(used, more, fits):
    assert usage(used).allows(more) is fits


def test_either_resource_can_be_the_full_one():
    assert not usage(0, 5, count=5).allows(1)
    assert usage(0, 4, count=5).allows(1)
    assert usage(10**15, 10**9, limit=None).allows(10**12)


@pytest.mark.parametrize(
    ("before", "after", "threshold"),
    [
        (0, 799, None),
        (799, 800, 80),
        (800, 850, None),
        (850, 1000, 100),
        (0, 950, 90),
        (950, 800, None),
        (0, 1000, 100),
    ],
)
def test_a_threshold_is_crossed_once_and_upwards(before, after, threshold):
    assert crossed(usage(before), usage(after)) == threshold


def test_without_limits_nothing_is_ever_crossed():
    assert percent(usage(10**12, limit=None)) == 0
    assert crossed(usage(0, limit=None), usage(10**12, limit=None)) is None


def test_a_limit_of_nothing_is_full():
    assert percent(usage(0, limit=0)) == 100
