"""Why validation breaks, proved by measurement."""

from kerasnorm.doctor.budget import GapBudget
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.examine import examine
from kerasnorm.doctor.finding import CODES, Finding

__all__ = ["CODES", "Examination", "Finding", "GapBudget", "examine"]
