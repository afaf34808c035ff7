"""From probabilities to a list: value of a contact, ranking, cut at capacity, control group and its power."""
