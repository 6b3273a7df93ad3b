"""Why validation breaks, proved by measurement."""

from kerasnorm.codes import CODES
from kerasnorm.doctor.callback import DoctorCallback
from kerasnorm.doctor.command import DiagnosisResult, diagnose_model, exit_status
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.examine import examine
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.loss_matrix.budget import GapBudget
from kerasnorm.doctor.preflight import preflight
from kerasnorm.doctor.prove import Proof, prove

__all__ = [
    "CODES",
    "DiagnosisResult",
    "DoctorCallback",
    "Examination",
    "Finding",
    "GapBudget",
    "Proof",
    "diagnose_model",
    "examine",
    "exit_status",
    "preflight",
    "prove",
]
