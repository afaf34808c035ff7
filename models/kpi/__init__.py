"""The figures a retention lead is asked for: what each is made of, their estimates, moves between states, cohorts."""
