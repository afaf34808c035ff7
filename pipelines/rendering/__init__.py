"""Renders the list: files, workbook, page, terminal, in the team's language."""
