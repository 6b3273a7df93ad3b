"""Which tests each module was broken against, one row a module; see tests/mutants.py.

What survived then has a test of its own now, or changes nothing that can be seen.
"""

# Module in kerasnorm: test files in tests, those that notice most first.
MUTATED = {
    "training/loop/recovery": "training/test_recovery",
    "training/devices/precision": "training/test_precision",
    "training/report/evaluation": "training/test_evaluation",
    "training/report/confusion": "training/test_confusion",
    "training/report/curves": "training/test_curves",
    "training/report/results": "training/test_report",
    "training/record/run_directory": "training/test_run_directory",
    "training/system/atomic_files": "training/test_run_directory",
    "training/system/streams": "training/test_streams",
    "training/system/paths": "test_paths",
    "training/devices/out_of_memory": "training/test_memory",
    "training/inputs/batches": "training/test_batches",
    "doctor/budget": "doctor/test_budget",
    "doctor/bootstrap": "doctor/test_budget",
    "doctor/proportions": "doctor/test_proportions",
    "doctor/epochs": "doctor/test_epochs",
    "doctor/checks/labels": "doctor/checks/test_thresholds doctor/checks/test_causes",
    "doctor/checks/staleness": "doctor/checks/test_thresholds",
    "doctor/checks/training": "doctor/checks/test_thresholds doctor/checks/test_causes",
    "doctor/checks/data": "doctor/checks/test_causes",
    "doctor/checks/batches": "doctor/checks/test_causes",
    "doctor/checks/learned": "doctor/checks/test_causes",
    "doctor/checks/noise": "doctor/checks/test_causes",
    "doctor/checks/statistics": "doctor/checks/test_causes",
    "doctor/probes/structure": "doctor/probes/test_structure",
    "doctor/probes/optimizer": "doctor/probes/test_structure",
    "doctor/probes/learning_rate": "doctor/probes/test_learning_rate",
    "doctor/probes/inputs": "doctor/probes/test_data_probes",
    "doctor/probes/leakage": "doctor/probes/test_data_probes",
    "doctor/probes/labels": "doctor/probes/test_data_probes",
    "doctor/probes/spread": "doctor/probes/test_data_probes",
    "doctor/probes/precision": "doctor/probes/test_data_probes",
}
