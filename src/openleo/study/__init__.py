"""Studies: one question asked of many runs, submitted to an executor that is handed in."""
