"""`churn kpi`: activity, ledger and settings to the figures of a retention lead, their page and files."""
