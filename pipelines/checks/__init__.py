"""Great Expectations on activity, features and scores: rules, figures, report, page."""
