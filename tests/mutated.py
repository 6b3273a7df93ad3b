"""Which tests each module was broken against, one row a module; see tests/mutants.py.

What survived then has a test of its own now, or changes nothing that can be seen.
"""

# Module in kerasnorm: test files in tests, those that notice most first.
MUTATED = {
    "training/loop/recovery": "training/test_recovery",
    "training/devices/precision": "training/test_precision",
}
