"""Calls to a chief that crashes while answering, or for good."""

import grpc
import pytest

from tuning.plan import write_json
from tuning.workers import chief_client
from tuning.workers.chief_client import ChiefIsGone, PatientStub, SearchIsOver


class Trouble(grpc.RpcError):
    def __init__(self, code):
        self._code = code

    def code(self):
        return self._code

    def details(self):
        return "no such trial"


class Stub:
    """Fails so often with a status, then answers."""

    def __init__(self, times, code=grpc.StatusCode.UNAVAILABLE):
        self.times = times
        self.code = code
        self.calls = []

    def CreateTrial(self, request, **options):
        self.calls.append(options)
        if len(self.calls) <= self.times:
            raise Trouble(self.code)
        return f"answer to {request}"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(chief_client, "PAUSE_SECONDS", 0)


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED]
)
def test_a_call_is_repeated_until_there_is_an_answer(tmp_path, code):
    stub = Stub(3, code)
    patient = PatientStub(stub, tmp_path / "search.json")
    assert patient.CreateTrial("this", timeout=3600) == "answer to this"
    assert len(stub.calls) == 4


def test_every_call_has_a_deadline(tmp_path):
    stub = Stub(0)
    PatientStub(stub, tmp_path / "search.json").CreateTrial("this", timeout=3600)
    assert stub.calls[0]["timeout"] == chief_client.CALL_SECONDS


def test_a_mistake_is_not_repeated(tmp_path):
    stub = Stub(9, grpc.StatusCode.UNKNOWN)
    with pytest.raises(RuntimeError, match="no such trial"):
        PatientStub(stub, tmp_path / "search.json").CreateTrial("this")
    assert len(stub.calls) == 1


def test_nobody_waits_when_the_search_is_over(tmp_path):
    write_json(tmp_path / "search.json", {"status": "completed"})
    with pytest.raises(SearchIsOver) as ended:
        PatientStub(Stub(9), tmp_path / "search.json").CreateTrial("this")
    assert ended.value.code == 0


def test_patience_ends(tmp_path):
    write_json(tmp_path / "search.json", {"status": "running"})
    with pytest.raises(ChiefIsGone):
        PatientStub(Stub(9**9), tmp_path / "search.json", 0.0).CreateTrial("this")
