"""Which tests each module was broken against, one row a module; see tests/mutants.py.

Each was broken in four or five ways chosen at random. What survived has a test of its
own now, or changes nothing that can be seen, such as a seed or the size of a figure.
"""

CAUSES = "doctor/checks/test_causes"
THRESHOLDS = "doctor/checks/test_thresholds"
DATA_PROBES = "doctor/probes/test_data_probes"

# Module in kerasnorm: test files in tests, those that notice most first.
MUTATED = {
    "training/loop/recovery": "training/test_recovery",
    "training/devices/precision": "training/test_precision",
    "training/devices/out_of_memory": "training/test_memory",
    "training/report/evaluation": "training/test_evaluation",
    "training/report/confusion": "training/test_confusion",
    "training/report/curves": "training/test_curves",
    "training/report/results": "training/test_results",
    "training/record/run_directory": "training/test_run_directory",
    "training/system/atomic_files": "training/test_run_directory",
    "training/system/paths": "test_paths",
    "training/inputs/batches": "training/test_batches",
    "doctor/loss_matrix/budget": "doctor/test_budget",
    "doctor/loss_matrix/bootstrap": "doctor/test_budget",
    "doctor/loss_matrix/proportions": "doctor/test_proportions",
    "doctor/loss_matrix/scores": "doctor/test_scores",
    "doctor/epochs": "doctor/test_epochs",
    "doctor/checks/labels": f"{THRESHOLDS} {CAUSES}",
    "doctor/checks/staleness": f"{THRESHOLDS} {CAUSES}",
    "doctor/checks/training": f"{THRESHOLDS} {CAUSES}",
    "doctor/checks/data": CAUSES,
    "doctor/checks/batches": f"{THRESHOLDS} {CAUSES}",
    "doctor/checks/learned": f"doctor/checks/test_learned {CAUSES}",
}

# Not yet broken, or with survivors that have no test.
OPEN = {
    "doctor/checks/noise": CAUSES,
    "doctor/checks/statistics": CAUSES,
    "doctor/probes/structure": "doctor/probes/test_structure",
    "doctor/probes/optimizer": "doctor/probes/test_structure",
    "doctor/probes/rates/learning_rate": "doctor/probes/test_learning_rate",
    "doctor/probes/leakage": DATA_PROBES,
    "doctor/probes/batch_loss_variance": DATA_PROBES,
    "doctor/probes/precision": DATA_PROBES,
}
