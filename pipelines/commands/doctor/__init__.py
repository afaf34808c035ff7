"""`churn doctor`: is there enough activity, and what would leaving mean here?"""
