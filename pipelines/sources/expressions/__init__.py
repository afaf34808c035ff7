"""Mappings as SQL: parsing, types, conversion of cells, the query of an activity."""
