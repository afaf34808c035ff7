"""Sentences in the team's language: catalogues of translations, numbers, days and amounts."""
