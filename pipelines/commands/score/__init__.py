"""`churn score`, the nightly scorer: chunks, resumption, checks, receipt."""
