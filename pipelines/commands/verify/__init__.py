"""`churn verify`: every digest that is kept, compared with what is there now."""
