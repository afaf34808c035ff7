"""Judging another policy on what was logged: playbooks, rankings, uplift and its gate."""
