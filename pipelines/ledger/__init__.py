"""What was published, held out, contacted and reported: read, and written once."""
