"""Forward passes with chosen statistics, and models that are left as they were."""
