"""The team's rules: playbook, contact rules, consent, campaign, suppression."""
