"""Many jobs through several stages: all done, in order, a few at a time, whatever one of them does."""

import threading
import warnings

import pytest

from hdrrecon.batch.workers import Stage, convey


def add(job, value):
    return (value or 0) + job


def test_every_job_passes_every_stage_and_outcomes_keep_their_order():
    outcomes = list(convey(range(200), [Stage(add, 3), Stage(lambda job, value: value * 10, 4), Stage(add, 2)]))
    assert [o.job for o in outcomes] == list(range(200)) and [o.value for o in outcomes] == [11 * j for j in range(200)]


def test_a_later_job_that_is_quicker_is_reported_later():
    second = threading.Event()

    def work(job, _):
        assert job == 1 or second.wait(20)
        if job == 1:
            second.set()

    assert [o.job for o in convey(range(2), [Stage(work, 2)])] == [0, 1]


def test_stages_work_at_the_same_time():
    """The third job is in the first stage while the first is in the last: none of them could pass the barrier alone."""
    together = threading.Barrier(3)

    def meets(number):
        return Stage(lambda job, _: job == number and together.wait(20))

    outcomes = list(convey(range(3), [meets(2), meets(1), meets(0)]))
    assert not any(o.error for o in outcomes)


def test_memory_holds_a_few_jobs_however_many_there_are():
    begun, done, most, lock = [0], [0], [0], threading.Lock()

    def first(job, _):
        with lock:
            begun[0] += 1
            most[0] = max(most[0], begun[0] - done[0])

    def last(job, _):
        with lock:
            done[0] += 1

    assert (
        sum(
            1 for _ in convey(range(3000), [Stage(first, 2), Stage(lambda job, value: None), Stage(last, 2)], waiting=1)
        )
        == 3000
    )
    assert 2 <= most[0] <= 5 + 2, "the workers of all stages, and one job before each of the later two"


def test_one_bad_job_among_a_thousand():
    def work(job, _):
        return 1 // (job - 500)

    outcomes = list(convey(range(1000), [Stage(work, 2), Stage(lambda job, value: value)]))
    assert len(outcomes) == 1000 and [o.job for o in outcomes if o.error] == [500]
    assert isinstance(outcomes[500].error, ZeroDivisionError) and outcomes[500].value is None


def test_nothing_begins_after_stop_and_what_began_is_finished():
    stop, begun = threading.Event(), []

    def last(job, _):
        if job == 3:
            stop.set()
        return job

    outcomes = list(convey(range(1000), [Stage(lambda job, _: begun.append(job)), Stage(last)], stop=stop))
    assert [o.value for o in outcomes] == begun == list(range(len(begun))) and 4 <= len(begun) < 20


def test_closing_early_leaves_no_threads():
    before = threading.active_count()
    outcomes = convey(iter(int, 1), [Stage(add, 3), Stage(add)])  # without end
    assert next(outcomes).value == 0
    outcomes.close()
    assert threading.active_count() == before


def test_an_error_of_the_list_of_jobs_is_raised():
    def jobs():
        yield 1
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(convey(jobs(), [Stage(add)]))


def test_warnings_go_to_the_job_that_made_them(recwarn):
    def work(job, _):
        for _ in range(2):
            warnings.warn(f"odd {job // 2}", stacklevel=1)
        warnings.warn("not for users", DeprecationWarning, stacklevel=1)

    assert [o.notes for o in convey(range(40), [Stage(work, 4)])] == [[f"odd {j // 2}"] for j in range(40)]
    assert not recwarn.list


def test_ctrl_c_is_told_before_what_is_under_way_is_waited_for():
    told, ended = [], []

    def work(job, _):
        ended.append(job)
        return job

    def jobs():
        yield 1
        raise KeyboardInterrupt  # as if it came while the outcomes are waited for

    with pytest.raises(KeyboardInterrupt):
        list(convey(jobs(), [Stage(work)], interrupted=lambda: told.append(len(ended))))
    assert told
