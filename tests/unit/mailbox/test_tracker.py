"""Sequence numbers of one session."""

from array import array

import pytest

from optimails.mailbox.tracker import Tracker
from optimails.model.errors import BadSyntax
from optimails.model.number_set import STAR, NumberSet


def tracker(*uids, count=None):
    return Tracker(array("I", uids), len(uids) if count is None else count)


def test_sequence_sets_name_positions():
    view = tracker(10, 20, 30, 40)
    assert view.spans(NumberSet(((2, 3),)), by_uid=False) == [(1, 3)]
    assert view.spans(NumberSet(((STAR, STAR),)), by_uid=False) == [(3, 4)]
    assert view.spans(NumberSet(((15, 30), (41, STAR))), by_uid=True) == [(1, 4)]  # 41:* is 40:41
    assert view.spans(NumberSet(((11, 19),)), by_uid=True) == []


@pytest.mark.parametrize("numbers", [((5, 5),), ((1, 9),), ((9, STAR),)])
def test_a_sequence_number_that_is_not_there_is_the_clients_mistake(numbers):
    with pytest.raises(BadSyntax):
        tracker(10, 20, 30, 40).spans(NumberSet(numbers), by_uid=False)


def test_an_empty_mailbox_has_no_sequence_numbers_and_no_uids():
    with pytest.raises(BadSyntax):
        tracker().spans(NumberSet(((1, STAR),)), by_uid=False)
    assert tracker().spans(NumberSet(((1, STAR),)), by_uid=True) == []


def test_expunges_are_told_from_the_end():
    view = tracker(10, 20, 30, 40)
    view.gone.update({10, 30, 99})
    assert view.expunge() == ([3, 1], [30, 10])
    assert list(view.uids) == [20, 40]
    assert view.position(40) == 1


def test_new_messages_come_at_the_end_and_old_ones_not_twice():
    shared = array("I", [1, 2])
    view = Tracker(shared, 2)
    assert view.arrived([2, 5, 6]) == 2
    assert list(shared) == [1, 2]
    assert view.count == 4


def test_a_view_joins_the_shared_array_only_when_it_begins_alike():
    view = tracker(1, 3)
    view.join(array("I", [1, 2, 3]))
    assert list(view.uids) == [1, 3]
    shared = array("I", [1, 3, 4])
    view.join(shared)
    assert view.uids is shared
    assert view.count == 2
    assert view.position(4) is None
