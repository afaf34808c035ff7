"""Rows that are one activity together: lines of an order, an event that was sent again."""
