"""What every stage needs and no customer has to do with: errors, files, locks, log, progress, SQL text."""
