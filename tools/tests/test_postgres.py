"""Who starts and who stops the database server."""

import pytest
from devenv import config, postgres, programs


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Clusters in an empty cache that only note what they would do."""
    monkeypatch.setattr(config, "CACHE", tmp_path)
    monkeypatch.setattr(programs, "postgresql", lambda: tmp_path)
    done = []

    def cluster():
        made = postgres.Cluster("x")
        made._create = lambda: None
        made._start = lambda: done.append("start")
        made._stop = lambda: done.append("stop")
        return made

    cluster.done = done
    return cluster


def test_the_server_stops_after_its_only_user(make):
    with make().running():
        assert make.done == ["start"]
    assert make.done == ["start", "stop"]


def test_the_server_stays_for_the_other_user(make):
    with make().running():
        with make().running():
            pass
        assert make.done == ["start", "start"]
    assert make.done == ["start", "start", "stop"]


def test_the_first_to_come_may_be_the_first_to_go(make):
    first, second = make().running(), make().running()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert "stop" not in make.done
    second.__exit__(None, None, None)
    assert make.done[-1] == "stop"


def test_the_server_stops_after_a_failure_too(make):
    with pytest.raises(KeyboardInterrupt), make().running():
        raise KeyboardInterrupt
    assert make.done == ["start", "stop"]


def test_what_may_be_lost_is_said_and_the_demo_may_not():
    assert postgres.Cluster("test", throw_away=True).settings["fsync"] == "off"
    assert "fsync" not in postgres.Cluster("main").settings
