"""Where the feature kernel runs: partitioning and spilling, no arithmetic."""
