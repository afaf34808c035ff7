"""What every stage needs, and knows nothing of churn: errors, files, locks, log, progress, SQL text."""
