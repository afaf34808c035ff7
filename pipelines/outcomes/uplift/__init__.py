"""Whom to contact, by an experiment: any table, or a campaign of the ledger. See models/effect/uplift."""
