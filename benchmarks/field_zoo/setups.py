"""The trainings of the field zoo: what people do, what is wrong with it, and a twin."""

from benchmarks.field_zoo.pairs_data import FED_WRONGLY, MISLABELLED
from benchmarks.field_zoo.pairs_others import OTHERS
from benchmarks.field_zoo.pairs_weights import LAGGING, MEMORIZED
from benchmarks.field_zoo.setup import SetUp

PAIRS = LAGGING + MEMORIZED + FED_WRONGLY + MISLABELLED + OTHERS
SETUPS: dict[str, SetUp] = {s.name: s for pair in PAIRS for s in pair}
