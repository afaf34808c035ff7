"""From labelled observations to a champion: sample, panel, promotion gate, contest, backfill, scoring."""
