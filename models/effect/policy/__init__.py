"""Judging another policy on what was logged: playbooks and rankings."""
