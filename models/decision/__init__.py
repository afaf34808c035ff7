"""From probabilities to a list: worth of a contact, ranking, cut at capacity, control group and its power."""
